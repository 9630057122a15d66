# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings one blob: several connections, each a part of it at a time, and a checksum that keeps up with them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Cancelled
from ansible_collections.llmops.tenancy.plugins.module_utils.store import space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob
from ansible_collections.llmops.tenancy.plugins.module_utils.store.partial import Checksum, Partial
from ansible_collections.llmops.tenancy.plugins.module_utils.store.parts import Range
from ansible_collections.llmops.tenancy.plugins.module_utils.store.registry import RegistryClient
if TYPE_CHECKING:
    import urllib3

_READ = 256 * 1024
_TICK = 0.1


@dataclass(frozen=True)
class Reading:
    """How far a blob is: bytes that are there, and whether only its checksum is waited for."""

    completed: int
    verifying: bool = False


def download(
    client: RegistryClient, blob: Blob, folder: str, connections: int, see: Callable[[Reading], None]
) -> str:
    """Fetch what is missing of a blob, and check it; bytes of an earlier run are kept.

    :param folder: where its partial download is. :param see: is told each reading, and may raise to end it.
    :returns: path of the whole and verified file.
    :raises TenancyError: ``digest_mismatch``, ``disk_full``, or a fault of the registry.
    """
    try:
        partial = Partial(folder, blob.size)
        try:
            for _chance in range(2):
                if _digest(client, blob, partial, connections, see) == blob.digest:
                    return partial.data
                partial.forget()
        finally:
            partial.close()
    except OSError as error:
        raise space.fault(f"Blob {blob.digest[:19]} can't be written to '{folder}'", folder, error, blob.size) from error
    raise TenancyError(
        f"Blob {blob.digest[:19]} came with wrong bytes from {client.reference.host}, twice",
        cause="its checksum is not the one that the model's manifest names",
        remedy="Push the model to the registry again, or look for what changes bytes on the way, then run again",
        kind="digest_mismatch",
        lasting=True,
    )


def _digest(
    client: RegistryClient, blob: Blob, partial: Partial, connections: int, see: Callable[[Reading], None]
) -> str:
    """Fetch what is missing; the checksum of the whole."""
    try:
        return _Transfer(client, blob, partial, partial.parts()).run(connections, see)
    except TenancyError as error:
        if error.kind != "no_ranges":
            raise
    partial.forget()
    return _Transfer(client, blob, partial, [(0, blob.size)]).run(1, see)


class _Transfer:
    """Threads that fetch parts until there are none, or until one of them fails."""

    def __init__(self, client: RegistryClient, blob: Blob, partial: Partial, parts: Sequence[Range]) -> None:
        self._client = client
        self._blob = blob
        self._partial = partial
        self._parts = deque(parts)
        self._ended = threading.Event()
        self._errors: list[Exception] = []

    def run(self, connections: int, see: Callable[[Reading], None]) -> str:
        """Fetch them all; the checksum of the whole."""
        count = min(connections, len(self._parts))
        fetchers = [threading.Thread(target=self._fetch_parts, daemon=True) for _number in range(count)]
        checksum = Checksum(self._partial, self._ended)
        for thread in (*fetchers, checksum):
            thread.start()
        patience = None
        try:
            # When one fails the others end the part that they have, so that no byte on its way is lost.
            for thread in (*fetchers, checksum):
                while thread.is_alive() and not (thread is checksum and self._errors):
                    thread.join(_TICK)
                    self._partial.tick()
                    see(self._reading())
        except Cancelled:
            # The process ends soon, and one that waits for a stalled line must not keep it.
            patience = 1.0
            raise
        finally:
            self._ended.set()
            # None may write any more once another attempt, or another run, has the file.
            for thread in (*fetchers, checksum):
                thread.join(patience)
        for error in filter(None, (*self._errors, checksum.error)):
            raise error
        see(self._reading())
        return checksum.digest

    def _reading(self) -> Reading:
        completed = self._partial.completed
        return Reading(completed, verifying=completed == self._blob.size)

    def _fetch_parts(self) -> None:
        try:
            while not self._ended.is_set() and not self._errors:
                self._fetch(*self._parts.popleft())
        except IndexError:
            return  # no part is left
        except Exception as error:
            self._errors.append(error)

    def _fetch(self, start: int, end: int) -> None:
        stream = self._client.open_blob(self._blob.digest, start, end, self._blob.size)
        with stream:
            while start < end and not self._ended.is_set():
                start += self._take(stream, start, end)
            if start == end:
                stream.release_conn()

    def _take(self, stream: urllib3.HTTPResponse, start: int, end: int) -> int:
        """Move some bytes from the wire to their place; how many that were."""
        chunk = self._client.read(stream, self._blob.digest, min(_READ, end - start))
        if not self._ended.is_set():
            self._partial.write(start, chunk)
        return len(chunk)
