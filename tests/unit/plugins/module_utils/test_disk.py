# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Room is asked of the disk that a folder will be on, and a file takes what it takes, whatever its length and its names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils import disk


@pytest.mark.parametrize("folder", ["", "made", "made/later/and/below", "file", "file/below", "link", "dangling/below"])
def test_nearest_folder(tmp_path: Path, folder: str) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("made")
    (tmp_path / "dangling").symlink_to("nowhere")
    there = tmp_path / folder.partition("/")[0]
    assert disk.existing(str(tmp_path / folder)) == str(there if there.is_dir() else tmp_path)


def test_room(tmp_path: Path) -> None:
    volume = os.statvfs(tmp_path)
    assert 0 <= disk.free_bytes(str(tmp_path)) <= volume.f_blocks * volume.f_frsize
    assert disk.free_bytes(str(tmp_path / "not there")) is None


def test_holes_and_second_names_take_nothing(tmp_path: Path) -> None:
    whole, holes = tmp_path / "whole", tmp_path / "holes"
    whole.write_bytes(b"x" * 98_304)
    holes.touch()
    os.truncate(holes, 98_304)
    (tmp_path / "again").hardlink_to(whole)
    (tmp_path / "link").symlink_to("/bin/sh")
    taken = disk.allocated_at(str(whole))
    assert 98_304 <= taken == disk.allocated(whole.stat())
    assert [disk.allocated_at(str(path)) for path in (holes, tmp_path / "not there")] == [0, 0]
    assert taken <= disk.used(str(tmp_path)) < 2 * taken


def test_last_mount_at_a_place_is_the_one_that_is_seen(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:50 / /models rw - tmpfs tmpfs rw\n"
        "41 40 0:51 / /models rw - overlay overlay rw,lowerdir=/a,upperdir=/b\n"
    )
    assert disk.mounted(str(table)) == {"/": ("ext4", "rw"), "/models": ("overlay", "rw,lowerdir=/a,upperdir=/b")}
