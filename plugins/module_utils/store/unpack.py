# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking models out of an archive into a staging folder; every byte is checked on its way."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Callable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Meter, Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.archive_index import LARGEST_TEXT, Listed, bad, select
from ansible_collections.llmops.tenancy.plugins.module_utils.store.archive_reader import Archive, opened
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import blob_name, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.store.staging import Stage

_CHUNK = 4 * 1024**2
See = Callable[[Progress], None]


def listed(path: str, names: Sequence[str] = (), checksum: str = "") -> list[Listed]:
    """The models of an archive that are wanted; all of them for no names. Reads its index only.

    :param checksum: ``sha256:…`` of its index, which stands for all that is in it.
    :raises TenancyError: ``bad_archive``, ``unsafe_archive``, ``checksum_mismatch`` or ``model_not_in_archive``.
    """
    with opened(path) as archive:
        _check_index(archive, checksum)
        wanted = set(select(archive.index, names, path))
        return [model for model in archive.index.models if model.name in wanted]


def checksum_of(path: str) -> str:
    """``sha256:…`` of the index of an archive whose files are all there in their lengths; empty for any other."""
    try:
        with opened(path) as archive:
            for digest, size in archive.index.blobs.items():
                archive.open(f"blobs/{blob_name(digest)}", size).close()
            return f"sha256:{hashlib.sha256(archive.index_body).hexdigest()}"
    except TenancyError:
        return ""


def manifest_of(path: str, name: str, checksum: str = "") -> content.Manifest:
    """The manifest of a model of an archive. Its blobs are not read.

    :raises TenancyError: as :func:`listed`.
    """
    with opened(path) as archive:
        _check_index(archive, checksum)
        (wanted,) = select(archive.index, [name], path)
        return _manifest(archive, wanted)


def unpack(
    path: str, names: Sequence[str], stage: Stage, present: Callable[[str, int], bool], see: See, checksum: str = ""
) -> list[content.Manifest]:
    """Put the manifests of models into ``stage``, and the blobs that are not ``present`` in the store.

    :param present: whether the store has a blob, by digest and size, already. :param see: takes readings, may raise to end it.
    :param checksum: see :func:`listed`.
    :returns: the manifests, in the order of ``names``.
    :raises TenancyError: as :func:`listed`, and ``bad_archive`` for bytes that are not what their checksum says.
    """
    with opened(path) as archive:
        _check_index(archive, checksum)
        wanted = select(archive.index, names, path)
        manifests = [_manifest(archive, name) for name in wanted]
        for name, manifest in zip(wanted, manifests):
            _write(stage.manifest(name), manifest.body)
        missing = {blob.digest: blob.size for one in manifests for blob in one.blobs if not present(blob.digest, blob.size)}
        meter = _Meter(missing, see)
        for digest, size in missing.items():
            _blob(archive, digest, size, stage, meter)
    return manifests


def _check_index(archive: Archive, checksum: str) -> None:
    found = f"sha256:{hashlib.sha256(archive.index_body).hexdigest()}"
    if checksum and checksum != found:
        raise TenancyError(
            f"Archive '{archive.path}' does not have its checksum",
            cause=f"expected {checksum}, and the checksum of its index is {found}",
            remedy="Fetch the archive again, or correct the checksum",
            kind="checksum_mismatch",
        )


def _manifest(archive: Archive, name: str) -> content.Manifest:
    with archive.open(f"manifests/{manifest_path(name)}") as source:
        manifest = content.parse(source.read(LARGEST_TEXT), name)
    if manifest.digest not in {model.digest for model in archive.index.models if model.name == name}:
        raise bad(archive.path, f"the manifest of {name} is another one than its index says")
    return manifest


def _write(path: str, body: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(body)


def _blob(archive: Archive, digest: str, size: int, stage: Stage, meter: "_Meter") -> None:
    name = f"blobs/{blob_name(digest)}"
    sha256 = hashlib.sha256()
    with archive.open(name, size) as source, open(stage.blob(digest), "wb") as out:
        while chunk := source.read(_CHUNK):
            sha256.update(chunk)
            out.write(chunk)
            meter.moved(digest, len(chunk))
    if f"sha256:{sha256.hexdigest()}" != digest:
        raise bad(archive.path, f"'{name}' was damaged: its bytes do not have its checksum")


class _Meter:
    """Adds up what came out."""

    def __init__(self, sizes: dict[str, int], see: See) -> None:
        self._sizes = sizes
        self._done = dict.fromkeys(sizes, 0)
        self._see = see
        self._meter = Meter()
        for digest, size in sizes.items():
            self._meter.add(Event("unpacking", digest, size, 0), time.monotonic())

    def moved(self, digest: str, size: int) -> None:
        """So many more bytes of a blob."""
        self._done[digest] += size
        event = Event("unpacking", digest, self._sizes[digest], self._done[digest])
        self._see(self._meter.add(event, time.monotonic()))
