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
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_CHUNK = 1024**2
# A directory of an overlay's upper that hides all that is below it in the lower one.
_OPAQUE = "trusted.overlay.opaque"
# As other archivers write it, so that they can be read by hand.
_OPAQUE_HEADER = f"SCHILY.xattr.{_OPAQUE}"
# Of an entry whose content, or place, is in the lower directory: it would be lost.
_ELSEWHERE = {"trusted.overlay.metacopy", "trusted.overlay.redirect"}


@dataclass(frozen=True)
class Tree:
    """What a folder holds. :param checksum: SHA-256 over all of it. :param size: bytes of its files."""

    checksum: str
    files: int
    size: int


@dataclass(frozen=True)
class _Entry:
    path: str
    name: str
    found: os.stat_result

    @property
    def kind(self) -> bytes:
        """Its type in an archive; empty for what is never copied."""
        mode = self.found.st_mode
        if stat.S_ISREG(mode):
            return tarfile.REGTYPE
        if stat.S_ISDIR(mode):
            return tarfile.DIRTYPE
        if stat.S_ISLNK(mode):
            return tarfile.SYMTYPE
        # In the upper directory of an overlay: what was deleted there.
        return tarfile.CHRTYPE if stat.S_ISCHR(mode) and self.found.st_rdev == 0 else b""

    @cached_property
    def opaque(self) -> bool:
        """Whether it is a directory that hides the one below it.

        :raises TenancyError: ``data_elsewhere``.
        """
        if self.kind not in (tarfile.DIRTYPE, tarfile.REGTYPE):
            return False
        try:
            names = set(os.listxattr(self.path, follow_symlinks=False))
        except OSError:
            # A file system that has no such attributes.
            return False
        if names & _ELSEWHERE:
            raise TenancyError(
                f"{self.path} can't be copied",
                cause="its content stays in what it lies over, as an overlay mounted with metacopy or redirect_dir keeps it",
                remedy="Give the agent models of its own first (migrate=private), then run again",
                kind="data_elsewhere",
            )
        return self.kind == tarfile.DIRTYPE and _OPAQUE in names and os.getxattr(self.path, _OPAQUE) == b"y"


def _entries(folder: str, name: str = ".") -> Iterator[_Entry]:
    """The folder and all below it, parents first, in one order everywhere."""
    here = _Entry(folder, name, os.lstat(folder))
    yield here
    for child in sorted(os.listdir(folder)):
        path, below = os.path.join(folder, child), f"{name}/{child}"
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode):
            yield from _entries(path, below)
        else:
            yield _Entry(path, below, found)


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

    def add(self, entry: _Entry, content: str) -> None:
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
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def look(folder: str) -> Tree:
    """What a folder holds."""
    total = _Sum()
    for entry in _entries(folder):
        if entry.kind == tarfile.REGTYPE:
            with _open(entry.path) as file:
                hashing = _Hashing(file)
                while hashing.read(_CHUNK):
                    pass
            total.add(entry, hashing.hash.hexdigest())
        elif entry.kind:
            total.add(entry, _content(entry))
    return total.tree()


def empty(owner: int = 0, group: int = 0) -> Tree:
    """What a folder holds that was just made; root's, as an engine and a model store make it."""
    total = _Sum()
    total.add(_Entry("", ".", os.stat_result((stat.S_IFDIR | 0o755, 0, 0, 0, owner, group, 0, 0, 0, 0))), "")
    return total.tree()


def _content(entry: _Entry) -> str:
    """What stands for the content of all but a file."""
    if entry.kind == tarfile.SYMTYPE:
        return os.readlink(entry.path)
    return "opaque" if entry.opaque else ""


def pack(folder: str, archive: str) -> Tree:
    """Write the folder to an archive that only its owner can read; it is there when it is complete.

    :returns: what was packed, by the very bytes that were.
    :raises TenancyError: ``disk_full`` or ``data_elsewhere``.
    """
    _require_space(os.path.dirname(archive), sum(entry.found.st_size for entry in _entries(folder) if entry.kind), archive)
    total, aside = _Sum(), f"{archive}.part"
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for entry in _entries(folder):
                    if entry.kind:
                        total.add(entry, _pack_entry(tar, entry))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _failed(f"{folder} could not be packed into {archive}", error) from error
    os.replace(aside, archive)
    return total.tree()


def _pack_entry(tar: tarfile.TarFile, entry: _Entry) -> str:
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


def unpack(archive: str, folder: str, checksum: str) -> Tree:
    """Make the folder what the archive holds: made aside, compared with the checksum, then put in its place.

    :raises TenancyError: ``copy_differs``, ``bad_archive`` or ``disk_full``; the folder is as it was then.
    """
    aside, old = f"{folder}.moving", f"{folder}.left"
    for path in (aside, old):
        shutil.rmtree(path, ignore_errors=True)
    try:
        _require_space(os.path.dirname(folder), os.path.getsize(archive), folder)
        with tarfile.open(archive, "r:") as tar:
            for info in tar:
                _unpack_entry(tar, info, aside)
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
    shutil.rmtree(old, ignore_errors=True)
    return tree


def _unpack_entry(tar: tarfile.TarFile, info: tarfile.TarInfo, aside: str) -> None:
    parts = info.name.split("/")
    if parts[0] != "." or any(part in ("", ".", "..") for part in parts[1:]):
        raise tarfile.TarError(f"it has an entry '{info.name}'")
    path = os.path.join(aside, *parts[1:])
    if os.path.realpath(os.path.dirname(path)) != os.path.dirname(os.path.realpath(aside) if parts == ["."] else path):
        raise tarfile.TarError(f"the entry '{info.name}' is below a link")
    if info.type == tarfile.DIRTYPE:
        os.mkdir(path)
        if info.pax_headers.get(_OPAQUE_HEADER) == "y":
            os.setxattr(path, _OPAQUE, b"y")
    elif info.type == tarfile.SYMTYPE:
        os.symlink(info.linkname, path)
    elif info.type == tarfile.CHRTYPE:
        os.mknod(path, stat.S_IFCHR, 0)
    elif info.type == tarfile.REGTYPE:
        source = tar.extractfile(info)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW), "wb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
    else:
        raise tarfile.TarError(f"the entry '{info.name}' is of a kind that is never packed")
    os.chown(path, info.uid, info.gid, follow_symlinks=False)
    if info.type != tarfile.SYMTYPE:
        os.chmod(path, info.mode)
        os.utime(path, (info.mtime, info.mtime))


def _require_space(folder: str, size: int, what: str) -> None:
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if size > free:
        raise TenancyError(
            f"There is no room for {what}",
            cause=f"it takes {size} bytes, and the disk of {folder} has {free} left",
            remedy=f"Free {size - free} bytes there",
            kind="disk_full",
        )


def _failed(what: str, error: Exception) -> TenancyError:
    cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return TenancyError(what, cause=cause, remedy="Look at the disk there, then run it again", kind="bad_archive")
