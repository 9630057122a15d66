# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree that is deeper than Python recurses, and longer than a path may be, as a tenant makes it from within."""

from __future__ import annotations

import os
from pathlib import Path


def deep(folder: Path, name: str = "directory", levels: int = 1100) -> None:
    """Nest directories of one name, with a file of 5000 bytes in the last one."""
    place = os.open(folder, os.O_RDONLY)
    for _level in range(levels):
        os.mkdir(name, dir_fd=place)
        below = os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    with os.fdopen(os.open("last", os.O_WRONLY | os.O_CREAT, dir_fd=place), "wb") as file:
        file.write(b"x" * 5000)
    os.close(place)
