# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gets into a store out of a directory that a hostile tenant writes, and what of another tenant's it can have handed out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Cancelled, Watcher
from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.store.places import LARGEST, manifests_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.promotion import AgentSource, Owned
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import Staging

WEIGHTS, CONFIG, SECRET = b"weights " * 4000, b"{}", b"secrets!" * 4000


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def manifest(*bodies: bytes, **more: object) -> bytes:
    parts = [{"digest": digest(body), "size": len(body)} for body in bodies]
    return json.dumps({"config": parts[0], "layers": parts[1:], **more}).encode()


class Tenant:
    """The directory of an agent with a model of its own, over a view of a store that has another tenant's."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(str(folder / "store"))
        self.layout.prepare()
        self.own, self.view, self.elsewhere = (folder / name for name in ("own", "view", "elsewhere"))
        for place in (self.own, self.view, self.elsewhere):
            (place / "blobs").mkdir(parents=True)
        self.manifest = self.own / "manifests" / manifest_path("mine")
        self.manifest.parent.mkdir(parents=True)
        self.manifest.write_bytes(manifest(CONFIG, WEIGHTS))
        for body in (WEIGHTS, CONFIG):
            self.blob(body).write_bytes(body)
        Path(self.layout.blob(digest(SECRET))).write_bytes(SECRET)
        self.before = self.files()

    def blob(self, body: bytes, folder: Path | None = None) -> Path:
        return (folder or self.own) / "blobs" / blob_name(digest(body))

    def files(self) -> set[str]:
        return {str(path) for path in Path(self.layout.root).rglob("*") if path.is_file() and path.parent.name != "locks"}

    def source(self, replace: bool = False) -> AgentSource:
        owned = Owned(str(self.own), str(self.view))
        return AgentSource(self.layout, "mine:v2", "acme", "mine:latest", replace, lambda: owned)

    def promote(self, see: Callable[[], None] = lambda: None, replace: bool = False, min_free: int = 0) -> content.Manifest:
        """As the worker does it."""
        watcher = Watcher(lambda progress: see(), Event())
        staging = Staging(self.layout, "mine:v2", watcher, min_free)
        made = self.source(replace).stage(staging)
        commit.commit(self.layout, "mine:v2", made, staging.guard)
        return made


@pytest.fixture(name="tenant")
def _tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


def test_one_model_gets_in_as_copies_and_nothing_else(tenant: Tenant) -> None:
    (tenant.own / "blobs" / "sha256-of-mine").write_bytes(b"private")
    other = tenant.own / "manifests" / manifest_path("other")
    other.parent.mkdir(parents=True)
    other.write_bytes(manifest(CONFIG, b"private"))
    tenant.source().prove()
    assert tenant.files() == tenant.before
    made = tenant.promote()
    assert made.body == tenant.manifest.read_bytes()
    new = {tenant.layout.blob(digest(body)) for body in (WEIGHTS, CONFIG)} | {tenant.layout.manifest("mine:v2")}
    assert {path for path in tenant.files() - tenant.before if "/origins/" not in path} == new
    assert all(os.stat(tenant.layout.blob(digest(body))).st_nlink == 1 for body in (WEIGHTS, CONFIG))
    # The agent has it no more: what was promoted stays, and there is nothing to do.
    tenant.manifest.unlink()
    assert tenant.source().manifest().digest == made.digest


def replaced_by(put: Callable[[Path, Tenant], None]) -> Callable[[Tenant], None]:
    def act(tenant: Tenant) -> None:
        place = tenant.blob(WEIGHTS)
        place.unlink()
        put(place, tenant)
    return act


def elsewhere(folder: str) -> Callable[[Tenant], None]:
    """The tenant's folder is a link to one of others that has just the same."""
    def act(tenant: Tenant) -> None:
        (tenant.own / folder).rename(tenant.elsewhere / "real")
        (tenant.own / folder).symlink_to(tenant.elsewhere / "real")
    return act


def written(body: bytes) -> Callable[[Tenant], None]:
    return lambda tenant: tenant.manifest.write_bytes(body) and None


def linked_manifest(tenant: Tenant) -> None:
    tenant.manifest.rename(tenant.elsewhere / "manifest")
    tenant.manifest.symlink_to(tenant.elsewhere / "manifest")


def pipe_for_manifest(tenant: Tenant) -> None:
    tenant.manifest.unlink()
    os.mkfifo(tenant.manifest)


def link_to_same(place: Path, tenant: Tenant) -> None:
    (tenant.elsewhere / "file").write_bytes(WEIGHTS)
    place.symlink_to(tenant.elsewhere / "file")


def names_a_secret(tenant: Tenant) -> None:
    """It knows no more of another's model than its checksum and its length."""
    tenant.manifest.write_bytes(manifest(CONFIG, SECRET))


def pretends_to_have_it(tenant: Tenant) -> None:
    names_a_secret(tenant)
    with tenant.blob(SECRET).open("wb") as file:
        file.truncate(len(SECRET))


HUGE = json.dumps({"config": None, "layers": [{"digest": digest(WEIGHTS), "size": 2**70}]}).encode()
NOT_OWN = "model_not_own"


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (linked_manifest, NOT_OWN), (pipe_for_manifest, NOT_OWN), (elsewhere("manifests"), NOT_OWN),
        (written(b" " * (LARGEST + 1)), NOT_OWN), (written(b""), NOT_OWN),
        (written(b"[" * 100_000), "bad_manifest"), (written(b"\xff\xfe{}"), "bad_manifest"), (written(HUGE), "bad_manifest"),
        (written(manifest(CONFIG, WEIGHTS).replace(b"32000", b"-1")), "bad_manifest"),
        (written(manifest(CONFIG, WEIGHTS).replace(b"32000", b"1e999")), "bad_manifest"),
        (written(manifest(CONFIG).replace(b"sha256:", b"sha256:../../")), "bad_manifest"),
        (written(manifest(CONFIG, b"nowhere")), "model_unsound"),
        (elsewhere("blobs"), "model_unsound"), (replaced_by(link_to_same), "model_unsound"),
        (replaced_by(lambda place, tenant: os.mkfifo(place)), "model_unsound"),
        (replaced_by(lambda place, tenant: place.mkdir()), "model_unsound"),
        (replaced_by(lambda place, tenant: place.write_bytes(SECRET) and None), "model_unsound"),
        (replaced_by(lambda place, tenant: place.write_bytes(WEIGHTS[:-1]) and None), "model_unsound"),
        (names_a_secret, "model_unsound"), (pretends_to_have_it, "model_unsound"),
    ],
)
def test_refused_in_check_mode_and_for_real(tenant: Tenant, act: Callable[[Tenant], None], kind: str) -> None:
    act(tenant)
    for attempt in (tenant.source().prove, tenant.promote):
        with pytest.raises(TenancyError) as refused:
            attempt()
        assert refused.value.kind == kind and refused.value.remedy
        assert {path for path in tenant.files() - tenant.before if path != tenant.layout.blob(digest(CONFIG))} == set()
    # Whoever lists what a tenant has comes to an end with it, too.
    assert set(manifests_of(str(tenant.own))) <= {"mine:latest"}


def test_what_the_agent_sees_of_the_store_counts_as_its_own(tenant: Tenant) -> None:
    names_a_secret(tenant)
    os.link(tenant.layout.blob(digest(SECRET)), tenant.blob(SECRET, tenant.view))
    tenant.source().prove()
    assert {blob.digest for blob in tenant.promote().blobs} == {digest(CONFIG), digest(SECRET)}


def test_a_file_that_changes_while_it_is_read_stays_out(tenant: Tenant) -> None:
    big = WEIGHTS * 64
    tenant.blob(big).write_bytes(big)
    tenant.manifest.write_bytes(manifest(big))
    changing = tenant.blob(big)

    def spoil() -> None:
        if list(Path(tenant.layout.partial).rglob("seed")):
            with changing.open("r+b") as file:
                file.seek(-8, 2)
                file.write(b"EVILEVIL")

    with pytest.raises(TenancyError, match="changed meanwhile"):
        tenant.promote(spoil)
    assert tenant.files() == tenant.before


def test_a_name_is_given_away_once(tenant: Tenant) -> None:
    first = tenant.promote()
    tenant.manifest.write_bytes(manifest(CONFIG, WEIGHTS, annotations="newer"))
    for attempt in (tenant.source().manifest, tenant.promote):
        with pytest.raises(TenancyError) as refused:
            attempt()
        assert refused.value.kind == "name_taken" and "no agent sees" in refused.value.cause
    # Also when another run gives it away while this one copies.
    given = Path(tenant.layout.manifest("mine:v2"))
    given.rename(tenant.elsewhere / "given")
    with pytest.raises(TenancyError) as refused:
        tenant.promote(lambda: shutil.copy(tenant.elsewhere / "given", given) and None)
    assert refused.value.kind == "name_taken"
    assert content.read(tenant.layout.root, "mine:v2").digest == first.digest
    assert tenant.promote(replace=True).digest != first.digest


def test_room_is_checked_before_the_first_byte(tenant: Tenant) -> None:
    with pytest.raises(TenancyError) as refused:
        tenant.promote(min_free=2**62)
    assert refused.value.kind == "disk_full" and tenant.files() == tenant.before
    # A file without a byte on the disk, which would take days to be read.
    weights = json.loads(tenant.manifest.read_bytes())["layers"][0]
    with tenant.blob(WEIGHTS).open("wb") as file:
        file.truncate(shutil.disk_usage(tenant.own).free + 2**40)
        tenant.manifest.write_bytes(json.dumps({"layers": [{**weights, "size": file.seek(0, 2)}]}).encode())
    for attempt in (tenant.source().prove, tenant.promote):
        with pytest.raises(TenancyError) as refused:
            attempt()
        assert refused.value.kind == "disk_full"
    assert not list(Path(tenant.layout.partial).iterdir())


def test_one_that_is_given_up_leaves_nothing_that_is_seen(tenant: Tenant) -> None:
    def give_up() -> None:
        if list(Path(tenant.layout.partial).rglob("seed")):
            raise Cancelled

    with pytest.raises(Cancelled):
        tenant.promote(give_up)
    assert tenant.files() == tenant.before
    assert tenant.promote().digest == content.read(tenant.layout.root, "mine:v2").digest
