# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared models that an agent deleted: the kernel notes that in the agent's own directory, as whiteouts.

A whiteout is a device with the number 0/0 in the place of what was deleted; a directory that was deleted and made anew
is marked opaque. While the volume is mounted they are only read: changing them would confuse the kernel.
"""

from __future__ import annotations

import os
import stat
from typing import Iterable, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import blob_name, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import OPAQUE


def hidden(upper: str, view: str, names: Iterable[str]) -> list[str]:
    """The models of a view that can't be seen or loaded any more.

    :param upper: the agent's own directory. :param view: the view's directory.
    """
    return sorted(name for name in names if any(_cover(upper, path) for path in _paths(upper, view, name)))


def unhide(upper: str, view: str, names: Iterable[str]) -> None:
    """Have models of a view seen again. Only while the volume is not mounted."""
    for name in names:
        for path in _paths(upper, view, name):
            while cover := _cover(upper, path):
                if stat.S_ISDIR(os.lstat(cover).st_mode):
                    os.removexattr(cover, OPAQUE)
                else:
                    os.unlink(cover)


def _paths(upper: str, view: str, name: str) -> Iterator[str]:
    """Files that a model of the view needs, unless the agent has a version of its own."""
    path = os.path.join("manifests", manifest_path(name))
    own = os.path.join(upper, path)
    if os.path.isfile(own) and not os.path.islink(own):
        return
    yield path
    try:
        manifest = content.read(view, name)
    except (OSError, TenancyError):
        return
    for blob in manifest.blobs:
        yield os.path.join("blobs", blob_name(blob.digest))


def _cover(upper: str, path: str) -> str:
    """What in ``upper`` hides the file ``path`` of the view; empty when nothing does."""
    place, opaque = upper, ""
    for part in path.split(os.sep):
        place = os.path.join(place, part)
        try:
            found = os.lstat(place)
        except OSError:
            return opaque
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            return place
        if not stat.S_ISDIR(found.st_mode):
            return ""
        opaque = place if _is_opaque(place) else opaque
    return ""


def _is_opaque(folder: str) -> bool:
    try:
        return os.getxattr(folder, OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False
