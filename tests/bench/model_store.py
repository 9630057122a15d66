# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a model of a gigabyte costs with the store, and without one, in one run on the bench.

``make bench BENCH=model_store``. The model has random weights, so that it loads and
generates, and comes from the registry on loopback; all is on one disk. Pull and verification take turns with `ollama pull` and
`sha256sum`, so that a slow moment of the machine meets both. It measures and never fails for being slow; it fails when a side did
not do its work. Nothing of it is left: all that it makes is in the bench's folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from store_sides import Cost, Load, Ours, Stock, first_loads

from tests.support import ollama
from tests.support.big_model import chunks, write_big_model
from tests.support.registry import Registry
from tests.support.settings import Bench

MODEL = "store-speed"
MIB = 1 << 20


def module(options: dict[str, Any]) -> dict[str, Any]:
    """Run model_store.

    :raises SystemExit: with its message, when it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.run_module"],
        input=json.dumps({"module": "model_store", "args": options}),
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / '.collections'}{os.pathsep}{ROOT}"},
    )
    result = json.loads(done.stdout)
    if result.get("failed"):
        sys.exit(f"model_store: {result.get('msg')}")
    return result


def timed(act: Callable[[], Any]) -> float:
    """Seconds that it takes, with what was written before on the disk."""
    os.sync()
    began = time.monotonic()
    act()
    return time.monotonic() - began


def prepare(bench: Bench, registry: Registry, megabytes: int) -> tuple[str, int]:
    """Have the model in the registry; the digest and the bytes of its weights."""
    file = bench.folder / "speed.gguf"
    write_big_model(file, megabytes)
    size, digest = file.stat().st_size, registry.add_model(MODEL, chunks(file))
    file.unlink()
    return digest, size


def pulls(bench: Bench, registry: Registry, digest: str, turns: int) -> dict[str, list[float]]:
    """Seconds of each turn of pulling and of reading all bytes, both sides."""
    store = bench.folder / "speed"
    given = {"store": str(store), "mirror": registry.address, "insecure": True, "model": MODEL, "min_free": "0"}
    times: dict[str, list[float]] = {"ollama pull": [], "model_store": [], "sha256sum": [], "model_store, verify": []}
    with ollama.HostOllama(bench) as server:
        pull = {"model": registry.reference(MODEL), "insecure": True}
        for _turn in range(turns):
            times["ollama pull"].append(timed(lambda: ollama.request(ollama.PORT, "POST", "/api/pull", pull, timeout=900)))
            shutil.rmtree(server.folder / "models" / "manifests")
            for blob in (server.folder / "models" / "blobs").iterdir():
                blob.unlink()
            shutil.rmtree(store, ignore_errors=True)
            times["model_store"].append(timed(lambda: module(given)))
            blob = store / "blobs" / digest.replace(":", "-")
            times["sha256sum"].append(timed(lambda: subprocess.run(["sha256sum", str(blob)], check=True, capture_output=True)))
            times["model_store, verify"].append(timed(lambda: module({**given, "verify": True})))
    shutil.rmtree(store)
    return times


def report_pulls(size: int, times: dict[str, list[float]]) -> None:
    """Print medians and ratios; a side that is as fast as the other has a ratio of 1."""
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"{'':<24} {'seconds':>9} {'MiB/s':>9}   a model of {size / MIB:.0f} MiB, median of {len(times['sha256sum'])}")
    for name, seconds in medians.items():
        print(f"{name:<24} {seconds:>9.2f} {size / MIB / seconds:>9.0f}   {' '.join(f'{each:.2f}' for each in times[name])}")
    print(f"{'pull, ratio':<24} {medians['ollama pull'] / medians['model_store']:>9.2f}   goal: 0.8 or more")
    print(f"{'verify, ratio':<24} {medians['sha256sum'] / medians['model_store, verify']:>9.2f}   goal: 0.7 or more", flush=True)


class Table:
    """What each side took, a line each."""

    def __init__(self) -> None:
        print(f"\n{'':<60} {'llmops.tenancy':>16} {'stock':>16}   goal of llmops.tenancy", flush=True)

    def line(self, title: str, ours: str, stock: str, goal: str = "") -> None:
        """A figure of both."""
        print(f"{title:<60} {ours:>16} {stock:>16}   {goal}".rstrip(), flush=True)

    def costs(self, title: str, ours: Cost, stock: Cost, goals: tuple[str, str, str] = ("", "", "")) -> None:
        """What a tenant's model cost."""
        self.line(f"{title}: seconds for the model", f"{ours.seconds:.2f}", f"{stock.seconds:.2f}", goals[0])
        self.line("  bytes that the registry sent", f"{ours.wire:,}", f"{stock.wire:,}", goals[1])
        self.line("  bytes of disk", f"{ours.disk:,}", f"{stock.disk:,}", goals[2])

    def load(self, title: str, ours: Load, stock: Load | None = None, goal: str = "") -> None:
        """What a first answer read from the disk, and what of that was to be read because it was not in memory (any more)."""
        self.line(f"{title}: bytes read", f"{ours.read:,}", f"{stock.read:,}" if stock else "", goal)
        self.line("  bytes that were not in memory before", f"{ours.lost:,}", f"{stock.lost:,}" if stock else "")


def two_tenants(ours: Ours, stock: Stock, table: Table) -> tuple[Cost, list[str]]:
    """A tenant and a second one with the same model, and their agents' first answers.

    :returns: what the second one's model cost the stock side, and how the collection's run for it ended.
    """
    own = [ours.onboard(tenant) for tenant in ("one", "two")]
    theirs = [stock.onboard(tenant) for tenant in ("one", "two")]
    table.costs("first tenant", own[0][0], theirs[0])
    table.costs("second tenant", own[1][0], theirs[1], ("less than 1", "0", "less than 65,536"))
    loads = first_loads(ours.engine, [ours.agent(tenant) for tenant in ("one", "two")])
    others = first_loads(stock.engine, stock.agents)
    table.load("first agent's answer", loads[0], others[0])
    table.load("second agent's answer", loads[1], others[1], "about 0")
    return theirs[1], own[1][1].result("tenant_report")["lines"]


def many_tenants(ours: Ours, each: Cost, count: int, table: Table) -> None:
    """Many more tenants with the same model, in one run.

    :param each: what one of them costs the stock side, which is extended by that.
    :raises SystemExit: when an agent lacks the model.
    """
    names = [f"many-{number:03}" for number in range(count)]
    cost = ours.reconcile(names)
    lacking = [name for name in names if ours.sees(name) != {f"{MODEL}:latest"}]
    if lacking:
        sys.exit(f"agents without the model: {lacking}")
    _first, load = first_loads(ours.engine, [ours.agent("one"), ours.agent(names[-1])])
    table.line(f"{count} tenants more: seconds, agents and all", f"{cost.seconds:.1f}", f"{count * each.seconds:.0f} *")
    table.line("  bytes that the registry sent", f"{cost.wire:,}", f"{count * each.wire:,} *", "0")
    table.line("  bytes of disk", f"{cost.disk:,}", f"{count * each.disk:,} *", "less than 65,536 each")
    table.load("the last one's answer, after the first agent's", load, goal="about 0")
    print("* extended by what the second tenant's model alone cost")


def main() -> int:
    """Measure, print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--tenants", type=int, default=50)
    options = parser.parse_args()
    bench = Bench.current()
    registry = Registry(bench)
    digest, size = prepare(bench, registry, options.megabytes)
    report_pulls(size, pulls(bench, registry, digest, options.turns))
    with Stock(bench, registry, MODEL, digest) as stock:
        ours, table = Ours(bench, registry, MODEL, digest), Table()
        each, lines = two_tenants(ours, stock, table)
        many_tenants(ours, each, options.tenants, table)
    print("\nThe second tenant's run ended with:", *lines, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
