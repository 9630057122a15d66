# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views: the models that an agent may see, as a directory of hard links into the store.

A view is built aside and renamed, and its id says what is in it, so whoever finds it finds it whole. One that was
damaged by hand is mended in place, part by part, because agents may have it mounted.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, locks
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import (
    Layout,
    blob_name,
    full_name,
    manifest_path,
)


@dataclass(frozen=True)
class View:
    """What an agent sees.

    :param id: name of its directory; the same models have the same id.
    :param models: digest of the manifest by the model's name.
    :param missing: names that were asked for and that the store does not have, or not whole.
    """

    id: str
    models: Mapping[str, str]
    missing: tuple[str, ...] = field(default=())


def view_id(models: Mapping[str, str]) -> str:
    """The id of the view of these models: names with the digests of their manifests."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(models.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def wanted(layout: Layout, names: Iterable[str], pinned: Mapping[str, str] | None = None) -> View:
    """The view of the models ``names``, as the store has them now. Reads only.

    :param pinned: digests that names keep although the store may have newer ones by now, as ``models`` of the view
        that the agent has.
    :raises TenancyError: ``invalid_model``.
    """
    models: dict[str, str] = {}
    missing = []
    for name in sorted({full_name(each) for each in names}):
        digest = (pinned or {}).get(name, "")
        if digest and _source(layout, name, digest):
            models[name] = digest
            continue
        found = content.find(layout, name)
        if found and found.complete:
            models[name] = found.digest
        else:
            missing.append(name)
    return View(view_id(models), models, tuple(missing))


def read(path: str) -> View:
    """The view at ``path``, a directory of a store or a link to one. Empty when there is none."""
    models = {model.name: model.digest for model in content.list_models(path)}
    return View(view_id(models), models)


def blobs(layout: Layout, models: Mapping[str, str]) -> set[str]:
    """Digests of the blobs of models, as far as the store has these versions or a view kept them. :param models: digests by name."""
    found: set[str] = set()
    for name, digest in models.items():
        folder = _source(layout, name, digest)
        # A view may go after it was found.
        with suppress(FileNotFoundError, TenancyError):
            found.update(blob.digest for blob in (content.read(folder, name).blobs if folder else ()))
    return found


def build(layout: Layout, view: View) -> str:
    """Make a view, or mend it, and return its directory.

    Several runs may build one view at once. To switch an agent's link to it, hold ``locks.shared`` around both, or
    the view may be taken for garbage in between.

    :raises TenancyError: ``model_not_in_store`` when the store lost a part of it; ``store_unwritable``.
    """
    place = layout.view(view.id)
    try:
        with locks.shared(layout), locks.exclusive(layout, locks.VIEWS):
            files = _files(layout, view)
            if not os.path.isdir(place):
                _make(layout, files, place)
            _mend(files, place)
            touch(place)
    except OSError as error:
        raise TenancyError(
            f"View {view.id} can't be made in model store '{layout.root}'",
            cause=error.strerror or str(error),
            remedy="Check that the store is on one disk, and that this disk has room and works",
            kind="store_unwritable",
        ) from error
    return place


def touch(place: str) -> None:
    """Note that the view at ``place`` was in use until now; its time of grace begins anew."""
    if os.path.isdir(place):
        os.utime(place)


def _source(layout: Layout, name: str, digest: str) -> str:
    """Directory that has a model in that very version, whole: the store, or a view that kept an older one."""
    folders = [layout.root]
    if os.path.isdir(layout.views):
        folders += sorted(layout.view(each) for each in os.listdir(layout.views) if not each.startswith("."))
    for folder in folders:
        try:
            manifest = content.read(folder, name)
        except (FileNotFoundError, TenancyError):
            continue
        if manifest.digest == digest and all(_place_of(layout, folder, blob) for blob in manifest.blobs):
            return folder
    return ""


def _place_of(layout: Layout, folder: str, blob: content.Blob) -> str:
    """Path of a blob in the store, or else in ``folder``; empty when neither has it in its length."""
    for place in (layout.root, folder):
        if content.size_of(place, blob.digest) == blob.size:
            return os.path.join(place, "blobs", blob_name(blob.digest))
    return ""


def _files(layout: Layout, view: View) -> dict[str, str]:
    """What the view is made of: where each file of it is now, by its path in the view."""
    files = {}
    for name, digest in view.models.items():
        folder = _source(layout, name, digest)
        if not folder:
            raise TenancyError(
                f"Model {name} is not in model store '{layout.root}'",
                cause=f"the version with the digest {digest[:12]} is not there, or not whole",
                remedy="Bring it with the module model_store, then run again",
                kind="model_not_in_store",
            )
        path = os.path.join("manifests", manifest_path(name))
        files[path] = os.path.join(folder, path)
        for blob in content.read(folder, name).blobs:
            files[os.path.join("blobs", blob_name(blob.digest))] = _place_of(layout, folder, blob)
    return files


def _make(layout: Layout, files: Mapping[str, str], place: str) -> None:
    aside = os.path.join(layout.views, f".{secrets.token_hex(8)}")
    try:
        for part in ("blobs", "manifests"):
            os.makedirs(os.path.join(aside, part))
        for path, source in files.items():
            _link(source, os.path.join(aside, path))
        for folder, _folders, _names in os.walk(aside):
            os.chmod(folder, 0o755)
            sync(folder)
        os.rename(aside, place)
        sync(layout.views)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _mend(files: Mapping[str, str], place: str) -> None:
    """Put back what was taken from a view, and take out what does not belong there."""
    there = {
        os.path.relpath(os.path.join(folder, name), place)
        for folder, _folders, names in os.walk(place)
        for name in names
    }
    for path in there - set(files):
        os.unlink(os.path.join(place, path))
    for path, source in files.items():
        target = os.path.join(place, path)
        if path not in there or not _same(source, target):
            _link(source, target)
            sync(os.path.dirname(target))


def _same(source: str, target: str) -> bool:
    """Whether a file of a view is as it was made. Blobs are large: their length has to do, ``verify`` reads them."""
    if os.path.samefile(source, target):
        return True
    if os.path.basename(target).startswith("sha256-"):
        return os.path.getsize(source) == os.path.getsize(target)
    return filecmp.cmp(source, target, shallow=False)


def _link(source: str, target: str) -> None:
    """Link a file in the place of another, so that there is one at any moment."""
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    aside = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}")
    os.link(source, aside)
    os.replace(aside, target)


def sync(folder: str) -> None:
    """Have the disk remember what a directory lists."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
