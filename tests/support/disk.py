# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small file systems, to see what happens when a disk is full, and what folders take of one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.settings import Bench


@contextlib.contextmanager
def small_disk(size_mb: int, kind: str = "tmpfs") -> Iterator[Path]:
    """A mounted file system of a given size, unmounted and erased at the end.

    Args:
        size_mb: Its size in MiB; ext4 keeps some of it for itself.
        kind: ``tmpfs``, or ``ext4`` on a loop device.

    Yields:
        The folder where it is mounted; the engine of the bench sees it, too.
    """
    folder = Path(tempfile.mkdtemp(prefix="disk-", dir=Bench.current().folder))
    target, image = folder / "mount", folder / "image"
    target.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(target)]
    else:
        with image.open("wb") as file:
            file.truncate(size_mb << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
        command = ["mount", "-o", "loop", str(image), str(target)]
    subprocess.run(command, check=True)
    try:
        yield target
    finally:
        # Lazy: a container may still hold it.
        subprocess.run(["umount", "--lazy", str(target)], check=True)
        image.unlink(missing_ok=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill the file system of a folder until so many bytes are left; return the file that does it."""
    filler = folder / "filler"
    # Without a buffer, which could not be written when the file is closed.
    with filler.open("wb", buffering=0) as file:
        space = os.statvfs(folder)
        wanted = space.f_bavail * space.f_frsize - leave
        try:
            while wanted > 0:
                wanted -= file.write(bytes(min(wanted, 1 << 20)))
            file.flush()
        except OSError:
            return filler
    return filler


def taken(*folders: Path) -> int:
    """Bytes of disk below folders, each file once whatever the names that it has, without what is mounted there."""
    blocks = {}
    for top in folders:
        device = os.lstat(top).st_dev
        for folder, below, names in os.walk(top):
            for name in (*below, *names):
                found = os.lstat(os.path.join(folder, name))
                blocks[found.st_dev, found.st_ino] = found.st_blocks if found.st_dev == device else 0
            below[:] = [name for name in below if os.lstat(os.path.join(folder, name)).st_dev == device]
    return sum(blocks.values()) * 512
