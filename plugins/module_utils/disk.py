# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disks of this machine: which one a folder is on, the room there, what files take of it. Reads only."""

from __future__ import annotations

import os
import stat

from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import walk

MOUNTS = "/proc/self/mountinfo"


def existing(folder: str) -> str:
    """A folder, or its nearest parent while it is not there: its disk is the one that it will be on."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def free_bytes(folder: str) -> int | None:
    """Bytes that are free for us on the disk of ``folder``; None when this machine or user does not see it."""
    try:
        volume = os.statvfs(folder)
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize


def allocated(found: os.stat_result) -> int:
    """Bytes of disk that a file takes, by its status: a download is as long as the whole, with holes where nothing came yet."""
    return found.st_blocks * 512


def allocated_at(path: str) -> int:
    """Bytes of disk that the file at ``path`` takes; 0 for none."""
    try:
        return allocated(os.stat(path))
    except OSError:
        return 0


def used(folder: str) -> int:
    """Bytes of disk that the files below a folder take, each counted once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for _place, _parents, _name, found in walk(folder):
        if not stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            total += allocated(found)
    return total


def mounted(table: str = MOUNTS) -> dict[str, tuple[str, str]]:
    """What is mounted: kind of file system and its options, by place."""
    found = {}
    with open(table, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            columns = line.split()
            # The last mount at a place is the one that is seen.
            found[columns[4]] = (columns[columns.index("-") + 1], columns[-1])
    return found
