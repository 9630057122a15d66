# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tree that a tenant writes, who is root in a container: walked, read and erased, whatever was made of it.

No link is followed below its top. One directory is open at a time and reached from the one above it, so a tree may be
deeper than any recursion and longer than any path. What vanishes meanwhile is passed over.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Iterator, NamedTuple, Sequence

# Of a directory in an overlay's upper that hides all that is below it in the lower one.
OPAQUE = "trusted.overlay.opaque"
TOP = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
DIRECTORY = TOP | os.O_NOFOLLOW
# Stands for what is at a path, be it a link, without opening it.
AS_IT_IS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# A tenant that has a lease of its file would have whoever opens it wait for as long as the kernel lets it.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# Who runs meanwhile removes what is there, and puts a link or a file in the place of a directory.
_VANISHED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}


class NoFile(FileNotFoundError):
    """There is something, and it is no regular file."""


class Entry(NamedTuple):
    """Something in a tree; it is valid until the next one is asked for.

    :param place: descriptor of its directory. :param parents: names of the directories above it, below the top.
    """

    place: int
    parents: Sequence[str]
    name: str
    found: os.stat_result

    @property
    def path(self) -> str:
        """Where it is below the top."""
        return "/".join((*self.parents, self.name))

    @property
    def reach(self) -> str:
        """A path to it that is short, and goes through nothing that anyone could change."""
        return f"/proc/self/fd/{self.place}/{self.name}"


def walk(folder: str, below: Sequence[str] = (), depth: int = 0, *, strict: bool = False) -> Iterator[Entry]:
    """All that is below a directory, in one order everywhere: by name, a directory before what is in it.

    :param below: begin at this directory, its names one by one. :param depth: so many levels; 0 for all.
    :param strict: raise what no tenant can bring about, as a failing disk, instead of passing it over.
    """
    try:
        cursor = _Cursor(folder, TOP, strict)
    except OSError as error:
        _pass(error, strict)
        return
    with cursor:
        if all(cursor.down(name) for name in below):
            yield from _walk(cursor, depth)


def _walk(cursor: _Cursor, depth: int) -> Iterator[Entry]:
    above = len(cursor.names)
    levels = [cursor.listed()]
    while levels:
        name = next(levels[-1], None)
        if name is None:
            levels.pop()
            if levels:
                cursor.up()
                del levels[max(len(cursor.names) + 1 - above, 0):]
            continue
        found = cursor.look(name)
        if found is not None:
            yield Entry(cursor.here, cursor.names, name, found)
            if stat.S_ISDIR(found.st_mode) and len(levels) != depth and cursor.down(name):
                levels.append(cursor.listed())


def at(folder: str, parts: Sequence[str]) -> Iterator[Entry]:
    """What is at ``parts`` below a directory; nothing when there is nothing, or a link on the way."""
    try:
        cursor = _Cursor(folder, TOP, False)
    except FileNotFoundError:
        return
    with cursor:
        found = cursor.look(parts[-1]) if all(cursor.down(part) for part in parts[:-1]) else None
        if found is not None:
            yield Entry(cursor.here, cursor.names, parts[-1], found)


def open_file(path: str) -> int:
    """A descriptor to read a file by. Nothing else is ever opened: to open a pipe or a device may already do something.

    :param path: such as :attr:`Entry.reach`; a link at its end is not followed.
    :raises NoFile: it is something else. :raises OSError: it is gone, or can't be opened.
    """
    place = os.open(path, AS_IT_IS)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise NoFile(errno.ENOENT, "it is no regular file", path)
        return os.open(f"/proc/self/fd/{place}", _READ)
    finally:
        os.close(place)


def remove(folder: str) -> None:
    """Erase a directory and all that is in it; nothing when there is none.

    :raises OSError: something stays.
    """
    try:
        cursor = _Cursor(folder, DIRECTORY, True)
    except FileNotFoundError:
        return
    with cursor:
        _empty(cursor)
    os.rmdir(folder)


def _empty(cursor: _Cursor) -> None:
    levels = [cursor.listed()]
    while levels:
        name = next(levels[-1], None)
        if name is not None:
            try:
                os.unlink(name, dir_fd=cursor.here)
            except IsADirectoryError:
                if cursor.down(name):
                    levels.append(cursor.listed())
            except FileNotFoundError:
                continue
            continue
        levels.pop()
        if levels:
            name = cursor.names[-1]
            if cursor.up():
                os.rmdir(name, dir_fd=cursor.here)
            del levels[len(cursor.names) + 1:]


class Places:
    """The directories of a tree that is written, one of which is open: mostly the next file goes there, too, or right below.

    :param folder: its top. :raises OSError: there is none.
    """

    def __init__(self, folder: str) -> None:
        self.top = os.open(folder, TOP)
        self._open: tuple[tuple[str, ...], int] = ((), os.dup(self.top))

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._open[1])
        os.close(self.top)

    def of(self, names: Sequence[str], *, make: bool = False) -> int:
        """The descriptor of a directory, valid until that of another is asked for. :param make: make those that are not there.

        :raises FileNotFoundError: there is none. :raises NotADirectoryError: there is a link or a file on the way.
        """
        wanted, (there, place) = tuple(names), self._open
        if wanted == there:
            return place
        begins = wanted[:len(there)] == there
        place = os.dup(place if begins else self.top)
        try:
            for name in wanted[len(there) if begins else 0:]:
                place, above = _below(place, name, make), place
                os.close(above)
        except OSError:
            os.close(place)
            raise
        os.close(self._open[1])
        self._open = (wanted, place)
        return place


def _below(place: int, name: str, make: bool) -> int:
    try:
        return os.open(name, DIRECTORY, dir_fd=place)
    except FileNotFoundError:
        if not make:
            raise
    os.mkdir(name, mode=0o755, dir_fd=place)
    return os.open(name, DIRECTORY, dir_fd=place)


class _Cursor:
    """The one directory that is open, and how it was come to. :param strict: as of :func:`walk`."""

    def __init__(self, folder: str, flags: int, strict: bool) -> None:
        self.here = os.open(folder, flags)
        self._top = os.dup(self.here)
        self._strict = strict
        self.names: list[str] = []
        self._known = [_identity(self.here)]

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self.here)
        os.close(self._top)

    def listed(self) -> Iterator[str]:
        """The names in the directory."""
        try:
            return iter(sorted(os.listdir(self.here)))
        except OSError as error:
            _pass(error, self._strict)
            return iter(())

    def look(self, name: str) -> os.stat_result | None:
        """What is there under a name."""
        try:
            return os.stat(name, dir_fd=self.here, follow_symlinks=False)
        except OSError as error:
            _pass(error, self._strict)
            return None

    def down(self, name: str) -> bool:
        """Go to a directory of this one; False when it is none any more."""
        try:
            below = os.open(name, DIRECTORY, dir_fd=self.here)
        except OSError as error:
            _pass(error, self._strict)
            return False
        self._go(below)
        self.names.append(name)
        self._known.append(_identity(below))
        return True

    def up(self) -> bool:
        """Go to the directory that was come from; False when it is not there, and what is nearest to it has to do."""
        self.names.pop()
        self._known.pop()
        try:
            self._go(os.open("..", DIRECTORY, dir_fd=self.here))
        except OSError:
            return self._again()
        # Whoever moves a directory meanwhile has its ".." name another one.
        return _identity(self.here) == self._known[-1] or self._again()

    def _again(self) -> bool:
        """From the top, as far as all is where it was."""
        names, known = self.names, self._known
        self.names, self._known = [], known[:1]
        self._go(os.dup(self._top))
        for name, identity in zip(names, known[1:]):
            found = self.look(name)
            if found is None or (found.st_dev, found.st_ino) != identity or not self.down(name):
                return False
        return True

    def _go(self, place: int) -> None:
        os.close(self.here)
        self.here = place


def _identity(place: int) -> tuple[int, int]:
    found = os.fstat(place)
    return found.st_dev, found.st_ino


def _pass(error: OSError, strict: bool) -> None:
    if strict and error.errno not in _VANISHED:
        raise error
