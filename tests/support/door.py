# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A door before an engine: every request comes by, is slowed down there, or waits until the test has done something."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

# How requests begin, for `Door.hold`.
LISTS = r"GET \S*/containers/json"
CREATES_NETWORK = r"POST \S*/networks/create"
CREATES_VOLUME = r"POST \S*/volumes/create"
CREATES = r"POST \S*/containers/create"
STARTS = r"POST \S*/containers/\S+/start"
EXECUTES = r"POST \S*/containers/\S+/exec"
UPDATES = r"POST \S*/containers/\S+/update"
STOPS = r"POST \S*/containers/\S+/stop"
RENAMES = r"POST \S*/containers/\S+/rename"
REMOVES_VOLUME = r"DELETE \S*/volumes/"
REMOVES = r"DELETE \S*/containers/"

# A client gives up when nothing comes for a minute. This is no answer yet.
_BREATH, _PATIENCE = 20.0, b"HTTP/1.1 100 Continue\r\n\r\n"


class Hold:
    """Requests of one kind that wait at the door, from the n-th on, until the test ends it.

    Args:
        request: Pattern of how they begin.
        count: The first one that waits.
    """

    def __init__(self, request: str, count: int) -> None:
        self._request = re.compile(request.encode())
        self._left = count
        self._counting = threading.Lock()
        self._passes = False
        self._reached, self._ended = threading.Event(), threading.Event()

    @property
    def reached(self) -> bool:
        """Whether one waits."""
        return self._reached.is_set()

    def end(self, passes: bool) -> None:
        """Let them pass, or have them never come to the engine."""
        self._passes = passes
        self._ended.set()

    def admits(self, data: bytes, breathe: Callable[[], object]) -> bool:
        """Whether these bytes of a client may pass; returns when that is decided, and has the client wait for it meanwhile."""
        if self._ended.is_set() or not self._request.match(data):
            return True
        with self._counting:
            self._left -= 1
            waits = self._left <= 0
        if not waits:
            return True
        self._reached.set()
        while not self._ended.wait(_BREATH):
            breathe()
        return self._passes


class Door:
    """A socket beside an engine's own that passes everything on.

    Args:
        target: The engine's socket.
        seconds: Each request takes so long, or those of the kind that `slow` names.
    """

    def __init__(self, target: Path, seconds: float = 0) -> None:
        self.target, self.seconds = target, seconds
        self.path = target.with_name("door.sock")
        self.url = f"unix://{self.path}"
        self._hold: Hold | None = None
        self._slow = re.compile(b"")
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, request: str, count: int = 1) -> Hold:
        """Let no request of a kind pass, from the count-th from now on; all others do."""
        self._hold = Hold(request, count)
        return self._hold

    def slow(self, request: str) -> None:
        """Let requests of one kind take their time from now on, and no others."""
        self._slow = re.compile(request.encode())

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
            engine.connect(str(self.target))
            while True:
                for source in select.select([client, engine], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client:
                        if self._slow.match(data):
                            time.sleep(self.seconds)
                        if self._hold and not self._hold.admits(data, lambda: client.sendall(_PATIENCE)):
                            return
                    (engine if source is client else client).sendall(data)

    def close(self) -> None:
        """Accept no more."""
        if self._hold:
            self._hold.end(passes=False)
        # A thread that waits in accept() is not woken by close() alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)
