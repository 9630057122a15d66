# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a directory that a tenant writes, who is root in a container and may change it at any moment.

No link is followed in any part of a path, and nothing but a regular file is ever opened: to open a pipe or a device may
already do something.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import BinaryIO, Callable, Iterator, Sequence

# Stands for what is at a path, be it a link, without opening it.
_AT = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# A tenant that has a lease of its file would have whoever opens it wait for as long as the kernel lets it.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened(folder: str, parts: Sequence[str], fits: Callable[[int], bool]) -> Iterator[BinaryIO | None]:
    """The regular file at ``parts`` below ``folder``, to be read; None when there is none, or one whose length does not fit.

    :param folder: whose own path is ours, links and all; what is below it is the tenant's.
    """
    descriptor = _open(folder, parts)
    if descriptor < 0:
        yield None
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file if fits(os.fstat(descriptor).st_size) else None


def read(folder: str, parts: Sequence[str], largest: int) -> bytes:
    """The bytes of such a file; none of anything else, and none of one that is larger."""
    with opened(folder, parts, lambda size: size <= largest) as file:
        return file.read(largest) if file else b""


def _open(folder: str, parts: Sequence[str]) -> int:
    try:
        place = _reach(folder, parts)
    except OSError:
        return -1
    try:
        return os.open(f"/proc/self/fd/{place}", _READ) if stat.S_ISREG(os.fstat(place).st_mode) else -1
    except OSError:
        return -1
    finally:
        os.close(place)


def _reach(folder: str, parts: Sequence[str]) -> int:
    """What stands for the file. A link on the way is no directory, so nothing is found below it."""
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        try:
            below = os.open(part, _AT, dir_fd=place)
        finally:
            os.close(place)
        place = below
    return place
