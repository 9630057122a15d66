# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TLS servers of the stand-in: sign-in, Graph, and a stranger who must never hear anything."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qsl, unquote, urlsplit

from .authority import Authority
from .directory import Application, Directory
from .rules import Rule, Script, graph_error
from .service import GraphService
from .tls import make_authority


@dataclass(frozen=True)
class Request:
    """A request as it came in, for assertions."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


Answerer = Callable[[Request], tuple[int, Any, dict[str, str]]]


class Listener:
    """One server on a free port of the loopback.

    :param name: for the log. :param certificate: PEM of certificate and key; None for plain HTTP.
    """

    def __init__(self, name: str, answerer: Answerer, script: Script, certificate: Path | None, port: int = 0) -> None:
        self.name = name
        self.log: list[Request] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            """HTTP/1.1 with connections kept open."""

            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 1 << 16

            def do_GET(self) -> None:
                listener.handle(self, answerer, script)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                """Nothing: the log is for assertions."""

        class Server(ThreadingHTTPServer):
            """Threads that end with the process; a client that goes away is no news."""

            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Cut connections are what tests are made of."""

        self.server = Server(("127.0.0.1", port), Handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is done by the thread of the connection, not by the one that accepts.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.scheme = "https"
        self.url = f"{self.scheme}://localhost:{self.server.server_address[1]}"
        self._thread = threading.Thread(
            target=self.server.serve_forever, args=(0.05,), name=f"graph-{name}", daemon=True
        )
        self._thread.start()

    def handle(self, handler: BaseHTTPRequestHandler, answerer: Answerer, script: Script) -> None:
        """Answer one request, unless the script has other plans."""
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length).decode() if length else ""
        request = Request(handler.command, unquote(parts.path), parts.query, dict(handler.headers.items()), body)
        self.log.append(request)
        rule = script.find(f"{request.path}?{unquote(request.query)}")
        if rule:
            self._prepare(rule, script)
        if rule and rule.status:
            self._send(handler, rule.status, rule.content(), dict(rule.headers))
            return
        status, value, headers = answerer(request)
        if rule and rule.edit:
            value = rule.edit(value)
        content = (
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
            if not isinstance(value, bytes)
            else value
        )
        if rule and rule.truncate is not None:
            content = content[: rule.truncate]
        self._send(handler, status, content, headers, cut=rule.cut if rule else None)

    def _prepare(self, rule: Rule, script: Script) -> None:
        if rule.delay:
            time.sleep(rule.delay)
        if rule.revoke:
            script.revoke()
        if rule.call:
            rule.call()

    def _send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        content: bytes,
        headers: dict[str, str],
        cut: int | None = None,
    ) -> None:
        sent = {
            "Date": handler.date_time_string(),
            "Content-Type": "application/json; odata.metadata=minimal; charset=utf-8",
            **headers,
        }
        handler.send_response_only(status)
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content if cut is None else content[:cut])
        handler.wfile.flush()
        if cut is not None:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop and free the port."""
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


class StandIn:
    """Microsoft 365 on the loopback.

    :param folder: where the certificates are written.
    :param directories: the tenants; each needs at least one application.
    :param delta_page: users in one page of a delta round. :param lifetime: seconds that a token lives.
    """

    def __init__(
        self,
        folder: Path,
        *directories: Directory,
        delta_page: int = 200,
        lifetime: int = 3599,
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        self.ca_path = make_authority(folder)
        certificate = folder / "server.pem"
        self.directories = {directory.tenant_id: directory for directory in directories}
        self.script = Script()
        self.authority = Authority(self.directories, lifetime)
        self.script.revoke = self.authority.revoke
        self.service = GraphService(delta_page)
        self._control: Callable[[Request], Any] | None = None
        self.sign_in = Listener("sign-in", self._sign_in, self.script, certificate, ports[0])
        self.graph = Listener("graph", self._graph, self.script, certificate, ports[1])
        self.stranger = Listener("stranger", lambda request: (200, {"value": []}, {}), Script(), certificate)
        self.plain = Listener("plain", lambda request: (200, {"value": []}, {}), Script(), None)
        self.authority.base, self.authority.graph = self.sign_in.url, self.graph.url
        self.service.base = self.graph.url

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all servers."""
        for listener in (self.sign_in, self.graph, self.stranger, self.plain):
            listener.close()

    def rules(self, *rules: Rule) -> None:
        """Replace the script of faults."""
        self.script.load(list(rules))

    def forget(self) -> None:
        """Empty the logs."""
        for listener in (self.sign_in, self.graph, self.stranger, self.plain):
            listener.log.clear()

    def on_control(self, control: Callable[[Request], Any]) -> None:
        """Let requests to ``/_control`` be handled by ``control``."""
        self._control = control

    def _sign_in(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        parts = request.path.strip("/").split("/", 1)
        if request.path == "/msi/token":
            query = dict(parse_qsl(request.query))
            return (*self.authority.managed_identity(request.headers, query), {})
        if len(parts) == 2 and parts[1] == "v2.0/.well-known/openid-configuration":
            return (*self.authority.discovery(parts[0]), {})
        if len(parts) == 2 and parts[1] == "oauth2/v2.0/token" and request.method == "POST":
            return (*self.authority.token(parts[0], dict(parse_qsl(request.body))), {})
        return 404, {}, {}

    def _graph(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        if request.path == "/_control" and self._control:
            return 200, self._control(request), {}
        token = self.authority.check(request.headers.get("Authorization", ""))
        if isinstance(token, str):
            return (
                401,
                graph_error("InvalidAuthenticationToken", token),
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        return self.service.answer(request.path, query, token)


def tenant(tenant_id: str, users: int, client_id: str, secret: str, **options: Any) -> Directory:
    """A directory with one application that may read everything."""
    directory = Directory(tenant_id, users, **options)
    directory.applications[client_id] = Application(client_id, secret)
    return directory
