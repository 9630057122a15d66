# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How blobs and manifests get into a store: checked aside, then renamed. A manifest comes last."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from typing import Callable, Iterable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, locks
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store.views import sync

_CHUNK = 1024**2
_UNTOLD = 16 * _CHUNK


def checksum(path: str, tell: Callable[[int], None] = lambda read: None) -> str:
    """``sha256:…`` of a file.

    :param tell: is told from time to time how many bytes were read; may raise to end it.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    read = told = 0
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            read += count
            if read - told >= _UNTOLD:
                told = read
                tell(read)
    return f"sha256:{digest.hexdigest()}"


def has(layout: Layout, blob: Blob) -> bool:
    """Whether the store has a blob, by its length."""
    return content.size_of(layout.root, blob.digest) == blob.size


def adopt(layout: Layout, blob: Blob, path: str) -> None:
    """Make a file the blob that it was found to be. It has to be on the store's disk, and goes away from ``path``.

    A blob that is there already and damaged is mended in its place, since views, and agents that have it open, share it.
    """
    place = layout.blob(blob.digest)
    if os.path.exists(place):
        _mend(place, path)
        os.unlink(path)
        return
    os.chmod(path, 0o444)
    _flush(path)
    os.rename(path, place)
    sync(layout.blobs)


def kept(layout: Layout, blob: Blob) -> list[str]:
    """Files of a blob that views have, in its length."""
    if not os.path.isdir(layout.views):
        return []
    views = [layout.view(name) for name in sorted(os.listdir(layout.views))]
    return [
        os.path.join(view, "blobs", blob_name(blob.digest))
        for view in views
        if content.size_of(view, blob.digest) == blob.size
    ]


def rescue(layout: Layout, blob: Blob, tell: Callable[[int], None] = lambda read: None) -> bool:
    """Take a blob back that the store has lost and a view still has; whether there was one."""
    for path in kept(layout, blob):
        # A view may go while it is read.
        with suppress(FileNotFoundError):
            if checksum(path, tell) == blob.digest:
                _link(layout, path, layout.blob(blob.digest))
                sync(layout.blobs)
                return True
    return False


def commit(layout: Layout, name: str, manifest: Manifest, guard: Callable[[], None] = lambda: None) -> None:
    """Make a model visible under its name. Its blobs must be there, each verified.

    :param guard: raises when it must not be; nobody else gives a name meanwhile.
    :raises TenancyError: ``model_incomplete`` when one is not.
    """
    place = layout.manifest(name)
    with locks.shared(layout), locks.exclusive(layout, locks.NAMES):
        guard()
        missing = [blob.digest for blob in manifest.blobs if not has(layout, blob)]
        if missing:
            raise TenancyError(
                f"Model {name} can't be put into model store '{layout.root}'",
                cause=f"its blob {missing[0][:19]} is not there, or has another length",
                remedy="Run again; somebody may have removed it by hand",
                kind="model_incomplete",
                lasting=False,
            )
        folder = os.path.dirname(place)
        os.makedirs(folder, mode=0o755, exist_ok=True)
        # Where garbage is looked for: nothing else finds what a run that is killed now leaves.
        aside = os.path.join(layout.staging, secrets.token_hex(8))
        try:
            with open(aside, "wb") as out:
                out.write(manifest.body)
            os.chmod(aside, 0o444)
            _flush(aside)
            os.replace(aside, place)
        finally:
            # The disk may be full by now.
            with suppress(FileNotFoundError):
                os.unlink(aside)
        sync_up(folder, layout.manifests)


def relink(layout: Layout, blobs: Iterable[Blob]) -> None:
    """Have all views share the store's copy of these blobs again. None comes or goes meanwhile."""
    with locks.shared(layout), locks.exclusive(layout, locks.VIEWS):
        for blob in blobs:
            for view in os.listdir(layout.views):
                path = os.path.join(layout.views, view, "blobs", blob_name(blob.digest))
                if os.path.exists(path) and not os.path.samefile(path, layout.blob(blob.digest)):
                    _link(layout, layout.blob(blob.digest), path)


def sync_up(folder: str, top: str) -> None:
    """Have the disk remember directories that may be new, from ``folder`` up to ``top``."""
    sync(folder)
    while folder != top:
        folder = os.path.dirname(folder)
        sync(folder)


def _link(layout: Layout, source: str, target: str) -> None:
    """Put a link in the place of another, so that there is one at any moment."""
    aside = os.path.join(layout.staging, secrets.token_hex(8))
    os.link(source, aside)
    os.replace(aside, target)


def _mend(place: str, right: str) -> None:
    """Write what differs. A run that ends here leaves the blob as damaged as it was, and the next one goes on."""
    with open(right, "rb", buffering=0) as source, open(place, "r+b", buffering=0) as target:
        at = 0
        while wanted := source.read(_CHUNK):
            if os.pread(target.fileno(), len(wanted), at) != wanted:
                os.pwrite(target.fileno(), wanted, at)
            at += len(wanted)
        target.truncate(at)
        os.fsync(target.fileno())


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
