# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a directory that a tenant writes, who is root in a container and may change it at any moment.

No link is followed in any part of a path, and nothing but a regular file is ever opened: to open a pipe or a device may
already do something.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO, Callable, Iterator, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import Entry, at, open_file


def opened(folder: str, parts: Sequence[str], fits: Callable[[int], bool]) -> AbstractContextManager[BinaryIO | None]:
    """The regular file at ``parts`` below ``folder``, to be read; None when there is none, or one whose length does not fit.

    :param folder: whose own path is ours, links and all; what is below it is the tenant's.
    """
    return _fitting(_found(folder, parts), fits)


def read(folder: str, parts: Sequence[str], largest: int) -> bytes:
    """The bytes of such a file; none of anything else, and none of one that is larger."""
    return _bytes(_found(folder, parts), largest)


def read_entry(entry: Entry, largest: int) -> bytes:
    """:func:`read` of what a walk is at."""
    return _bytes(_open(entry), largest)


def _bytes(descriptor: int, largest: int) -> bytes:
    with _fitting(descriptor, lambda size: size <= largest) as file:
        return file.read(largest) if file else b""


@contextmanager
def _fitting(descriptor: int, fits: Callable[[int], bool]) -> Iterator[BinaryIO | None]:
    if descriptor < 0:
        yield None
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file if fits(os.fstat(descriptor).st_size) else None


def _found(folder: str, parts: Sequence[str]) -> int:
    try:
        return next((_open(entry) for entry in at(folder, parts)), -1)
    except OSError:
        return -1


def _open(entry: Entry) -> int:
    try:
        return open_file(entry.reach)
    except OSError:
        return -1
