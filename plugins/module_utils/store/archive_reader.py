# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading an archive of models, a directory or a tar of one, without trusting what is in it.

Only plain files are read, only under the names that an export gives, and each name once. Nothing is ever extracted by
``tarfile``: the caller gets streams and names its files itself.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from contextlib import contextmanager
from typing import BinaryIO, Iterator, Protocol

from ansible_collections.llmops.tenancy.plugins.module_utils.store.archive_index import (
    INDEX,
    LARGEST_TEXT,
    Index,
    bad,
    check_name,
    parse_index,
    unsafe,
)


class Archive(Protocol):
    """An archive that is open.

    :param path: what the operator called it. :param index: what it says it holds. :param index_body: the very bytes.
    """

    path: str
    index: Index
    index_body: bytes

    def open(self, name: str, size: int | None = None) -> BinaryIO:
        """A file of it, of which the caller reads all.

        :param size: bytes that it must have, as far as that is known.
        :raises TenancyError: ``bad_archive`` when it is not there or shorter; ``unsafe_archive``.
        """


@contextmanager
def opened(path: str) -> Iterator[Archive]:
    """The archive at ``path``.

    :raises TenancyError: ``bad_archive`` or ``unsafe_archive``.
    """
    try:
        if os.path.isdir(path):
            yield _Directory(path)
        else:
            with tarfile.open(path, "r:") as tar:
                yield _Tar(path, tar)
    except tarfile.TarError as error:
        raise bad(path, f"it is not a whole tar without compression ({error})") from error
    except EOFError as error:
        raise bad(path, "it is cut off") from error
    except OSError as error:
        raise bad(path, error.strerror or str(error)) from error


class _Directory:
    def __init__(self, path: str) -> None:
        self.path = path
        self._root = os.path.realpath(path)
        with self.open(INDEX) as content:
            self.index_body = content.read(LARGEST_TEXT)
        self.index = parse_index(self.index_body, path)

    def open(self, name: str, size: int | None = None) -> BinaryIO:
        """See :class:`Archive`."""
        there = os.path.join(self._root, name)
        if os.path.realpath(there) != there:
            raise unsafe(self.path, f"'{name}' is a link, or in one")
        try:
            # A pipe would have us wait for its writer; a file does not care.
            content = os.fdopen(os.open(there, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except FileNotFoundError as error:
            raise bad(self.path, f"'{name}' is missing") from error
        found = os.fstat(content.fileno())
        if not stat.S_ISREG(found.st_mode):
            content.close()
            raise unsafe(self.path, f"'{name}' is not a plain file")
        _check_size(self.path, name, found.st_size, size)
        return content


class _Tar:
    def __init__(self, path: str, tar: tarfile.TarFile) -> None:
        self.path = path
        self._tar = tar
        self._found: dict[str, tarfile.TarInfo] = {}
        self._end = os.path.getsize(path)
        for member in tar:
            self._admit(member)
        if INDEX not in self._found:
            raise bad(path, f"it has no {INDEX}, so it is no archive of models or it is cut off")
        with self.open(INDEX) as content:
            self.index_body = content.read(LARGEST_TEXT)
        self.index = parse_index(self.index_body, path)

    def open(self, name: str, size: int | None = None) -> BinaryIO:
        """See :class:`Archive`."""
        member = self._found.get(name)
        if member is None:
            raise bad(self.path, f"'{name}' is missing")
        _check_size(self.path, name, member.size, size)
        content = self._tar.extractfile(member)
        return content if content is not None else io.BytesIO()

    def _admit(self, member: tarfile.TarInfo) -> None:
        """Look at a member's header; its bytes are passed over."""
        name = member.name.removeprefix("./")
        if member.issym() or member.islnk():
            raise unsafe(self.path, f"{ascii(name)[:200]} is a link")
        if not (member.isreg() or member.isdir()) or member.issparse():
            raise unsafe(self.path, f"{ascii(name)[:200]} is not a plain file")
        check_name(name, self.path, folder=member.isdir())
        if name in self._found:
            raise unsafe(self.path, f"'{name}' is in it twice")
        if member.isreg():
            if member.offset_data + member.size > self._end:
                raise bad(self.path, f"it is cut off in the middle of '{name}'")
            self._found[name] = member


def _check_size(path: str, name: str, found: int, wanted: int | None) -> None:
    if wanted is not None and found != wanted:
        raise bad(path, f"'{name}' has {found} bytes, and its index says {wanted}")
