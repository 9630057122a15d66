# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy on the way to Microsoft, as companies have it: it knows CONNECT alone and sees nothing of what is said."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Tunnel:
    """A proxy on a free port of the loopback.

    :param sign_in: whether it demands a user of its own and so lets nobody through.
    """

    def __init__(self, sign_in: bool = False) -> None:
        self.hosts: list[str] = []
        tunnel = self

        class Handler(BaseHTTPRequestHandler):
            """One tunnel."""

            def do_CONNECT(self) -> None:
                """Join the two ends until one of them hangs up."""
                if sign_in:
                    self.send_response(407)
                    self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
                    self.end_headers()
                    return
                tunnel.hosts.append(self.path)
                host, _colon, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port))) as there:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=_pour, args=(there, self.connection), daemon=True)
                    back.start()
                    _pour(self.connection, there)
                    back.join(10)
                self.close_connection = True

            def log_message(self, *args: Any) -> None:
                """Nothing: ``hosts`` is for assertions."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pour(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, then tell the target so."""
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
