# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tree that a tenant writes is walked, read and erased whatever is in it, and nothing outside is touched."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils import tenant_tree

from tests.support.deep_tree import deep

# Of tests.support.deep_tree.
LEVELS, NAME = 1100, "directory"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for path in ("a/b", "c"):
        (folder / path).mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    (folder / "a" / "b" / "file").write_text("1")
    (folder / "a" / "c").symlink_to(tmp_path / "outside")
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    return folder


def paths(folder: Path, *below: str, depth: int = 0) -> list[str]:
    return [entry.path for entry in tenant_tree.walk(str(folder), below, depth)]


def test_all_is_told_in_order_and_no_link_is_followed(folder: Path) -> None:
    before = descriptors()
    assert paths(folder) == ["a", "a/b", "a/b/file", "a/c", "c", "link", "pipe"]
    assert paths(folder, depth=2) == ["a", "a/b", "a/c", "c", "link", "pipe"]
    assert paths(folder, "a") == ["a/b", "a/b/file", "a/c"]
    # A link, a pipe, nothing, no top.
    assert paths(folder, "a", "c") == paths(folder, "pipe") == paths(folder, "gone") == paths(folder / "gone") == []
    [entry] = [os.readlink(each.reach) for each in tenant_tree.at(str(folder), ["link"])]
    assert entry == "/etc/passwd"
    assert not list(tenant_tree.at(str(folder), ["a", "c", "kept"])) and not list(tenant_tree.at(str(folder), ["gone"]))
    # One that stops early leaves nothing open.
    next(tenant_tree.walk(str(folder)))
    assert descriptors() == before


def test_a_tree_of_any_depth_is_walked_and_erased(folder: Path) -> None:
    deep(folder)
    before = descriptors()
    for entry in tenant_tree.walk(str(folder), strict=True):
        if entry.name == "last":
            assert len(entry.path) == LEVELS * (len(NAME) + 1) + 4 > 4096 and os.stat(entry.reach).st_size == 5000
            assert descriptors() <= before + 2
            break
    else:
        raise AssertionError("the last file was not come to")
    tenant_tree.remove(str(folder))
    assert not folder.exists() and (folder.parent / "outside" / "kept").exists() and descriptors() == before
    tenant_tree.remove(str(folder))


def to_a_link(folder: Path, outside: Path) -> None:
    (folder / "a").rename(folder / "moved")
    (folder / "a").symlink_to(outside)


CHANGES: list[Callable[[Path, Path], object]] = [
    # A directory that was just come to is where its ".." leads out of what is walked, is a link, or is gone.
    lambda folder, outside: (folder / "a" / "b").rename(folder / "c" / "b"),
    to_a_link,
    lambda folder, outside: ((folder / "a" / "b" / "file").unlink(), (folder / "a" / "b").rmdir()),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("moment", ["a", "a/b", "a/b/file"])
def test_what_is_moved_meanwhile_leads_nowhere_else(folder: Path, change: Callable[[Path, Path], object], moment: str) -> None:
    (folder / "a" / "b" / "second").write_text("2")
    seen = []
    for entry in tenant_tree.walk(str(folder), strict=True):
        seen.append(entry.path)
        if entry.path == moment:
            (folder / "a" / "b" / "second").unlink()
            change(folder, folder.parent / "outside")
    assert not [path for path in seen if "kept" in path or "second" in path] and seen[-2:] == ["link", "pipe"]


@pytest.mark.parametrize(
    ("name", "error"),
    [("link", tenant_tree.NoFile), ("pipe", tenant_tree.NoFile), ("a", tenant_tree.NoFile), ("gone", FileNotFoundError)],
)
def test_nothing_but_a_regular_file_is_opened(folder: Path, name: str, error: type[OSError]) -> None:
    before = descriptors()
    with os.fdopen(tenant_tree.open_file(str(folder / "a" / "b" / "file"))) as file:
        assert file.read() == "1"
    with pytest.raises(FileNotFoundError) as caught:
        tenant_tree.open_file(str(folder / name))
    assert caught.type is error and descriptors() == before


def test_a_directory_of_its_own_above_is_never_left(folder: Path) -> None:
    names = []
    for entry in tenant_tree.walk(str(folder), ["a"]):
        names.append(entry.name)
        if entry.name == "b":
            (folder / "a" / "b").rename(folder / "b")
    # What was moved out is not begun, and nothing beside "a" is told.
    assert names == ["b", "c"]


def test_many_levels_take_little_memory(folder: Path) -> None:
    deep(folder)
    tracemalloc.start()
    try:
        assert sum(1 for _entry in tenant_tree.walk(str(folder))) == LEVELS + 8
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
        tenant_tree.remove(str(folder))
