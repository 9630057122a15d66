# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ollama's API, one thin function per call. Faults come out as TenancyError from ``transport``.

Source: https://github.com/ollama/ollama/blob/v0.24.0/docs/api.md
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.transport import Endpoint, SupportsRead
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.stream import Stream

_GONE = "no such file or directory"


@dataclass(frozen=True)
class Model:
    """A model that an agent has.

    :param name: full reference, with its tag.
    :param digest: sha256 of its manifest, in hexadecimal: two agents with one digest have the same model.
    :param size: bytes of its layers.
    """

    name: str
    digest: str
    size: int
    modified_at: str = ""


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    :param size: bytes in memory. :param size_vram: bytes of them on a GPU.
    :param expires_at: when it is unloaded, RFC 3339.
    """

    name: str
    digest: str
    size: int
    size_vram: int
    context_length: int
    expires_at: str


class OllamaClient:
    """One Ollama server.

    :param endpoint: its URL, for example ``http://127.0.0.1:11435``.
    :param timeout: seconds to wait for the connection and for each read.
    :param label: how to call it in an error, for example ``agent empresa-corp``.
    """

    def __init__(self, endpoint: str, timeout: float = 30.0, label: str = "") -> None:
        self.endpoint = Endpoint(endpoint, timeout, label)

    def version(self) -> str:
        """Its release, for example ``0.24.0``."""
        return str(self._object("GET", "/api/version").get("version", ""))

    def tags(self) -> list[Model]:
        """The models it has, by name."""
        rows = self._rows("/api/tags")
        return sorted(
            (Model(row["name"], row["digest"], int(row["size"]), row.get("modified_at", "")) for row in rows),
            key=lambda model: model.name,
        )

    def ps(self) -> list[Loaded]:
        """The models it holds in memory, by name."""
        rows = self._rows("/api/ps")
        return sorted(
            (
                Loaded(
                    name=row["name"],
                    digest=row["digest"],
                    size=int(row["size"]),
                    size_vram=int(row.get("size_vram", 0)),
                    context_length=int(row.get("context_length", 0)),
                    expires_at=row.get("expires_at", ""),
                )
                for row in rows
            ),
            key=lambda model: model.name,
        )

    def show(self, model: str) -> dict[str, Any]:
        """What it knows about a model: ``modelfile``, ``details``, ``model_info``…

        :raises TenancyError: ``model_missing``.
        """
        return self._object("POST", "/api/show", {"model": model})

    @contextmanager
    def pull(self, model: str, *, insecure: bool = False) -> Iterator[Stream]:
        """Pull a model; the stream tells how far it is, and leaving the block cancels it (finished parts are kept).

        :param model: reference; one with a host names the registry or mirror to pull from.
        :param insecure: speak plain HTTP to the registry.
        """
        with self._stream("/api/pull", {"model": model, "insecure": insecure}) as stream:
            yield stream

    @contextmanager
    def create(self, model: str, files: Mapping[str, str]) -> Iterator[Stream]:
        """Make a model out of blobs that the server has already.

        :param files: digest (``sha256:…``) by file name.
        """
        with self._stream("/api/create", {"model": model, "files": dict(files)}) as stream:
            yield stream

    def has_blob(self, digest: str) -> bool:
        """Whether it has the blob ``sha256:…``."""
        path = f"/api/blobs/{digest}"
        with self.endpoint.open("HEAD", path) as answer:
            if answer.status in (200, 404):
                return answer.status == 200
            raise self.endpoint.broken(path, f"status {answer.status}")

    def upload_blob(self, digest: str, content: SupportsRead, length: int) -> None:
        """Give it a blob; it checks the digest itself.

        :param length: bytes that ``content`` holds.
        """
        with self.endpoint.open("POST", f"/api/blobs/{digest}", content, length=length) as answer:
            answer.check()

    def copy(self, source: str, destination: str) -> None:
        """Give a model a second name; no bytes are copied.

        :raises TenancyError: ``model_missing``.
        """
        self.endpoint.call("POST", "/api/copy", {"source": source, "destination": destination})

    def delete(self, model: str) -> None:
        """Remove a name, and the layers that no other name uses.

        :raises TenancyError: ``model_missing``.
        """
        try:
            self.endpoint.call("DELETE", "/api/delete", {"model": model})
        except TenancyError as error:
            # Another one removed it at the same time: Ollama finds the file gone between its look and its removal.
            if _GONE not in error.cause or model in {one.name for one in self.tags()}:
                raise

    def generate(self, model: str, prompt: str, **options: Any) -> dict[str, Any]:
        """One answer of a model, as a whole.

        :param options: runtime options, for example ``num_predict=8``.
        :raises TenancyError: ``model_missing``, ``agent_timeout``…
        """
        body = {"model": model, "prompt": prompt, "stream": False, "options": options}
        return self._object("POST", "/api/generate", body)

    def _object(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        value = self.endpoint.call(method, path, body)
        if not isinstance(value, dict):
            raise self.endpoint.broken(path, "it is not a JSON object")
        return value

    def _rows(self, path: str) -> list[dict[str, Any]]:
        rows = self._object("GET", path).get("models")
        if rows is not None and not isinstance(rows, list):
            raise self.endpoint.broken(path, "it has no list of models")
        return rows or []

    @contextmanager
    def _stream(self, path: str, body: Mapping[str, Any]) -> Iterator[Stream]:
        with self.endpoint.open("POST", path, {**body, "stream": True}) as answer:
            answer.check()
            stream = Stream(answer)
            try:
                yield stream
            finally:
                answer.hang_up()
