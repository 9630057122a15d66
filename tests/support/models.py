# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent for the tests of models, and what they ask of it and of the proxy before the registry."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.engine import Engine
from tests.support.faultproxy import FaultProxy
from tests.support.ollama import request
from tests.support.process import wait_until
from tests.support.settings import OLLAMA_IMAGE

BLOBS = "/blobs/sha256:"


@dataclass(frozen=True)
class ModelAgent:
    """A container with real Ollama that nothing of the collection made."""

    engine: Engine
    name: str
    port: int

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def models(self) -> dict[str, str]:
        """Digest by name."""
        return {model["name"]: model["digest"] for model in request(self.port, "GET", "/api/tags")[0]["models"]}

    def params(self, mirror: FaultProxy | str | None = None, **options: Any) -> dict[str, Any]:
        """Options of ollama_model for this agent, pulling from a mirror that speaks plain HTTP."""
        address = mirror.address if isinstance(mirror, FaultProxy) else mirror
        source = {"mirror": address, "insecure": True} if address else {}
        return {"agent": self.name, "endpoint": self.endpoint, **source, **options}


@contextlib.contextmanager
def model_agent(engine: Engine, port: int = 12410, name: str = "empresa-corp", models: Path | str = "") -> Iterator[ModelAgent]:
    """Start an agent; ``models`` is the volume or folder that it keeps its models in."""
    container = f"test-{name}"
    engine.docker(
        *["run", "--detach", "--name", container, "--env", "OLLAMA_MODELS=/models", "--env", "OLLAMA_NOPRUNE=1"],
        *(["--volume", f"{models}:/models"] if models else ["--tmpfs", "/models:size=1g"]),
        *["--publish", f"127.0.0.1:{port}:11434", OLLAMA_IMAGE],
    )
    try:
        wait_until(lambda: request(port, "GET", "/api/version"), f"agent {name}")
        yield ModelAgent(engine, name, port)
    finally:
        engine.docker("rm", "--force", "--volumes", container)


def fetched(proxy: FaultProxy) -> int:
    """Bytes of layers that the proxy let through."""
    return sum(one.sent for one in proxy.requests if BLOBS in one.path)


def stop_on_the_way(proxy: FaultProxy, size: int, shown: Callable[[], Sized], stops: int = 3) -> None:
    """Have a model stop at parts of its way until so many of them were shown, so that none goes by between two looks.

    Args:
        proxy: What it comes through.
        size: Its bytes.
        shown: What was shown of its progress until now.
        stops: How many stops.
    """
    hold = proxy.add(path=BLOBS, hold_after=size // (stops + 1))
    for stop in range(1, stops + 1):
        hold.hold_after = size * stop // (stops + 1)
        wait_until(lambda stop=stop: len(shown()) >= stop, f"{stop} readings of the progress")
    hold.held = False
