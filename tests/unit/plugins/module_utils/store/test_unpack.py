# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of models that are damaged, cut off or made to do harm."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.archive_index import INDEX, index_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.staging import Stage, dead, left, stage
from ansible_collections.llmops.tenancy.plugins.module_utils.store.unpack import listed, unpack

WEIGHTS = os.urandom(100_000)
CONFIG = b'{"os": "linux"}'
MANIFEST = "manifests/registry.ollama.ai/library/demo/latest"


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def blob(body: bytes) -> str:
    return f"blobs/{digest(body).replace(':', '-')}"


def members() -> dict[str, bytes]:
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest(WEIGHTS), "size": len(WEIGHTS)}
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)}
    body = json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode()
    index = index_of({"demo:latest": content.parse(body, "demo")})
    return {INDEX: index.body(), "SHA256SUMS": index.sums(), MANIFEST: body, blob(CONFIG): CONFIG, blob(WEIGHTS): WEIGHTS}


def member(name: str, body: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(body), kind, link
    return info, body


def tar(path: Path, files: dict[str, bytes], *more: tuple[tarfile.TarInfo, bytes]) -> str:
    with tarfile.open(path, "w") as out:
        for info, body in [*(member(name, body) for name, body in files.items()), *more]:
            out.addfile(info, io.BytesIO(body))
    return str(path)


def folder(path: Path, files: dict[str, bytes]) -> str:
    for name, body in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
    return str(path)


@pytest.fixture
def place(tmp_path: Path) -> Stage:
    made = Stage(str(tmp_path / "stage"))
    os.makedirs(os.path.join(made.models, "blobs"))
    return made


@pytest.fixture(params=[tar, folder])
def make(request, tmp_path):
    return lambda files: request.param(tmp_path / "archive", files)


def take(path: str, place: Stage, names: tuple[str, ...] = (), checksum: str = "", present=lambda digest, size: False):
    return unpack(path, names, place, present, lambda progress: None, checksum)


def files_of(place: Stage) -> dict[str, bytes]:
    root = Path(place.models)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_whole(make, place):
    files = members()
    path = make(files)
    assert [model.name for model in listed(path)] == ["demo:latest"]
    (manifest,) = take(path, place, ("demo",), digest(files[INDEX]))
    assert manifest.body == files[MANIFEST]
    assert files_of(place) == {name: files[name] for name in (MANIFEST, blob(CONFIG), blob(WEIGHTS))}


def test_what_the_store_has_is_not_taken_again(make, place):
    take(make(members()), place, present=lambda one, size: one == digest(WEIGHTS))
    assert set(files_of(place)) == {MANIFEST, blob(CONFIG)}


def test_a_tar_of_the_directory_made_by_hand(place, tmp_path):
    files = members()
    backwards = {f"./{name}": files[name] for name in sorted(files)}
    path = tar(tmp_path / "a.tar", backwards, member("./blobs", kind=tarfile.DIRTYPE), member("./", kind=tarfile.DIRTYPE))
    assert take(path, place)[0].body == files[MANIFEST]


def changed(**changes: bytes | None) -> dict[str, bytes]:
    """The files with some of them others, or left out."""
    names = {"index": INDEX, "manifest": MANIFEST, "weights": blob(WEIGHTS)}
    files = members()
    for name, body in changes.items():
        if body is None:
            del files[names[name]]
        else:
            files[names[name]] = body
    return files


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (changed(weights=WEIGHTS[:-1] + b"x" if WEIGHTS[-1:] != b"x" else WEIGHTS[:-1] + b"y"), "damaged"),
        (changed(weights=WEIGHTS[:-1]), "99999 bytes"),
        (changed(weights=None), "missing"),
        (changed(manifest=None), "missing"),
        (changed(manifest=members()[MANIFEST] + b" "), "another one"),
        (changed(index=None), INDEX),
        (changed(index=b"{}"), "index is damaged"),
        (changed(index=b'{"format": 1, "models": [{"name": "a", "digest": "../..", "size": 1}], "blobs": {}}'), "damaged"),
        (changed(index=b'{"format": 1, "models": [], "blobs": {"sha256:../../x": 1}}'), "damaged"),
    ],
)
def test_damaged(make, place, files, says):
    with pytest.raises(TenancyError) as raised:
        take(make(files), place)
    assert raised.value.kind == "bad_archive" and says in str(raised.value)


def test_of_a_later_release(make, place):
    with pytest.raises(TenancyError) as raised:
        take(make(changed(index=b'{"format": 2}')), place)
    assert raised.value.kind == "archive_too_new"


def test_another_checksum(make, place):
    with pytest.raises(TenancyError) as raised:
        take(make(members()), place, checksum=digest(b"another"))
    assert raised.value.kind == "checksum_mismatch" and not files_of(place)


def test_a_model_that_it_does_not_have(make, place):
    with pytest.raises(TenancyError) as raised:
        take(make(members()), place, ("phi4-mini",))
    assert raised.value.kind == "model_not_in_archive" and "it has demo:latest" in str(raised.value)


@pytest.mark.parametrize("kept", [0, 100, 512, 1500, 3000, 60_000, 100_000])
def test_cut_off(place, tmp_path, kept):
    path = Path(tar(tmp_path / "a.tar", members()))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(TenancyError) as raised:
        take(str(path), place)
    assert raised.value.kind == "bad_archive" and "a.tar" in str(raised.value)


@pytest.mark.parametrize(
    "extra",
    [
        member("../../etc/cron.d/evil", b"x"),
        member("/etc/cron.d/evil", b"x"),
        member("blobs/../../evil", b"x"),
        member("blobs/evil", b"x"),
        member("manifests/a/b/c/..", b"x"),
        member("manifests/a/b/c/d/e", b"x"),
        member("..", kind=tarfile.DIRTYPE),
        member("blobs/evil", kind=tarfile.SYMTYPE, link="/etc/shadow"),
        member(blob(b"1"), kind=tarfile.SYMTYPE, link="/etc/shadow"),
        member(blob(b"1"), kind=tarfile.LNKTYPE, link="/etc/shadow"),
        member(blob(b"1"), kind=tarfile.CHRTYPE),
        member(blob(b"1"), kind=tarfile.BLKTYPE),
        member(blob(b"1"), kind=tarfile.FIFOTYPE),
        member(blob(WEIGHTS), WEIGHTS),
        member(MANIFEST, b"{}"),
    ],
    ids=lambda pair: f"{pair[0].name[:20]}-{pair[0].type.decode(errors='replace')}",
)
def test_made_to_do_harm(place, tmp_path, extra):
    with pytest.raises(TenancyError) as raised:
        take(tar(tmp_path / "a.tar", members(), extra), place)
    assert raised.value.kind == "unsafe_archive" and not files_of(place)


def test_a_compressed_tar_is_told(place, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w:gz") as out:
        out.addfile(*[member(INDEX, b"{}")[0], io.BytesIO(b"{}")])
    with pytest.raises(TenancyError) as raised:
        take(str(tmp_path / "a.tar"), place)
    assert raised.value.kind == "bad_archive" and "compression" in str(raised.value)


@pytest.mark.parametrize("part", [blob(WEIGHTS), MANIFEST, "manifests/registry.ollama.ai", "blobs", INDEX])
def test_a_link_in_a_directory(place, tmp_path, part):
    path = Path(folder(tmp_path / "archive", members()))
    (path / part).rename(tmp_path / "elsewhere")
    (path / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TenancyError) as raised:
        take(str(path), place)
    assert raised.value.kind == "unsafe_archive"


def test_a_pipe_in_a_directory_holds_nobody_up(place, tmp_path):
    path = Path(folder(tmp_path / "archive", members()))
    (path / MANIFEST).unlink()
    os.mkfifo(path / MANIFEST)
    with pytest.raises(TenancyError) as raised:
        take(str(path), place)
    assert raised.value.kind == "unsafe_archive"


def test_a_folder_of_staging_is_held_while_its_run_lives(tmp_path):
    layout = Layout(str(tmp_path / "store"))
    os.makedirs(os.path.join(layout.staging, "left"))
    with stage(layout) as held:
        assert not dead(layout, held.name)
        assert [one.name for one in left(layout)] == ["left"]
    assert not os.path.exists(held.path) and dead(layout, held.name)
