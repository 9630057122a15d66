# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent's models on their way: from a volume of its own under the store, back, and from one store to another.

What arrives is built aside and renamed, and its source is left alone until then, so a run that is killed in between
begins again from the same source. The agent does not run meanwhile.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from typing import Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, space, views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import blob_name, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.store.places import manifests_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.whiteouts import hidden

# What stays free beside the models on the disk that they go to.
ROOM = 64 * 1024**2


def take(folder: str, upper: str, view: str) -> None:
    """Make an agent's own directory of what its volume has and the view has not.

    A model is the view's when its manifest is, byte for byte; anything else is the tenant's own.

    :param folder: of the plain volume. :param upper: the directory to make. :param view: directory of its view.
    :raises TenancyError: ``disk_full``.
    """
    shared = {model.name: model.digest for model in content.list_models(view)}
    own = {name: found for name, found in manifests_of(folder).items() if shared.get(name) != found.digest}
    wanted = {os.path.join("manifests", manifest_path(name)) for name in own}
    wanted |= {
        path for found in own.values() for blob in found.blobs
        if not os.path.exists(os.path.join(view, path := os.path.join("blobs", blob_name(blob.digest))))
    }
    _renamed(folder, sorted(wanted), upper)


def follow(old: str, upper: str) -> None:
    """Bring an agent's own directory from one place to another, with what it notes of deleted models.

    :raises TenancyError: ``disk_full``.
    """
    _renamed(old, [os.path.relpath(path, old) for path in _entries(old)], upper)


def give(view: str, upper: str, folder: str) -> None:
    """Fill a plain volume with all that an agent sees: its own models, and copies of those that it shares.

    :raises TenancyError: ``disk_full``.
    """
    models = {model.name: model for model in content.list_models(view)}
    gone = set(hidden(upper, view, models)) | set(manifests_of(upper))
    paths = [(upper, os.path.relpath(path, upper)) for path in _entries(upper) if stat.S_ISREG(os.lstat(path).st_mode)]
    for name in sorted(set(models) - gone):
        paths += [(view, os.path.join("blobs", blob_name(blob.digest))) for blob in models[name].blobs]
        paths.append((view, os.path.join("manifests", manifest_path(name))))
    missing = [(source, path) for source, path in paths if not _same(os.path.join(source, path), os.path.join(folder, path))]
    _require_room(folder, sum(os.lstat(os.path.join(source, path)).st_size for source, path in missing))
    for source, path in missing:
        # Never a link: a tenant writes where this goes.
        _copy(os.path.join(source, path), os.path.join(folder, path))


def _renamed(source: str, paths: list[str], upper: str) -> None:
    aside = f"{upper}.new"
    shutil.rmtree(aside, ignore_errors=True)
    os.makedirs(aside, mode=0o755)
    for path in paths:
        _bring(os.path.join(source, path), os.path.join(aside, path))
    # What the agent has there from before stays its own: its volume may have been made anew by hand.
    for path in _entries(upper):
        _bring(path, os.path.join(aside, os.path.relpath(path, upper)))
    for part in ("blobs", "manifests"):
        if not os.path.lexists(os.path.join(aside, part)):
            os.mkdir(os.path.join(aside, part), mode=0o755)
    views.sync(aside)
    if os.path.isdir(upper):
        shutil.rmtree(upper)
    os.rename(aside, upper)
    views.sync(os.path.dirname(upper))


def _entries(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            yield os.path.join(place, name)


def _bring(source: str, target: str) -> None:
    """One file, directory or whiteout of a tenant's; links, pipes, what is not there, and what is at the target already stay behind."""
    try:
        found = os.lstat(source)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    except (FileNotFoundError, FileExistsError, NotADirectoryError):
        # Not there, or below what is deleted at the target.
        return
    if os.path.lexists(target):
        return
    if stat.S_ISDIR(found.st_mode):
        os.mkdir(target, mode=0o755)
        for name in os.listxattr(source, follow_symlinks=False):
            if name == "trusted.overlay.opaque":
                os.setxattr(target, name, os.getxattr(source, name))
    elif stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
        os.mknod(target, stat.S_IFCHR, 0)
    elif stat.S_ISREG(found.st_mode):
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:
            # Another disk.
            _require_room(os.path.dirname(target), found.st_size)
            _copy(source, target)


def _same(source: str, target: str) -> bool:
    try:
        return os.lstat(source).st_size == os.lstat(target).st_size
    except FileNotFoundError:
        return False


def _copy(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    aside = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}")
    try:
        with open(source, "rb") as read, open(aside, "wb") as write:
            shutil.copyfileobj(read, write, 1024**2)
            write.flush()
            os.fsync(write.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, target)
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


def _require_room(folder: str, size: int) -> None:
    space.check("The models of an agent that moves don't fit", folder, size, ROOM, space.MOVE)
