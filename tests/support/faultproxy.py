# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy between an agent and the model registry that does harm on demand."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.support.settings import ADDRESS, REGISTRY_PORT

HEAD_LIMIT = 1 << 16
PIECE = 1 << 14


@dataclass
class Fault:
    """One thing that goes wrong, for the requests whose path matches. Positions count bytes of the body.

    Attributes:
        path: Regular expression that is searched in the path; blobs are ``/v2/.../blobs/sha256:...``.
        method: Only this HTTP method.
        times: How many requests it hits; None means all.
        skip: How many matching requests pass before it starts to hit.
        status: Answer with this HTTP status instead of asking the registry.
        body: Body of that answer.
        headers: Headers of that answer, such as ``{"Retry-After": "1"}``.
        refuse: Close the connection without an answer.
        delay: Seconds to wait before the answer.
        rate: Bytes of the body per second.
        cut_after: Break the connection after so many bytes of the body.
        stall_after: Send nothing more after so many bytes of the body, and leave the connection open.
        hold_after: Send nothing more after so many bytes of the body, until ``held`` is set to False.
        corrupt_at: Turn over the byte at this position of the body.
        hits: How many requests it has hit.
    """

    path: str = ""
    method: str | None = None
    times: int | None = None
    skip: int = 0
    status: int | None = None
    body: bytes = b'{"errors":[{"code":"UNKNOWN","message":"made by the fault proxy"}]}'
    headers: dict[str, str] = field(default_factory=dict)
    refuse: bool = False
    delay: float = 0.0
    rate: int | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    hold_after: int | None = None
    held: bool = True
    corrupt_at: int | None = None
    hits: int = 0
    _seen: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Whether it hits this request; counts it."""
        if self.method not in (None, method) or not re.search(self.path, path):
            return False
        self._seen += 1
        if self._seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


@dataclass
class Request:
    """A request that the proxy saw.

    Attributes:
        sent: How many bytes of the answer's body it let through.
        finished: Whether that was all of it.
        ended: Whether nothing more comes of it, also because whoever asked has gone.
    """

    method: str
    path: str
    headers: dict[str, str]
    at: float
    sent: int = 0
    status: int | None = None
    finished: bool = False
    ended: bool = False


class FaultProxy:
    """The proxy, as a context; without faults it changes nothing. One request is served per connection.

    Args:
        target: Address and port of the server behind it.
        port: Port to listen on, at all addresses of the bench; 0 takes a free one.
    """

    def __init__(self, target: tuple[str, int] = ("127.0.0.1", REGISTRY_PORT), port: int = 0) -> None:
        self.target = target
        self.port = port
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    @property
    def address(self) -> str:
        """``host:port`` of the proxy, the same for containers and for processes of the bench."""
        return f"{ADDRESS}:{self.port}"

    def reference(self, model: str = "demo") -> str:
        """How an agent names a model that it pulls through the proxy."""
        return f"http://{self.address}/library/{model}"

    def add(self, fault: Fault | None = None, **settings: Any) -> Fault:
        """Add a fault, given as one or by its attributes; the first one that takes a request hits it."""
        fault = fault or Fault(**settings)
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take all faults away, forget the requests, and break connections that hang in a fault."""
        self.faults.clear()
        self.requests.clear()
        self._run(self._cancel())

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, "0.0.0.0", self.port, limit=HEAD_LIMIT))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.close()
        self._run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)

    async def _cancel(self) -> None:
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        request = _parse(head)
        self.requests.append(request)
        try:
            await self._meet(head, request, reader, writer)
        finally:
            request.ended = True

    async def _meet(self, head: bytes, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = next((one for one in self.faults if one.takes(request.method, request.path)), Fault())
        await asyncio.sleep(fault.delay)
        if fault.refuse:
            raise ConnectionAbortedError
        if fault.status:
            request.status = fault.status
            writer.write(_answer(fault))
            await writer.drain()
            request.finished = True
            return
        await self._forward(head, request, fault, reader, writer)

    async def _forward(
        self,
        head: bytes,
        request: Request,
        fault: Fault,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self.target, limit=HEAD_LIMIT)
        upload = asyncio.create_task(_pump(reader, upstream_writer))
        try:
            upstream_writer.write(_with_close(head))
            answer = await upstream_reader.readuntil(b"\r\n\r\n")
            request.status = int(answer.split(b" ", 2)[1])
            writer.write(answer)
            while piece := await upstream_reader.read(PIECE):
                await _send(piece, request, fault, writer, gone=upload.done)
            request.finished = True
        finally:
            upload.cancel()
            upstream_writer.close()


def _parse(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _version = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    return Request(method, path, headers, time.monotonic())


def _with_close(head: bytes) -> bytes:
    # One request per connection: else a second one would pass without a look at its path.
    lines = [line for line in head.rstrip(b"\r\n").split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def _answer(fault: Fault) -> bytes:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(fault.body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in (headers | fault.headers).items()]
    return "\r\n".join([f"HTTP/1.1 {fault.status} Fault", *lines, "", ""]).encode() + fault.body


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()


async def _send(
    piece: bytes, request: Request, fault: Fault, writer: asyncio.StreamWriter, gone: Callable[[], bool]
) -> None:
    """Let a piece of a body through, and do to it what the fault says, while whoever asked is there."""
    start, end = request.sent, request.sent + len(piece)
    if fault.corrupt_at is not None and start <= fault.corrupt_at < end:
        position = fault.corrupt_at - start
        piece = piece[:position] + bytes([piece[position] ^ 0xFF]) + piece[position + 1 :]
    limit = min((one for one in (fault.cut_after, fault.stall_after) if one is not None), default=None)
    if limit is not None and end >= limit:
        piece = piece[: max(0, limit - start)]
    step = max(1, min(len(piece), fault.rate // 10)) if fault.rate and piece else len(piece) or 1
    for offset in range(0, len(piece), step):
        while fault.held and fault.hold_after is not None and request.sent >= fault.hold_after:
            await asyncio.sleep(0.02)
            if gone():
                raise ConnectionAbortedError
        part = piece[offset : offset + step]
        writer.write(part)
        await writer.drain()
        request.sent += len(part)
        if fault.rate:
            await asyncio.sleep(len(part) / fault.rate)
    if limit is not None and end >= limit:
        if limit == fault.stall_after:
            await asyncio.Event().wait()
        raise ConnectionAbortedError
