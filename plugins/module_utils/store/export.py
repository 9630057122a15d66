# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exporting models of a store to a directory or a tar that another store, or a bare Ollama, can take in."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Iterator, Protocol, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import free_bytes, used
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, locks, space, unpack
from ansible_collections.llmops.tenancy.plugins.module_utils.store.archive_index import INDEX, SUMS, Index, index_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name, full_name, manifest_path

_CHUNK = 4 * 1024**2
# Headers and padding of a tar beside its bytes, for each file.
_TAR_EXTRA = 2048


@dataclass(frozen=True)
class Export:
    """What is to be exported, and what is there.

    :param path: of the archive. :param tar: one file instead of a directory. :param current: whether it is there already.
    """

    path: str
    tar: bool
    index: Index
    current: bool

    @property
    def checksum(self) -> str:
        """``sha256:…`` of the index, which stands for all that is in the archive."""
        return index_checksum(self.index)


def plan(layout: Layout, names: Sequence[str], path: str, tar: bool, known: str = "") -> Export:
    """What an export would hold; all of the store for no names. Reads only.

    :param known: checksum of what its reader has already, which takes no room here.
    :raises TenancyError: ``model_not_in_store``, ``nothing_to_export``, ``disk_full``, or ``not_an_archive`` for something else
        at ``path``.
    """
    whole = [model.name for model in content.stored(layout) if model.complete] if layout.exists() else []
    wanted = choose(layout, names, whole)
    index = index_of({name: content.read(layout.root, name) for name in wanted})
    found = Export(path, tar, index, _there(path, tar, index))
    folder = os.path.dirname(os.path.abspath(path))
    if not found.current and found.checksum != known and os.path.isdir(folder):
        _check_room(folder, found)
    return found


def index_checksum(index: Index) -> str:
    """``sha256:…`` of an index."""
    return f"sha256:{hashlib.sha256(index.body()).hexdigest()}"


def choose(layout: Layout, names: Sequence[str], whole: Sequence[str]) -> list[str]:
    """The models that are meant by ``names``; all for none.

    :param whole: what the store has.
    :raises TenancyError: ``model_not_in_store`` or ``nothing_to_export``.
    """
    wanted = list(dict.fromkeys(full_name(name) for name in names)) or sorted(whole)
    missing = sorted(set(wanted) - set(whole))
    if missing:
        raise TenancyError(
            f"Model store '{layout.root}' does not have {', '.join(missing)}",
            cause=f"it has {', '.join(sorted(whole)) or 'no models'}; one that is not whole does not count",
            remedy="Correct the name, or bring the model with the module model_store first",
            kind="model_not_in_store",
        )
    if not wanted:
        raise TenancyError(
            f"Model store '{layout.root}' has nothing to export",
            cause="it has no models",
            remedy="Fill it with prefetch_models.yml first",
            kind="nothing_to_export",
        )
    return wanted


def export(layout: Layout, wanted: Export) -> None:
    """Write the archive, aside first: what is at its path is whole, or what was there before. Exports to one path at once don't meet.

    :raises TenancyError: ``disk_full`` before the first byte, ``corrupt_blob``, ``not_writable``.
    """
    folder = os.path.dirname(os.path.abspath(wanted.path))
    try:
        _sweep(wanted.path, folder)
        _check_room(folder, wanted)
        with locks.shared(layout, locks.ARRIVALS), _aside(wanted, folder) as aside:
            with _sink(aside, wanted.tar) as sink:
                _write(layout, wanted.index, sink)
            _replace(aside, wanted.path)
    except OSError as error:
        full = space.is_full(error)
        raise TenancyError(
            f"Archive '{wanted.path}' can't be written",
            cause=error.strerror or str(error),
            remedy="Free space there, or choose another path" if full else "Choose a path that can be written",
            kind="disk_full" if full else "not_writable",
        ) from error


@contextmanager
def _aside(wanted: Export, folder: str) -> Iterator[str]:
    """A place that this run holds, so that no other one takes it for one that was left; gone at the end."""
    while True:
        path = os.path.join(folder, f".{os.path.basename(wanted.path)}.{secrets.token_hex(4)}")
        if wanted.tar:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        else:
            os.mkdir(path, 0o700)
        # Before it is held it looks like one that was left.
        held = locks.hold(path)
        if held is not None and os.path.exists(path):
            break
    try:
        yield path
    finally:
        _remove(path)
        os.close(held)


class _Sink(Protocol):
    def add(self, name: str, size: int, source: BinaryIO) -> None:
        """Put a file into the archive; ``source`` is read to its end."""


class _DirectorySink:
    def __init__(self, path: str) -> None:
        self._path = path

    def add(self, name: str, size: int, source: BinaryIO) -> None:
        """See :class:`_Sink`."""
        there = os.path.join(self._path, name)
        os.makedirs(os.path.dirname(there), mode=0o700, exist_ok=True)
        with open(there, "xb") as out:
            shutil.copyfileobj(source, out, _CHUNK)
            out.flush()
            os.fsync(out.fileno())


class _TarSink:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, size: int, source: BinaryIO) -> None:
        """See :class:`_Sink`. Owner and times are left out: the same models give the same tar."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644
        self._tar.addfile(member, source)


@contextmanager
def _sink(aside: str, tar: bool) -> Iterator[_Sink]:
    if not tar:
        yield _DirectorySink(aside)
        return
    with open(aside, "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, copybufsize=_CHUNK) as open_tar:
            yield _TarSink(open_tar)
        out.flush()
        os.fsync(out.fileno())


def _write(layout: Layout, index: Index, sink: _Sink) -> None:
    for name, body in ((INDEX, index.body()), (SUMS, index.sums())):
        sink.add(name, len(body), io.BytesIO(body))
    for model in index.models:
        body = content.read(layout.root, model.name).body
        _compare(model.digest, hashlib.sha256(body).hexdigest(), layout, f"the manifest of {model.name}")
        sink.add(f"manifests/{manifest_path(model.name)}", len(body), io.BytesIO(body))
    for digest, size in sorted(index.blobs.items()):
        with open(layout.blob(digest), "rb") as source:
            hashed = _Hashed(source)
            sink.add(f"blobs/{blob_name(digest)}", size, hashed)
        _compare(digest.removeprefix("sha256:"), hashed.sha256.hexdigest(), layout, digest)


class _Hashed(io.RawIOBase):
    """A file that knows the checksum of what was read of it."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        chunk = self._source.read(size)
        self.sha256.update(chunk)
        return chunk


def _compare(wanted: str, found: str, layout: Layout, what: str) -> None:
    if wanted != found:
        raise TenancyError(
            f"{what} in model store '{layout.root}' is damaged",
            cause=f"its bytes have the checksum {found[:12]}",
            remedy="Heal it with the module model_store (verify: true), then export again",
            kind="corrupt_blob",
        )


def _there(path: str, tar: bool, index: Index) -> bool:
    """Whether the archive is there already, by its index and the lengths of its files."""
    if not os.path.lexists(path):
        return False
    there = unpack.checksum_of(path)
    if not there and os.path.isdir(path) and os.listdir(path) and not os.path.exists(os.path.join(path, INDEX)):
        raise TenancyError(
            f"'{path}' can't be replaced by an archive",
            cause="it is a directory with something else in it",
            remedy="Choose a path that is not there yet",
            kind="not_an_archive",
        )
    return there == index_checksum(index) and os.path.isdir(path) is not tar


def _check_room(folder: str, wanted: Export) -> None:
    # What exports left that were killed goes first.
    free = (free_bytes(folder) or 0) + sum(_taken(left) for left in _left(wanted.path, folder) if locks.dead(left))
    needed = wanted.index.size + _TAR_EXTRA * (len(wanted.index.blobs) + len(wanted.index.models) + 4)
    if free < needed:
        raise TenancyError(
            f"Archive '{wanted.path}' does not fit there",
            cause=f"it needs {human_size(needed)} and {human_size(free)} are free",
            remedy="Free space there, choose another path, or export fewer models",
            kind="disk_full",
            needed=needed,
            free=free,
        )


def _taken(path: str) -> int:
    try:
        return used(path) or os.lstat(path).st_size
    except FileNotFoundError:
        # Another export has ended meanwhile.
        return 0


def _replace(aside: str, path: str) -> None:
    """Put the new one in the place of the old; a directory can't be replaced in one step, but never half."""
    if os.path.isdir(path) and not os.path.islink(path):
        old = f"{aside}.old"
        os.rename(path, old)
        os.rename(aside, path)
        # Another export to this path may be at it, too.
        shutil.rmtree(old, ignore_errors=True)
    elif os.path.isdir(aside):
        if os.path.lexists(path):
            os.unlink(path)
        os.rename(aside, path)
    else:
        os.replace(aside, path)


def _sweep(path: str, folder: str) -> None:
    """Remove what exports to this path left that were killed."""
    for left in _left(path, folder):
        if locks.dead(left):
            _remove(left)


def _left(path: str, folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(f".{os.path.basename(path)}.")]


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
