# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an agent that runs is away for a model more, and what the kernel allows without that, on the bench.

``make bench BENCH=view_switch``. A client asks for the list of models every
10 ms while the agent gets another view; what counts is the longest time between two answers. It measures and never fails for being slow.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from tests.support.ansible import run_module
from tests.support.engine import Engine
from tests.support.ollama import generate, request
from tests.support.process import BenchError, wait_until
from tests.support.settings import Bench
from tests.support.store import Store

AGENT, PORT = "switch", 12990
NAME = f"ollama-agent-{AGENT}"


class Client:
    """Asks the agent all the time, as a context. ``away`` is then the longest time between two answers, in seconds."""

    away = 0.0

    def __enter__(self) -> Client:
        self._ended, self._answers = threading.Event(), [time.monotonic()]
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def _ask(self) -> None:
        while not self._ended.wait(0.01):
            # A question that meets the agent's end may wait for seconds in the engine's proxy: it is asked again before that.
            if listed(0.5):
                self._answers.append(time.monotonic())

    def __exit__(self, *_error: object) -> None:
        last = len(self._answers)
        wait_until(lambda: len(self._answers) > last, "an answer")
        self._ended.set()
        self._thread.join()
        self.away = max(after - before for before, after in zip(self._answers, self._answers[1:], strict=False))


def listed(timeout: float = 5) -> dict[str, str]:
    """Digest by name, as the agent lists its models; nothing while it does not answer."""
    try:
        return {model["name"]: model["digest"] for model in request(PORT, "GET", "/api/tags", timeout=timeout)[0]["models"]}
    except (OSError, BenchError):
        return {}


class Host:
    """An agent that runs with a store that has several models."""

    def __init__(self) -> None:
        bench = Bench.current()
        self.engine, self.store = Engine(bench), Store(bench.folder / "switch-models")
        for name in ("demo", "more", "fresh", "asked"):
            self.store.add(name)
        self.give("demo")
        self.view = Path(self.store.layout.view(self.store.layout.view_of(AGENT)))

    def give(self, *models: str) -> None:
        """Have the agent see these models, as a run does."""
        options: dict[str, Any] = {
            "agent": AGENT, "tenant": "acme", "port": PORT, "memory_limit": "512m", "models": list(models),
            "store": str(self.store.root), "docker_host": self.engine.url,
        }
        run_module("ollama_agent", options).ok()

    def put(self, name: str) -> None:
        """Put a model into the very view that is mounted, which no run does."""
        source = Path(self.store.layout.manifest(name))
        place = self.view / "manifests" / source.relative_to(self.store.layout.manifests)
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}")
        os.link(source, aside)
        os.replace(aside, place)


def without_restart(host: Host) -> None:
    """What a mount that is in use allows."""
    folder = host.engine.docker("volume", "inspect", "--format", "{{.Mountpoint}}", NAME).strip()
    done = subprocess.run(
        ["mount", "-o", f"remount,lowerdir={host.store.root}", folder], capture_output=True, text=True, check=False, timeout=60
    )
    [line] = [line for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == folder]
    kept = "lowerdir=" + line.split("lowerdir=")[1].split(",")[0]
    told = done.stderr.strip() or "done, it says"
    print(f"remount with another lower directory: {told}; the mount has {kept.replace(str(host.store.root), '…')}")
    # Ollama looks for a name before it is there; the kernel may remember that it was not.
    try:
        generate(PORT, "asked")
    except BenchError:
        pass
    for name in ("fresh", "asked"):
        host.put(name)
    digest = host.store.add("demo", version=2)
    host.put("demo")
    time.sleep(1)
    seen = listed()
    print("files put into the lower directory that is mounted, a second later:")
    print(f"  a name that was never asked for: {'listed' if 'fresh:latest' in seen else 'not listed'}, {answers('fresh')}")
    print(f"  a name that was asked for before: {'listed' if 'asked:latest' in seen else 'not listed'}, {answers('asked')}")
    print(f"  another version of a model that it has: {'the new' if seen['demo:latest'] == digest else 'the old'} one is listed")


def answers(name: str) -> str:
    """Whether a model answers, in words."""
    try:
        return "answers" if generate(PORT, name) else "answers nothing"
    except BenchError as error:
        return str(error)


def with_restart(host: Host, turns: int) -> None:
    """How long the agent is away when it gets another view, beside a restart alone."""
    away: dict[str, list[float]] = {"a run that gives it one model more": [], "`docker restart` alone": []}
    for turn in range(turns):
        for what, act in zip(away, (
            lambda turn=turn: host.give("demo", *["more"][turn % 2:]), lambda: host.engine.docker("restart", NAME),
        ), strict=True):
            # An engine that restarts one container after the other without a pause takes four seconds for each fourth.
            time.sleep(3)
            with Client() as client:
                act()
            away[what].append(client.away)
    for what, seconds in away.items():
        print(f"seconds without an answer, {what}: median {statistics.median(seconds):.2f}, {min(seconds):.2f} to {max(seconds):.2f}")


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    host = Host()
    with_restart(host, options.turns)
    host.give("demo")
    without_restart(host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
