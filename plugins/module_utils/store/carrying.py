# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a tenant, one by one, from one tree to another. No link is followed on either side.

What has another name elsewhere is copied: a hard link to it would have the tenant write to whatever is there.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import allocated
from ansible_collections.llmops.tenancy.plugins.module_utils.store import space
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import AS_IT_IS, OPAQUE, Entry, NoFile, Places, at, open_file

# What stays free beside the models on the disk that they go to.
ROOM = 64 * 1024**2
_CHUNK = 1024**2
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """A directory that files are brought into.

    :param known: a directory that may have other names of the same files, at the same paths: what a killed run brought there.
    :param copies: whether files are copied though they could be linked, since what they come from stays.
    """

    def __init__(self, folder: str, known: str = "", *, copies: bool = False) -> None:
        self._folder, self._known, self._copies = folder, known, copies
        self._places = Places(folder)
        self._brought: dict[tuple[int, int], str] = {}

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_error: object) -> None:
        self._places.__exit__()

    def size(self, entry: Entry) -> int:
        """Bytes of what is at the entry's path here; -1 when nothing is.

        :raises NotADirectoryError: as :meth:`copy`.
        """
        try:
            return os.stat(entry.name, dir_fd=self._places.of(entry.parents), follow_symlinks=False).st_size
        except FileNotFoundError:
            return -1

    def tidy(self, entry: Entry) -> None:
        """Remove what a killed run had copied of a file.

        :raises NotADirectoryError: as :meth:`copy`.
        """
        with suppress(FileNotFoundError):
            os.unlink(_aside(entry), dir_fd=self._places.of(entry.parents))

    def bring(self, entry: Entry) -> None:
        """Have a file, directory or whiteout here, too, unless something is in its place. Links, pipes and devices stay behind."""
        try:
            place = self._places.of(entry.parents, make=True)
        except NotADirectoryError:
            # Below what is deleted here.
            return
        mode = entry.found.st_mode
        if self.size(entry) >= 0:
            return
        if stat.S_ISDIR(mode):
            os.mkdir(entry.name, mode=0o755, dir_fd=place)
            if OPAQUE in os.listxattr(entry.reach, follow_symlinks=False):
                value = os.getxattr(entry.reach, OPAQUE, follow_symlinks=False)
                os.setxattr(f"/proc/self/fd/{place}/{entry.name}", OPAQUE, value, follow_symlinks=False)
        elif stat.S_ISCHR(mode) and entry.found.st_rdev == 0:
            os.mknod(entry.name, stat.S_IFCHR, dir_fd=place)
        elif stat.S_ISREG(mode) and (self._copies or not self._link(entry, place)):
            self.copy(entry)

    def _link(self, entry: Entry, place: int) -> bool:
        source = os.open(entry.reach, AS_IT_IS)
        try:
            found = os.fstat(source)
            identity = (found.st_dev, found.st_ino)
            earlier = self._brought.setdefault(identity, entry.path)
            if earlier != entry.path:
                os.link(earlier, entry.name, src_dir_fd=self._places.top, dst_dir_fd=place, follow_symlinks=False)
                return True
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 + self._is_known(entry, identity):
                return False
            os.link(f"/proc/self/fd/{source}", entry.name, dst_dir_fd=place, follow_symlinks=True)
        except OSError:
            # Another disk.
            return False
        finally:
            os.close(source)
        return True

    def _is_known(self, entry: Entry, identity: tuple[int, int]) -> bool:
        there = at(self._known, (*entry.parents, entry.name)) if self._known else ()
        return any((each.found.st_dev, each.found.st_ino) == identity for each in there)

    def copy(self, entry: Entry) -> None:
        """Have the bytes of a file here, in the place of what is there. Holes stay holes.

        :raises NotADirectoryError: there is a link, or a file, where a directory has to be.
        :raises TenancyError: ``disk_full``.
        """
        place, aside = self._places.of(entry.parents, make=True), _aside(entry)
        try:
            source = open_file(entry.reach)
        except NoFile:
            return
        try:
            found = os.fstat(source)
            self.tidy(entry)
            require_room(self._folder, allocated(found))
            _write(source, place, aside, found.st_size)
            os.replace(aside, entry.name, src_dir_fd=place, dst_dir_fd=place)
        finally:
            os.close(source)
            with suppress(FileNotFoundError):
                os.unlink(aside, dir_fd=place)


def _aside(entry: Entry) -> str:
    """What a file is called until all of it is there, in every run the same."""
    return f".{hashlib.sha256(os.fsencode(entry.name)).hexdigest()[:16]}"


def _write(source: int, place: int, name: str, size: int) -> None:
    target = os.open(name, _NEW, 0o644, dir_fd=place)
    try:
        position = 0
        while (position := _next_data(source, position, size)) < size:
            written = os.pwrite(target, os.pread(source, min(_CHUNK, _hole(source, position) - position), position), position)
            if not written:
                raise OSError(errno.EIO, "it became shorter while it was read")
            position += written
        os.ftruncate(target, size)
        os.fchmod(target, 0o644)
        os.fsync(target)
    finally:
        os.close(target)


def _next_data(source: int, position: int, size: int) -> int:
    """Where the next bytes are that are no hole; ``size`` when there are none."""
    try:
        return os.lseek(source, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return size


def _hole(source: int, position: int) -> int:
    return os.lseek(source, position, os.SEEK_HOLE)


def require_room(folder: str, size: int) -> None:
    """Check that so many bytes fit.

    :raises TenancyError: ``disk_full``.
    """
    space.check("The models of an agent that moves don't fit", folder, size, ROOM, space.MOVE)
