# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a model comes into the store, against `ollama pull`, and is verified, against `sha256sum`, in one run on the bench.

``tests/support/bench run --name speed -- .venv/bin/python tests/bench/model_store.py``. Both sides pull a model of random bytes from
the registry on loopback to the same disk and check it; they take turns, so that a slow moment of the machine meets both. It measures
and never fails for being slow; it fails when a side did not do its work.
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

from tests.support import ollama
from tests.support.registry import Registry
from tests.support.settings import Bench

MODEL = "store-speed"


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


def main() -> int:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    bench = Bench.current()
    registry, store = Registry(bench), bench.folder / "speed"
    digest = registry.add_big_model(MODEL, options.megabytes)
    given = {"store": str(store), "mirror": registry.address, "insecure": True, "model": MODEL, "min_free": "0"}
    reference = registry.reference(MODEL)
    times: dict[str, list[float]] = {"ollama pull": [], "model_store": [], "sha256sum": [], "model_store, verify": []}
    with ollama.HostOllama(bench) as server:
        pull = {"model": reference, "insecure": True}
        for _turn in range(options.turns):
            times["ollama pull"].append(timed(lambda: ollama.request(ollama.PORT, "POST", "/api/pull", pull, timeout=900)))
            shutil.rmtree(server.folder / "models" / "manifests")
            for blob in (server.folder / "models" / "blobs").iterdir():
                blob.unlink()
            shutil.rmtree(store, ignore_errors=True)
            times["model_store"].append(timed(lambda: module(given)))
            blob = store / "blobs" / digest.replace(":", "-")
            times["sha256sum"].append(timed(lambda: subprocess.run(["sha256sum", str(blob)], check=True, capture_output=True)))
            times["model_store, verify"].append(timed(lambda: module({**given, "verify": True})))
    report(options.megabytes, times)
    return 0


def report(megabytes: int, times: dict[str, list[float]]) -> None:
    """Print medians and ratios; a side that is as fast as the other has a ratio of 1."""
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"{'':<24} {'seconds':>9} {'MiB/s':>9}   a model of {megabytes} MiB, median of {len(times['sha256sum'])}")
    for name, seconds in medians.items():
        print(f"{name:<24} {seconds:>9.2f} {megabytes / seconds:>9.0f}   {' '.join(f'{each:.2f}' for each in times[name])}")
    print(f"{'pull, ratio':<24} {medians['ollama pull'] / medians['model_store']:>9.2f}")
    print(f"{'verify, ratio':<24} {medians['sha256sum'] / medians['model_store, verify']:>9.2f}")


if __name__ == "__main__":
    sys.exit(main())
