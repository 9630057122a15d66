# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model registry of the bench's own: Debian's docker-registry, behind HAProxy."""

from __future__ import annotations

import csv
import hashlib
import http.client
import json
import os
import random
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.support.ollama import HostOllama
from tests.support.process import BenchError, Server
from tests.support.settings import ADDRESS, DEMO_MODEL, REGISTRY_PORT, Bench

BACKEND_PORT = 5001
CHUNK = 1 << 20
REGISTRY_CONFIG = """
version: 0.1
log: {{level: warn, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
# Ollama refuses a blob without the Location header that registries behind a content network give.
PROXY_CONFIG = """
global
    maxconn 500
    stats socket {statistics}
defaults
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 10m
frontend models
    bind :{port}
    http-request set-var(txn.blob) path if METH_GET {{ path_beg /v2/ }} {{ path_sub /blobs/sha256: }}
    http-response set-header Location %[var(txn.blob)] if {{ status 200 }} {{ var(txn.blob) -m found }}
    default_backend registry
backend registry
    server registry 127.0.0.1:{backend}
"""


class Registry:
    """The model registry; agents in containers and processes of the bench reach it by the same address."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.server = Server("docker-registry", bench.logs)
        self.proxy = Server("haproxy", bench.logs)
        self.folder = bench.folder / "registry"
        self.statistics = bench.folder / "haproxy.sock"
        self.port = REGISTRY_PORT
        self.address = f"{ADDRESS}:{REGISTRY_PORT}"

    def start(self) -> None:
        """Start both servers and wait until they answer."""
        self.folder.mkdir(exist_ok=True)
        config = self.bench.folder / "registry.yml"
        config.write_text(REGISTRY_CONFIG.format(folder=self.folder, port=BACKEND_PORT))
        # Debian's package has tracing compiled in, which tells of a collector that it cannot reach.
        environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
        self.server.start(["docker-registry", "serve", str(config)], env=environment)
        proxy_config = self.bench.folder / "haproxy.cfg"
        proxy_config.write_text(PROXY_CONFIG.format(port=self.port, backend=BACKEND_PORT, statistics=self.statistics))
        self.proxy.start(["haproxy", "-db", "-f", str(proxy_config)])
        self.server.wait_ready(self.answers)
        self.proxy.wait_ready(self.answers)

    def stop(self) -> None:
        """Stop both servers; the models stay."""
        self.proxy.stop()
        self.server.stop()

    def answers(self) -> bool:
        """Whether the registry answers through HAProxy."""
        return self._request("GET", "/v2/")[0] == 200

    def sent(self) -> int:
        """Bytes that it has sent to whoever asked, all answers together."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.statistics))
            connection.sendall(b"show stat\n")
            with connection.makefile() as answer:
                rows = list(csv.DictReader(answer))
        [sent] = [int(row["bout"]) for row in rows if row["svname"] == "FRONTEND"]
        return sent

    def push_demo_models(self) -> None:
        """Push ``library/demo`` and ``library/demo2`` (other weights) with real Ollama."""
        with HostOllama(self.bench) as ollama:
            second = self.bench.folder / "demo2.gguf"
            second.write_bytes(other_weights(DEMO_MODEL.read_bytes()))
            for name, path in (("demo", DEMO_MODEL), ("demo2", second)):
                reference = f"http://{self.address}/library/{name}:latest"
                ollama.create(reference, path)
                ollama.push(reference)

    def reference(self, model: str = "demo", address: str | None = None) -> str:
        """How an agent names a model of this registry, or of a proxy before it at ``address``."""
        return f"http://{address or self.address}/library/{model}"

    def add_big_model(self, name: str, size_mb: int) -> str:
        """Add ``library/<name>``: the demo model with so many megabytes of random padding; it loads and generates.

        Returns:
            Digest of the big layer.
        """
        return self.add_model(name, _padded(DEMO_MODEL.read_bytes(), size_mb, seed=name))

    def add_model(self, name: str, weights: Iterable[bytes]) -> str:
        """Add ``library/<name>``: the demo model with other weights.

        Returns:
            Digest of the weights.
        """
        manifest = self.manifest("demo")
        digest, size = self._upload_blob(weights)
        for layer in manifest["layers"]:
            if layer["mediaType"] == "application/vnd.ollama.image.model":
                layer.update(digest=digest, size=size)
        for blob in [manifest["config"], *manifest["layers"]]:
            self._mount(name, blob["digest"])
        self.put_manifest(name, manifest)
        return digest

    def manifest(self, name: str, tag: str = "latest") -> dict:
        """The manifest of a model."""
        status, _headers, body = self._request("GET", f"/v2/library/{name}/manifests/{tag}")
        if status != 200:
            raise BenchError(f"no manifest of {name}:{tag} in the registry: HTTP {status}")
        return json.loads(body)

    def put_manifest(self, name: str, manifest: Mapping, tag: str = "latest") -> None:
        """Store a manifest: with another one under the same tag, a model has a newer version."""
        status, _headers, body = self._request(
            "PUT",
            f"/v2/library/{name}/manifests/{tag}",
            json.dumps(manifest).encode(),
            {"Content-Type": manifest["mediaType"]},
        )
        if status != 201:
            raise BenchError(f"the registry refused the manifest of {name}: HTTP {status} {body!r}")

    def _upload_blob(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Store a blob in the repository ``library/demo``, from where the others mount it."""
        upload = self.bench.folder / "upload"
        sha256, size = hashlib.sha256(), 0
        with upload.open("wb") as file:
            for chunk in chunks:
                sha256.update(chunk)
                size += len(chunk)
                file.write(chunk)
        digest = f"sha256:{sha256.hexdigest()}"
        location = self._start_upload("/v2/library/demo/blobs/uploads/")
        with upload.open("rb") as file:
            connection = http.client.HTTPConnection("127.0.0.1", BACKEND_PORT, timeout=120)
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            connection.request("PUT", f"{location}&digest={digest}", file, headers)
            answer = connection.getresponse()
            if answer.status != 201:
                raise BenchError(f"the registry refused a blob: HTTP {answer.status} {answer.read()!r}")
            connection.close()
        upload.unlink()
        return digest, size

    def _start_upload(self, path: str) -> str:
        status, headers, body = self._request("POST", path)
        if status != 202:
            raise BenchError(f"the registry takes no upload: HTTP {status} {body!r}")
        return "/" + headers["location"].split("/", 3)[3]

    def _mount(self, name: str, digest: str) -> None:
        status, _headers, body = self._request(
            "POST", f"/v2/library/{name}/blobs/uploads/?mount={digest}&from=library/demo"
        )
        if status != 201:
            raise BenchError(f"the registry does not share {digest}: HTTP {status} {body!r}")

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        port = self.port if method == "GET" else BACKEND_PORT
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        try:
            connection.request(method, path, body, accept | dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


def other_weights(model: bytes) -> bytes:
    """The same GGUF with other weights: the low bits of the last tensor are turned over."""
    tail = 4096
    return model[:-tail] + bytes(byte ^ (index % 2 == 0) for index, byte in enumerate(model[-tail:]))


def _padded(model: bytes, size_mb: int, seed: str) -> Iterator[bytes]:
    # A loader reads the tensors by their offsets, so what follows the last one does no harm.
    yield model
    numbers = random.Random(seed)
    for _megabyte in range(size_mb):
        yield numbers.randbytes(CHUNK)


def demo_digest(path: Path = DEMO_MODEL) -> str:
    """Digest of the demo model's weights as Ollama and the registry name them."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
