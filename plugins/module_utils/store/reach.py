# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether agents of an engine can have their models in a store at some place."""

from __future__ import annotations

import os

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import existing, mounted
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, Engine
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

_UNSUITABLE = frozenset({"overlay", "nfs", "nfs4", "cifs", "smb3", "vfat", "exfat", "ntfs3", "9p", "squashfs", "ceph"})
_PRIVATE = "Or set agent_model_store: private (without the option 'store') for agents with models of their own"


def require_reach(path: str, engine: Engine) -> None:
    """Check that this process may change what is at ``path`` on the engine's host.

    :raises TenancyError: ``store_remote_engine``, ``store_needs_root``.
    """
    if not engine.local:
        raise TenancyError(
            f"Agents of a remote Docker Engine can't have their models in the store {path}",
            cause="its directories are on another machine than this module",
            remedy=f"Run on the engine's own host, against its socket. {_PRIVATE}", kind="store_remote_engine",
        )
    if os.geteuid() != 0:
        raise TenancyError(
            f"Model store {path} can't be used by this user",
            cause="only root may read and change it, since all tenants' models are in it",
            remedy=f"Run with become: true. {_PRIVATE}", kind="store_needs_root",
        )


def require_place(layout: Layout, engine: Engine) -> None:
    """Check that agents of this engine can mount a store at this place.

    :raises TenancyError: ``store_remote_engine``, ``store_needs_root``, ``store_file_system``, or as ``Layout.exists``.
    """
    require_reach(layout.root, engine)
    kind = file_system(layout.root)
    if kind in _UNSUITABLE or kind.startswith("fuse"):
        raise TenancyError(
            f"Model store {layout.root} is on a file system that can't carry it",
            cause=f"{kind} can't be the writable part of an overlay mount",
            remedy=f"Choose a path on ext4 or xfs with agent_model_store_path. {_PRIVATE}", kind="store_file_system",
        )
    layout.exists()


def file_system(path: str) -> str:
    """The kind of file system that a path is on, or will be once it is made."""
    real = os.path.realpath(existing(path))
    kinds = {"/": "", **{place: kind for place, (kind, _options) in mounted().items()}}
    return max(((place, kind) for place, kind in kinds.items() if real == place or real.startswith(place.rstrip("/") + "/")),
               key=lambda pair: len(pair[0]))[1]


def fault_of_place(action: AgentAction, error: OSError) -> TenancyError:
    """The error for an agent whose models can't be changed on a disk: ``disk_full`` or ``store_unwritable``."""
    full = space.is_full(error)
    # A write knows no path. Copies for an agent that leaves the store go to the disk of the engine's volumes.
    leaves = (action.verb, action.kind, action.mount) == ("replace", "volume", None)
    place, name = _place_of(error)
    disk = place or ("the engine's volumes" if leaves else "the model store")
    return TenancyError(
        f"What agent '{action.agent}' has in the model store can't be changed",
        cause=": ".join(filter(None, (error.strerror or str(error), name))),
        remedy=f"Free space on the disk of {disk}, then run again" if full else "Look at that disk, then run again",
        kind="disk_full" if full else "store_unwritable",
        agent=action.agent,
    )


def _place_of(error: OSError) -> tuple[str, str]:
    """The path that an error names, if it says where that is, and the path or name to be shown: a tenant may have made it up."""
    path = error.filename if isinstance(error.filename, str) else ""
    short = path.startswith("/proc/self/fd/") or not os.path.isabs(path)
    return "" if short else path, repr(os.path.basename(path) if short else path)[1:-1]
