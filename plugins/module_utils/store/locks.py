# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks of a store. The kernel holds them for the process, so a killed run leaves none behind."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import Callable, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

# Shared by whoever adds to the store or makes a view and links an agent to it; exclusive for who takes away.
CONTENT = "store"
# Shared by downloads and creations for as long as they take: blobs may be there that no manifest names yet.
ARRIVALS = "arrivals"
# For who gives a name to a model.
NAMES = "names"
# For who makes or mends a view.
VIEWS = "views"


@contextmanager
def shared(layout: Layout, name: str = CONTENT) -> Iterator[None]:
    """Hold a lock beside others who add. Waits for one who takes away, which is a matter of seconds."""
    with _held(_file(layout, name), fcntl.LOCK_SH):
        yield


@contextmanager
def exclusive(layout: Layout, name: str = CONTENT) -> Iterator[None]:
    """Hold a lock alone. Waits for those who add."""
    with _held(_file(layout, name), fcntl.LOCK_EX):
        yield


@contextmanager
def alone(layout: Layout, name: str) -> Iterator[bool]:
    """Hold a lock alone if nobody else does; gives whether that is so. Never waits."""
    with _open(_file(layout, name)) as descriptor:
        yield _taken(descriptor)


@contextmanager
def waited(layout: Layout, name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock alone, however long another has it.

    :param waiting: is called again and again until then, and takes a moment each time; may raise to give up.
    """
    with _open(_file(layout, name)) as descriptor:
        while not _taken(descriptor):
            waiting()
        yield


def hold(path: str) -> int | None:
    """Hold a file or folder itself alone, by a descriptor to be closed; None while another has it, or when it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if _taken(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def dead(path: str) -> bool:
    """Whether no run holds a file or folder (any more)."""
    held = hold(path)
    if held is not None:
        os.close(held)
    return held is not None or not os.path.lexists(path)


def _file(layout: Layout, name: str) -> str:
    return os.path.join(layout.locks, name)


@contextmanager
def _open(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _held(path: str, mode: int) -> Iterator[None]:
    with _open(path) as descriptor:
        fcntl.flock(descriptor, mode)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
