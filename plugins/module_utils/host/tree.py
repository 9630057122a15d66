# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder as one archive and back, with a checksum over all of it: files, owners, modes, links, whiteouts of overlays.

What is in it may be a tenant's own making, who is root in a container: no link is followed, no pipe is opened.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from ansible_collections.llmops.tenancy.plugins.module_utils import tenant_tree
from ansible_collections.llmops.tenancy.plugins.module_utils.disk import existing, free_bytes
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host.tree_entries import Entry, entries

_CHUNK = 1024**2
# As other archivers write it, so that they can be read by hand.
_OPAQUE_HEADER = f"SCHILY.xattr.{tenant_tree.OPAQUE}"
_KINDS = {
    tarfile.REGTYPE: stat.S_IFREG, tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR,
}


@dataclass(frozen=True)
class Tree:
    """What a folder holds. :param checksum: SHA-256 over all of it. :param size: bytes of its files."""

    checksum: str
    files: int
    size: int


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Some bytes."""
        data = self._file.read(size)
        self.hash.update(data)
        return data


class _Sum:
    """The checksum as it grows."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.files = self.size = 0

    def add(self, entry: Entry, content: str) -> None:
        """Count an entry. :param content: the hash of a file, or what a link points to."""
        found = entry.found
        mode = stat.S_IMODE(found.st_mode) if entry.kind != tarfile.SYMTYPE else 0
        parts = (entry.kind.decode(), mode, found.st_uid, found.st_gid, entry.name, content)
        self._hash.update("\0".join(map(str, parts)).encode("utf-8", "surrogateescape") + b"\n")
        if entry.kind == tarfile.REGTYPE:
            self.files += 1
            self.size += found.st_size

    def tree(self) -> Tree:
        """What was counted."""
        return Tree(self._hash.hexdigest(), self.files, self.size)


def _open(path: str) -> BinaryIO:
    return os.fdopen(tenant_tree.open_file(path), "rb")


def look(folder: str) -> Tree:
    """What a folder holds. What vanishes while it is looked at is left out.

    :raises TenancyError: ``data_elsewhere``, ``tree_too_deep``. :raises OSError: it can't be read.
    """
    total = _Sum()
    for entry in entries(folder):
        with suppress(FileNotFoundError):
            if entry.kind:
                total.add(entry, _hash(entry) if entry.kind == tarfile.REGTYPE else _content(entry))
    return total.tree()


def _hash(entry: Entry) -> str:
    with _open(entry.path) as file:
        hashing, left = _Hashing(file), entry.found.st_size
        # No further, or whoever goes on writing keeps the reader for ever.
        while left > 0 and (data := hashing.read(min(_CHUNK, left))):
            left -= len(data)
    return hashing.hash.hexdigest()


def require_space(folder: str, archive: str, spared: int = 0) -> None:
    """Check that an archive of a folder fits where it goes. Nothing is read for that: a file may be of terabytes that are all holes.

    :param spared: bytes that an archive has there which may be the same.
    :raises TenancyError: ``disk_full``, ``tree_too_deep``. :raises OSError: it can't be read.
    """
    size = sum(entry.found.st_size for entry in entries(folder) if entry.kind)
    _require_space(os.path.dirname(archive), size - spared, archive)


def empty(owner: int = 0, group: int = 0) -> Tree:
    """What a folder holds that was just made; root's, as an engine and a model store make it."""
    total = _Sum()
    total.add(Entry("", ".", os.stat_result((stat.S_IFDIR | 0o755, 0, 0, 0, owner, group, 0, 0, 0, 0))), "")
    return total.tree()


def _content(entry: Entry) -> str:
    """What stands for the content of all but a file."""
    if entry.kind == tarfile.SYMTYPE:
        return os.readlink(entry.path)
    return "opaque" if entry.opaque else ""


def pack(folder: str, archive: str) -> Tree:
    """Write the folder to an archive that only its owner can read; it is there when it is complete.

    :returns: what was packed, by the very bytes that were.
    :raises TenancyError: ``disk_full``, ``data_elsewhere`` or ``tree_too_deep``.
    """
    require_space(folder, archive)
    total, aside = _Sum(), f"{archive}.part"
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for entry in entries(folder):
                    if entry.kind:
                        total.add(entry, _pack_entry(tar, entry))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _failed(f"{folder} could not be packed into {archive}", error) from error
    os.replace(aside, archive)
    return total.tree()


def _pack_entry(tar: tarfile.TarFile, entry: Entry) -> str:
    info = tarfile.TarInfo(entry.name)
    info.type, info.mode, info.mtime = entry.kind, stat.S_IMODE(entry.found.st_mode), int(entry.found.st_mtime)
    info.uid, info.gid = entry.found.st_uid, entry.found.st_gid
    if entry.kind == tarfile.SYMTYPE:
        info.linkname = os.readlink(entry.path)
    if entry.opaque:
        info.pax_headers = {_OPAQUE_HEADER: "y"}
    if entry.kind != tarfile.REGTYPE:
        tar.addfile(info)
        return _content(entry)
    with _open(entry.path) as file:
        info.size, hashing = entry.found.st_size, _Hashing(file)
        tar.addfile(info, hashing)
    return hashing.hash.hexdigest()


def checksum_of(archive: str) -> str:
    """The checksum of what an archive holds; empty when it is none, or not whole.

    :raises OSError: it can't be read.
    """
    total = _Sum()
    try:
        with tarfile.open(archive, "r:") as tar:
            for info in tar:
                total.add(_entry(info), _packed_content(tar, info))
                # It would keep them all, and a tenant may have made millions.
                tar.members.clear()
    except (FileNotFoundError, tarfile.TarError, EOFError):
        return ""
    return total.tree().checksum


def _entry(info: tarfile.TarInfo) -> Entry:
    kind = _KINDS.get(info.type, 0)
    found = (kind | info.mode, 0, 0, 0, info.uid, info.gid, info.size, 0, 0, 0)
    return Entry("", info.name, os.stat_result(found, {"st_rdev": 0}))


def _packed_content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> str:
    """What stands for the content of an entry, as :func:`look` has it of the source."""
    if info.type == tarfile.SYMTYPE:
        return info.linkname
    if info.type != tarfile.REGTYPE:
        return "opaque" if info.pax_headers.get(_OPAQUE_HEADER) == "y" else ""
    hashing = _Hashing(tar.extractfile(info))
    while hashing.read(_CHUNK):
        pass
    return hashing.hash.hexdigest()


def unpack(archive: str, folder: str, checksum: str) -> Tree:
    """Make the folder what the archive holds: made aside, compared with the checksum, then put in its place.

    :raises TenancyError: ``copy_differs``, ``bad_archive`` or ``disk_full``; the folder is as it was then.
    """
    aside, old = f"{folder}.moving", f"{folder}.left"
    try:
        for path in (aside, old):
            tenant_tree.remove(path)
        _require_space(os.path.dirname(folder), os.path.getsize(archive), folder)
        os.mkdir(aside)
        with tarfile.open(archive, "r:") as tar, tenant_tree.Places(aside) as places:
            for info in tar:
                _unpack_entry(tar, info, places)
        tree = look(aside)
    except (OSError, tarfile.TarError) as error:
        raise _failed(f"{archive} could not be unpacked into {folder}", error) from error
    if tree.checksum != checksum:
        raise TenancyError(
            f"The copy in {archive} is not what was packed",
            cause=f"its checksum is {tree.checksum}, that of the source is {checksum}",
            remedy="Run it again: it copies again, and nothing of the source is removed before",
            kind="copy_differs",
        )
    os.sync()
    if os.path.lexists(folder):
        os.rename(folder, old)
    os.rename(aside, folder)
    with suppress(OSError):
        tenant_tree.remove(old)
    return tree


def _unpack_entry(tar: tarfile.TarFile, info: tarfile.TarInfo, places: tenant_tree.Places) -> None:
    top, *parts = info.name.split("/")
    if top != "." or any(part in ("", ".", "..") for part in parts):
        raise tarfile.TarError(f"it has an entry '{info.name}'")
    place, name = places.of(parts[:-1]), parts[-1] if parts else "."
    if info.type == tarfile.DIRTYPE:
        if parts:
            os.mkdir(name, dir_fd=place)
        if info.pax_headers.get(_OPAQUE_HEADER) == "y":
            os.setxattr(f"/proc/self/fd/{place}/{name}", tenant_tree.OPAQUE, b"y")
    elif info.type == tarfile.SYMTYPE:
        os.symlink(info.linkname, name, dir_fd=place)
    elif info.type == tarfile.CHRTYPE:
        os.mknod(name, stat.S_IFCHR, dir_fd=place)
    elif info.type == tarfile.REGTYPE:
        source = tar.extractfile(info)
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, dir_fd=place), "wb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
    else:
        raise tarfile.TarError(f"the entry '{info.name}' is of a kind that is never packed")
    os.chown(name, info.uid, info.gid, dir_fd=place, follow_symlinks=False)
    if info.type != tarfile.SYMTYPE:
        os.chmod(name, info.mode, dir_fd=place)
        os.utime(name, (info.mtime, info.mtime), dir_fd=place)


def _require_space(folder: str, size: int, what: str) -> None:
    there = existing(folder)
    free = free_bytes(there) or 0
    if size > free:
        raise TenancyError(
            f"There is no room for {what}",
            cause=f"it takes {size} bytes, and the disk of {there} has {free} left",
            remedy=f"Free {size - free} bytes there",
            kind="disk_full",
        )


def _failed(what: str, error: Exception) -> TenancyError:
    cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return TenancyError(what, cause=cause, remedy="Look at the disk there, then run it again", kind="bad_archive")
