# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that a blob is downloaded to, and the memory of which bytes of it are there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time

from ansible_collections.llmops.tenancy.plugins.module_utils.store.parts import Ledger, Range

_REMEMBER_EVERY = 0.25
_CHUNK = 1024**2


class Partial:
    """One download. Any number of threads write to it.

    The memory is written after the bytes, and not flushed with them: after a power failure it may promise bytes that
    the disk lost, which the checksum finds out.

    :param folder: its directory, made when it is not there. :param size: bytes of the blob.
    """

    def __init__(self, folder: str, size: int) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self._state = os.path.join(folder, "state.json")
        self._lock = threading.Lock()
        self._remembered = time.monotonic()
        self._descriptor = os.open(self.data, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._ledger = Ledger(size, remembered(folder) if os.fstat(self._descriptor).st_size == size else ())
        os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        """Remember what is there and let go of the file. Nobody may write to it any more."""
        try:
            self.remember()
        except OSError:
            pass  # the disk is full: what was written down before is true still
        finally:
            os.close(self._descriptor)

    def write(self, at: int, chunk: bytes) -> None:
        """Put bytes in their place."""
        view, position = memoryview(chunk), at
        while view:
            written = os.pwrite(self._descriptor, view, position)
            view, position = view[written:], position + written
        with self._lock:
            self._ledger.add(at, position)

    def read(self, at: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with the bytes from ``at`` on, as far as they are there without a hole; how many that were."""
        with self._lock:
            there = self._ledger.front - at
        return os.preadv(self._descriptor, [buffer[:there]], at) if there > 0 else 0

    @property
    def completed(self) -> int:
        """Bytes that are there."""
        with self._lock:
            return self._ledger.completed

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self._ledger.size

    def parts(self) -> list[Range]:
        """What is to be fetched, in order."""
        with self._lock:
            return self._ledger.parts()

    def remember(self, every: float = 0.0) -> None:
        """Write down what is there, unless that was done within the last ``every`` seconds."""
        if time.monotonic() - self._remembered < every:
            return
        with self._lock:
            done = self._ledger.done
        with open(self._state + ".new", "w", encoding="utf-8") as out:
            json.dump({"done": done}, out)
        os.replace(self._state + ".new", self._state)
        self._remembered = time.monotonic()

    def tick(self) -> None:
        """Write down what is there from time to time."""
        self.remember(_REMEMBER_EVERY)

    def forget(self) -> None:
        """All bytes are wrong: begin anew."""
        with self._lock:
            self._ledger = Ledger(self._ledger.size)
        self.remember()


class Checksum(threading.Thread):
    """Reads a download as its bytes arrive, so that its checksum is known soon after the last one."""

    def __init__(self, partial: Partial, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._partial = partial
        self._ended = ended
        self._sha = hashlib.sha256()
        self.position = 0
        self.error: OSError | None = None

    def run(self) -> None:
        """Read until all is read or the download has ended without success."""
        try:
            self._follow()
        except OSError as error:
            self.error = error

    def _follow(self) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        while self.position < self._partial.size and not self._ended.is_set():
            read = self._partial.read(self.position, buffer)
            if read:
                self._sha.update(buffer[:read])
                self.position += read
            else:
                self._ended.wait(0.02)

    @property
    def digest(self) -> str:
        """``sha256:…`` of what was read."""
        return f"sha256:{self._sha.hexdigest()}"


def remembered(folder: str) -> list[Range]:
    """The ranges that an earlier run left in a directory."""
    try:
        with open(os.path.join(folder, "state.json"), encoding="utf-8") as content:
            return [(int(start), int(end)) for start, end in json.load(content)["done"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # A disk that was full, or a crash, leaves a file empty or cut.
        return []


def left_to_fetch(folder: str, size: int) -> int:
    """Bytes that are still to come for a blob of that size, and so the room that it still takes."""
    return size - Ledger(size, remembered(folder)).completed


def remove(folder: str) -> None:
    """Forget a download."""
    shutil.rmtree(folder, ignore_errors=True)
