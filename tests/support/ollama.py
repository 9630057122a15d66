# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Ollama on the bench itself, outside of a container: makes and pushes the models of the registry."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from tests.support.process import BenchError, Server
from tests.support.settings import OLLAMA_VERSION, Bench, cache_folder

PORT = 11400


def request(
    port: int, method: str, path: str, body: object = None, host: str = "127.0.0.1", timeout: float = 60
) -> list[dict]:
    """One call of Ollama's API; the answer's lines, decoded.

    Args:
        port: Port of the server.
        method: HTTP method.
        path: Path of the endpoint.
        body: A value that goes as JSON, a path whose content goes as it is, or None.
        host: Address of the server.
        timeout: Seconds without an answer that are tolerated.

    Raises:
        BenchError: The server answered with an error, also with one in the stream.
    """
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        data = body.read_bytes() if isinstance(body, Path) else json.dumps(body) if body is not None else None
        connection.request(method, path, data)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    try:
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        lines = [{"text": text}]
    error = next((line["error"] for line in lines if "error" in line), None)
    if answer.status >= 400 or error:
        raise BenchError(f"{method} {path}: HTTP {answer.status}: {error or text}")
    return lines


class HostOllama:
    """A server of Ollama's binary on a port of the bench, as a context."""

    def __init__(self, bench: Bench) -> None:
        self.server = Server("ollama", bench.logs)
        self.folder = bench.folder / "ollama"

    def __enter__(self) -> HostOllama:
        self.folder.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "OLLAMA_HOST": f"127.0.0.1:{PORT}",
            "OLLAMA_MODELS": str(self.folder / "models"),
        }
        binary = cache_folder() / f"ollama-{OLLAMA_VERSION}" / "ollama"
        self.server.start([str(binary), "serve"], env=environment)
        self.server.wait_ready(lambda: request(PORT, "GET", "/api/version"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()

    def create(self, reference: str, path: Path) -> None:
        """Make a model from a GGUF file."""
        digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        request(PORT, "POST", f"/api/blobs/{digest}", path)
        request(PORT, "POST", "/api/create", {"model": reference, "files": {path.name: digest}})

    def push(self, reference: str) -> None:
        """Push a model to the registry that its name holds."""
        request(PORT, "POST", "/api/push", {"model": reference, "insecure": True})


def generate(port: int, model: str = "demo", host: str = "127.0.0.1", prompt: str = "Hello", tokens: int = 20) -> str:
    """An answer of an agent, at most so many tokens of it."""
    lines = request(
        port,
        "POST",
        "/api/generate",
        {"model": model, "prompt": prompt, "stream": False, "options": {"num_predict": tokens}},
        host=host,
        timeout=300,
    )
    return lines[-1]["response"]


def pull(port: int, reference: str, host: str = "127.0.0.1") -> Iterator[dict]:
    """The lines of a pull from a model registry without TLS."""
    yield from request(port, "POST", "/api/pull", {"model": reference, "insecure": True}, host=host)
