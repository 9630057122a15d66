# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staged users on disk, in the form in which PostgreSQL's COPY reads them.

Pages are spooled before a transaction opens, so that no lock is held while Microsoft makes the run wait, and memory
does not grow with the directory.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.people import Person, key_bytes

COLUMNS = ("seq", "external_id", "email", "name", "active", "department", "job_title", "user_type", "role", "reason")
_CHUNK = 1 << 18
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Spool:
    """A nameless temporary file of rows; nobody else can open it, and it is gone when the run ends, however it ends."""

    def __init__(self) -> None:
        with _disk():
            self._file = tempfile.TemporaryFile(prefix="llmops-m365-")
        self._seen: set[bytes] = set()
        self._pending: list[str] = []
        self.rows = 0
        self.repeated = False

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._file.close()
        except OSError:
            # A full disk was told of already, and what closing would still write is of no use.
            return

    def clear(self) -> None:
        """Forget all rows: the round begins anew."""
        with _disk():
            self._file.seek(0)
            self._file.truncate()
        self._seen.clear()
        self._pending.clear()
        self.rows, self.repeated = 0, False

    def has(self, key: str) -> bool:
        """Whether a row of this user was written."""
        return key_bytes(key) in self._seen

    @property
    def people(self) -> int:
        """How many different users have rows."""
        return len(self._seen)

    def present(self, person: Person, role: str | None) -> None:
        """Stage a user that counts."""
        self._write(
            person.key, person.email, person.name, "t" if person.active else "f", person.department, person.job_title,
            person.user_type, role, None,
        )

    def absent(self, key: str, reason: str) -> None:
        """Stage that a user does not count (any more)."""
        self._write(key, None, None, "f", None, None, None, None, reason)

    def chunks(self) -> Iterator[bytes]:
        """The rows, from the start; may be asked for again."""
        self._flush()
        with _disk():
            self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def _write(self, key: str, *values: str | None) -> None:
        short = key_bytes(key)
        # The same user twice in a round is normal; the later row wins, and PostgreSQL is told to look for them.
        self.repeated = self.repeated or short in self._seen
        self._seen.add(short)
        self.rows += 1
        fields = (_NULL if value is None else value.translate(_ESCAPES) for value in values)
        self._pending.append("\t".join((str(self.rows), key, *fields)))
        if len(self._pending) >= 1000:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            with _disk():
                self._file.seek(0, 2)
                self._file.write(("\n".join(self._pending) + "\n").encode())
            self._pending.clear()


@contextmanager
def _disk() -> Iterator[None]:
    """:raises TenancyError: ``m365_spool`` when the temporary file can't be made or written."""
    try:
        yield
    except OSError as error:
        raise TenancyError(
            "The users from Microsoft 365 can't be kept in a temporary file",
            cause=f"{error.strerror or error}; nothing was changed",
            remedy="Free some space where temporary files are, 20 MB for 100,000 users, or set TMPDIR to another folder",
            kind="m365_spool",
        ) from None
