# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to one server, and the edge where every fault of it becomes one TenancyError.

``http.client`` and not ``requests``: it imports in a quarter of the time (25 ms against 95), is there on every host,
and its socket is at hand, which a stalled stream needs to be closed from outside.
"""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Protocol
from urllib.parse import urlsplit

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_QUOTED_LENGTH = 300
# Model files are gigabytes: the default of 8 KiB costs more Python than network.
_SEND_BLOCK = 1024**2


class SupportsRead(Protocol):
    """What can be sent as a body: a file, or what looks like one."""

    def read(self, size: int = -1, /) -> bytes:
        """The next ``size`` bytes, fewer at the end."""


class Endpoint:
    """Where one Ollama server answers.

    :param url: ``http://host:port`` (``https`` for one behind a gateway); a path in it is a prefix.
    :param timeout: seconds to wait for the connection and for each read.
    :param label: how to call the server in an error; its URL is added.
    :raises TenancyError: ``invalid_endpoint``.
    """

    def __init__(self, url: str, timeout: float = 30.0, label: str = "") -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.username or parts.password:
            raise TenancyError(
                f"Endpoint of host '{parts.hostname}' carries a user or password",
                cause="Ollama has no authentication, and URLs show up in logs",
                remedy="Give the endpoint as http://host:port",
                kind="invalid_endpoint",
            )
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in ("http", "https") or not parts.hostname or (port is None and ":" in parts.netloc[-6:]):
            raise TenancyError(
                f"'{url}' is not an endpoint",
                remedy="Write http://host:port, for example http://127.0.0.1:11435",
                kind="invalid_endpoint",
            )
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = port or (443 if self.secure else 11434)
        self.prefix = parts.path.rstrip("/")
        self.timeout = timeout
        shown_host = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"{parts.scheme}://{shown_host}:{self.port}{self.prefix}"
        self.name = f"{label} at {self.url}" if label else f"Ollama at {self.url}"

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | SupportsRead | None = None,
        *,
        length: int | None = None,
        accept: str = "application/json, application/x-ndjson",
    ) -> Iterator["Answer"]:
        """One request; the answer is open inside the ``with`` block and the connection closed after it.

        :param body: a mapping is sent as JSON, a file as it is with ``length`` bytes.
        :raises TenancyError: ``agent_unreachable``, ``agent_timeout``, ``agent_disconnected`` or
            ``agent_broken_answer``.
        """
        factory = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = factory(self.host, self.port, timeout=self.timeout, blocksize=_SEND_BLOCK)
        headers = {"Accept": accept}
        payload: Any = body
        if isinstance(body, Mapping):
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        elif body is not None:
            headers["Content-Type"] = "application/octet-stream"
            headers["Content-Length"] = str(length)
        try:
            try:
                connection.request(method, self.prefix + path, body=payload, headers=headers)
                # The response takes the socket over when the server means to close it, so remember it first.
                wire = connection.sock
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self.fault(path, error) from error
            yield Answer(self, path, response, wire)
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON value that the server answers with; None for an empty answer.

        :raises TenancyError: as :meth:`open`, or what :meth:`Answer.check` says of a status.
        """
        with self.open(method, path, body) as answer:
            answer.check()
            text = answer.read()
            return answer.parse(text) if text.strip() else None

    def fault(self, path: str, error: Exception) -> TenancyError:
        """The one error for a fault of the connection."""
        what = f"{self.name} did not answer {path}"
        if isinstance(error, (socket.timeout, TimeoutError)):
            return TenancyError(
                what,
                cause=f"nothing came for {self.timeout:g} s",
                remedy="See whether the agent is busy or hangs (docker logs), or raise 'timeout'",
                kind="agent_timeout",
            )
        if isinstance(error, ConnectionRefusedError):
            return TenancyError(
                what,
                cause="connection refused, nothing listens on that port",
                remedy="Start the agent, or correct the endpoint",
                kind="agent_unreachable",
            )
        if isinstance(error, socket.gaierror):
            return TenancyError(
                what,
                cause=f"host '{self.host}' is not known here",
                remedy="Correct the endpoint",
                kind="agent_unreachable",
            )
        if isinstance(error, (ConnectionError, http.client.IncompleteRead, http.client.RemoteDisconnected)):
            return TenancyError(
                what,
                cause=f"the connection was cut ({_words(error)})",
                remedy="See the agent's log: it may have been stopped, or killed for want of memory",
                kind="agent_disconnected",
            )
        if isinstance(error, http.client.HTTPException):
            return self.broken(path, f"the answer is not HTTP as Ollama speaks it ({_words(error)})")
        return TenancyError(
            what, cause=_words(error), remedy="Check the endpoint and the network", kind="agent_unreachable"
        )

    def broken(self, path: str, cause: str) -> TenancyError:
        """The error for an answer that no Ollama server gives."""
        return TenancyError(
            f"{self.name} gave an answer to {path} that can't be used",
            cause=cause,
            remedy="Check that the endpoint is an Ollama server and not a proxy or another service",
            kind="agent_broken_answer",
        )


class Answer:
    """What came back: a status, and a body that is read as a whole or line by line."""

    def __init__(
        self, endpoint: Endpoint, path: str, response: http.client.HTTPResponse, wire: socket.socket | None
    ) -> None:
        self.endpoint = endpoint
        self.path = path
        self.status = response.status
        self._response = response
        self._wire = wire

    def read(self) -> str:
        """The whole body as text.

        :raises TenancyError: as :meth:`Endpoint.open`.
        """
        return self.read_bytes().decode("utf-8", "replace")

    def read_bytes(self) -> bytes:
        """The whole body.

        :raises TenancyError: as :meth:`Endpoint.open`.
        """
        try:
            return self._response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self.endpoint.fault(self.path, error) from error

    def lines(self) -> Iterator[str]:
        """The body's lines as they come; the connection's own exceptions are left to the reader."""
        while line := self._response.readline():
            yield line.decode("utf-8", "replace")

    def without_time_limit(self) -> None:
        """Let reads wait for ever; for a stream that someone else watches."""
        if self._wire is not None:
            self._wire.settimeout(None)

    def hang_up(self) -> None:
        """End the connection from another thread: a blocked read returns at once, and Ollama cancels what it does."""
        if self._wire is not None:
            try:
                self._wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # already closed by the other end

    def parse(self, text: str) -> Any:
        """``text`` as JSON.

        :raises TenancyError: ``agent_broken_answer``.
        """
        try:
            return json.loads(text)
        except ValueError as error:
            raise self.endpoint.broken(self.path, f"it is not JSON: {_excerpt(text)}") from error

    def check(self) -> None:
        """Accept a status of success.

        :raises TenancyError: ``model_missing`` for 404, ``agent_error`` for others with Ollama's own words, or
            ``agent_broken_answer`` when they aren't Ollama's.
        """
        if self.status < 300:
            return
        text = self.read()
        message = error_message(text)
        if message is None:
            raise self.endpoint.broken(self.path, f"status {self.status}: {_excerpt(text)}")
        raise TenancyError(
            f"{self.endpoint.name} refused {self.path}",
            cause=message,
            remedy="See the agent's log for more",
            kind="model_missing" if self.status == 404 else "agent_error",
            status=self.status,
        )


def error_message(text: str) -> str | None:
    """Ollama's own error text in a body, or None when the body is not Ollama's.

    An empty body and gin's plain ``404 page not found`` are Ollama's, too: a route that this release does not have.
    """
    stripped = text.strip()
    if stripped in ("", "404 page not found"):
        return stripped or "no reason given"
    try:
        value = json.loads(stripped)
    except ValueError:
        return None
    return str(value["error"]) if isinstance(value, dict) and "error" in value else None


def _excerpt(text: str) -> str:
    """The beginning of a body, on one line."""
    words = " ".join(text.split())
    return words[:_QUOTED_LENGTH] + ("…" if len(words) > _QUOTED_LENGTH else "") if words else "an empty answer"


def _words(error: Exception) -> str:
    """What an exception says, or its name when it says nothing."""
    return str(error) or type(error).__name__
