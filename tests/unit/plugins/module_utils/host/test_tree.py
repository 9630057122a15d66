# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder as an archive and back, on a real file system."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils import tenant_tree
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import tree

from tests.support.deep_tree import deep


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Some data of an agent."""
    folder = tmp_path / "data"
    (folder / "blobs").mkdir(parents=True)
    (folder / "empty").mkdir(mode=0o700)
    (folder / "blobs" / "one").write_bytes(bytes(range(256)) * 5000)
    (folder / "blobs" / "two ü\n").write_bytes(b"")
    (folder / "blobs" / "two ü\n").chmod(0o600)
    os.symlink("/etc/passwd", folder / "link")
    os.link(folder / "blobs" / "one", folder / "same")
    os.mkfifo(folder / "pipe")
    os.mknod(folder / "deleted", stat.S_IFCHR, 0)
    return folder


def test_what_is_unpacked_is_what_was_packed(data: Path, tmp_path: Path) -> None:
    archive, target = str(tmp_path / "a.tar"), tmp_path / "target"
    packed = tree.pack(str(data), archive)
    assert packed == tree.look(str(data)) and (packed.files, packed.size) == (3, 2 * 256 * 5000)
    assert os.stat(archive).st_mode & 0o777 == 0o600
    assert tree.checksum_of(archive) == packed.checksum
    (tmp_path / "half").write_bytes(Path(archive).read_bytes()[:300_000])
    assert tree.checksum_of(str(tmp_path / "half")) != packed.checksum
    (tmp_path / "half").unlink()
    assert tree.checksum_of(str(tmp_path / "half")) == ""
    target.mkdir()
    (target / "old").write_text("of before")
    assert tree.unpack(archive, str(target), packed.checksum) == packed == tree.look(str(target))
    assert os.readlink(target / "link") == "/etc/passwd" and not (target / "old").exists()
    assert not (target / "pipe").exists(), "nothing is read from a pipe"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "data", "target"]


def test_what_is_empty_needs_no_look(tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh").chmod(0o755)
    assert tree.look(str(tmp_path / "fresh")) == tree.empty(os.getuid(), (tmp_path / "fresh").stat().st_gid)


CHANGES: list[Callable[[Path], None]] = [
    lambda data: (data / "blobs" / "one").write_bytes(b"other"),
    lambda data: (data / "blobs" / "one").chmod(0o644 ^ 0o022),
    lambda data: (data / "blobs" / "one").rename(data / "blobs" / "three"),
    lambda data: (data / "link").unlink(),
    lambda data: (data / "new").mkdir(),
    lambda data: data.chmod(0o711),
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(data: Path, change: Callable[[Path], None]) -> None:
    before = tree.look(str(data))
    change(data)
    assert tree.look(str(data)).checksum != before.checksum


def test_a_copy_that_differs_replaces_nothing(data: Path, tmp_path: Path) -> None:
    archive, target = str(tmp_path / "a.tar"), tmp_path / "target"
    packed = tree.pack(str(data), archive)
    target.mkdir()
    (target / "old").write_text("of before")
    content = bytearray(Path(archive).read_bytes())
    content[content.index(bytes(range(256))) + 7] ^= 1
    Path(archive).write_bytes(bytes(content))
    with pytest.raises(TenancyError) as caught:
        tree.unpack(archive, str(target), packed.checksum)
    assert caught.value.kind == "copy_differs" and (target / "old").exists()
    Path(archive).write_bytes(bytes(content[:5000]))
    with pytest.raises(TenancyError) as caught:
        tree.unpack(archive, str(target), packed.checksum)
    assert caught.value.kind == "bad_archive" and (target / "old").exists()


@pytest.mark.parametrize("names", [["."], ["../out"], [".", "./../out"], ["/out"], [".", "./link", "./link/out"]])
def test_no_entry_leaves_the_folder(tmp_path: Path, names: list[str]) -> None:
    archive = str(tmp_path / "a.tar")
    with tarfile.open(archive, "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type = {".": tarfile.DIRTYPE, "./link": tarfile.SYMTYPE}.get(name, tarfile.REGTYPE)
            info.linkname = str(tmp_path) if info.type == tarfile.SYMTYPE else ""
            tar.addfile(info, io.BytesIO())
    with pytest.raises(TenancyError):
        tree.unpack(archive, str(tmp_path / "target"), "no such checksum")
    assert not (tmp_path / "out").exists() and not (tmp_path / "target").exists()


def test_a_deep_tree_is_copied_and_one_without_a_name_is_refused(data: Path, tmp_path: Path) -> None:
    archive, target = str(tmp_path / "a.tar"), tmp_path / "target"
    deep(data, "d")
    packed = tree.pack(str(data), archive)
    # What a run that was killed left is erased, however deep.
    for left in ("target.moving", "target.left"):
        (tmp_path / left).mkdir()
        deep(tmp_path / left)
    assert tree.unpack(archive, str(target), packed.checksum) == packed == tree.look(str(target))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "data", "target"]
    deep(data)
    for attempt in (lambda: tree.look(str(data)), lambda: tree.pack(str(data), archive)):
        with pytest.raises(TenancyError) as caught:
            attempt()
        assert caught.value.kind == "tree_too_deep" and str(data) in str(caught.value)
    for folder in (data, target):
        tenant_tree.remove(str(folder))
