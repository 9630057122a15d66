# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine is asked: a socket before its own that counts."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from pathlib import Path


class CountingSocket:
    """A socket before the engine's that passes everything on and counts the requests by what they ask for.

    Args:
        target: URL of the engine.
        path: Where the socket is made.
    """

    def __init__(self, target: str, path: Path) -> None:
        self.target, self.url, self.counts = target.removeprefix("unix://"), f"unix://{path}", Counter[str]()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _address = self._server.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self.target)
            threading.Thread(target=self._pass, args=(client, engine, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(engine, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, count: bool) -> None:
        with source, sink:
            try:
                while data := source.recv(65536):
                    if count and data.split(b" ", 1)[0] in (b"GET", b"POST", b"DELETE"):
                        self.counts[kind_of(data)] += 1
                    sink.sendall(data)
            except OSError:
                return


def kind_of(request_head: bytes) -> str:
    """``GET /containers/json`` or ``GET /containers/…/json``: what a request asks for, without names and versions."""
    method, path, _rest = request_head.split(b" ", 2)
    parts = [part for part in path.decode().partition("?")[0].split("/") if part and not part.startswith("v1.")]
    if len(parts) > 2 or (len(parts) == 2 and parts[0] == "volumes"):
        parts[1:-1 if len(parts) > 2 else None] = ["…"]
    return f"{method.decode()} /{'/'.join(parts)}"
