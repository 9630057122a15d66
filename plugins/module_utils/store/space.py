# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Room for models, asked before the first byte of one comes."""

from __future__ import annotations

import errno

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import existing, free_bytes
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size

PRUNE = "Free space there, remove models that no agent uses (prune), or take a smaller model; then run again: what was pulled is kept"
MOVE = "Free space there, then run again: nothing was taken away"


def check(what: str, folder: str, needed: int, min_free: int, remedy: str = PRUNE) -> None:
    """Make sure that ``needed`` bytes fit beside ``min_free`` others.

    :param what: what can't be done without them. :param folder: where; its nearest parent counts while it is not there.
    :param remedy: what to do when they don't.
    :raises TenancyError: ``disk_full``, with both numbers.
    """
    free = free_bytes(existing(folder)) or 0
    if needed > 0 and needed + min_free > free:
        raise full(what, folder, needed, free, min_free, remedy)


def full(
    what: str, folder: str, needed: int, free: int | None = None, min_free: int = 0, remedy: str = PRUNE
) -> TenancyError:
    """The error for a disk without room."""
    found = (free_bytes(folder) or 0) if free is None else free
    beside = f" and {human_size(min_free)} shall stay free" if min_free else ""
    return TenancyError(
        what,
        cause=f"{human_size(needed)} are still to come{beside}, but {folder} has {human_size(found)}",
        remedy=remedy,
        kind="disk_full",
        lasting=True,
        needed=needed,
        free=found,
    )


def is_full(error: OSError) -> bool:
    """Whether a file could not be written for lack of room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def fault(what: str, folder: str, error: OSError, needed: int = 4096) -> TenancyError:
    """The error for a file that could not be written.

    :param needed: bytes that it takes, those of one block when not known.
    """
    if is_full(error):
        return full(what, folder, needed)
    return TenancyError(
        what, cause=error.strerror or str(error), remedy="Check the disk, then run again", kind="store_unwritable"
    )
