# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a tenant is onboarded, against the stock collections, in one run on the bench: ``make bench``.

Both sides do the same on the same engine and PostgreSQL: tenant, three users, network, volume, agent with limits, health,
model from the same file. They take turns, so that a slow moment of the machine meets both. It measures and never fails
for being slow; it fails when a side did not do its work.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
STOCK = Path(__file__).resolve().parent / "stock"
STOCK_BIN = ROOT / ".cache" / "stock-venv" / "bin"
DEMO = ROOT / "roles" / "agent" / "files" / "demo_model" / "demo.gguf"
LIMITS = {"memory_limit": "512m", "memory_reservation": "256m", "cpu_limit": "0.5"}
RUNS = ("first", "unchanged")
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


def request(tenant: str) -> dict[str, Any]:
    """What is asked for, the same on both sides."""
    users = [
        {"email": f"{role}@{tenant}.example", "name": role.title(), "role": role} for role in ("admin", "analyst", "viewer")
    ]
    return {"tenant": tenant, "tenant_name": f"Tenant {tenant}", "tenant_domain": f"{tenant}.example", "users": users, **LIMITS}


@dataclass(frozen=True)
class Outcome:
    """What a run took and did. CPU seconds tell the same on a busy machine, wall-clock seconds do not."""

    seconds: float
    cpu: float
    changed: int


def play(argv: list[str], env: dict[str, str], directory: Path) -> Outcome:
    """Run a playbook.

    :raises SystemExit: with its output, when it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(argv, cwd=directory, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    recaps = [[int(number) for number in found] for found in RECAP.findall(done.stdout)]
    if done.returncode or not recaps:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Outcome(seconds, cpu, sum(recap[1] for recap in recaps))


def stock(tenant: str) -> Outcome:
    """One run of the stock playbook."""
    variables = {
        **request(tenant), "pg_host": os.environ["PGHOST"], "docker_host": os.environ["DOCKER_HOST"],
        "ollama_image": os.environ["LLMOPS_BENCH_IMAGE"], "model_file": str(DEMO),
    }
    argv = [str(STOCK_BIN / "ansible-playbook"), "onboard.yml", "-e", json.dumps(variables)]
    return play(argv, {"ANSIBLE_CONFIG": str(STOCK / "ansible.cfg")}, STOCK)


def ours(tenant: str) -> Outcome:
    """One run of the collection's playbook."""
    argv = [str(ROOT / ".venv" / "bin" / "ansible-playbook"), "playbooks/onboard_tenant.yml"]
    return play([*argv, "-e", json.dumps({**request(tenant), "model": "demo"})], {"LLMOPS_CATALOG_DSN": "dbname=llmops"}, ROOT)


def answers(container: str) -> None:
    """Check that an agent runs with its limits and generates.

    :raises SystemExit: when it does not.
    """
    found = json.loads(subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True).stdout)[0]
    limits = found["HostConfig"]["Memory"], found["HostConfig"]["MemoryReservation"]
    if limits != (512 * 1024**2, 256 * 1024**2):
        sys.exit(f"{container} has other limits than asked for: {limits}")
    port = found["NetworkSettings"]["Ports"]["11434/tcp"][0]["HostPort"]
    body = json.dumps({"model": "demo", "prompt": "hello", "stream": False, "options": {"num_predict": 4}}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/generate", body, timeout=60) as answer:
        if not json.load(answer)["done"]:
            sys.exit(f"{container} does not generate")


def prepare() -> None:
    """Databases of both sides, empty, with their schema."""
    for database in ("stock", "llmops"):
        subprocess.run(["psql", "-q", "-d", "postgres", "-c", f"CREATE DATABASE {database}"], check=True)
    subprocess.run(["psql", "-q", "-d", "stock", "-f", str(STOCK / "schema.sql")], check=True)
    argv = ["ansible", "localhost", "-m", "llmops.tenancy.catalog", "-a", "catalog_dsn=dbname=llmops"]
    subprocess.run([str(ROOT / ".venv" / "bin" / argv[0]), *argv[1:]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="tenants per side (default 5)")
    rounds = parser.parse_args().rounds
    prepare()
    sides: dict[str, tuple[Callable[[str], Outcome], str]] = {
        "stock": (stock, "stock-agent-{}"), "llmops.tenancy": (ours, "ollama-agent-{}"),
    }
    outcomes: dict[tuple[str, str], list[Outcome]] = {(side, run): [] for side in sides for run in RUNS}
    for number in range(rounds):
        for side, (onboard, container) in sides.items():
            tenant = f"speed-{number}"
            for run in RUNS:
                outcome = onboard(tenant)
                outcomes[side, run].append(outcome)
                print(f"round {number + 1}: {side} {run} {outcome.seconds:.2f} s, changed={outcome.changed}", flush=True)
            answers(container.format(tenant))
    report(outcomes, list(sides))
    return 0


def report(outcomes: dict[tuple[str, str], list[Outcome]], sides: list[str]) -> None:
    """Print medians and ratios."""
    medians = {
        key: [statistics.median(getattr(outcome, field) for outcome in found) for field in ("seconds", "cpu", "changed")]
        for key, found in outcomes.items()
    }
    print(f"\n{'median':<15} {'first':>9} {'CPU':>8} {'changed':>8} {'unchanged':>10} {'CPU':>8} {'changed':>8}")
    for side in sides:
        (first, first_cpu, made), (again, again_cpu, changed) = (medians[side, run] for run in RUNS)
        print(f"{side:<15} {first:>7.2f} s {first_cpu:>6.2f} s {made:>8.0f} {again:>8.2f} s {again_cpu:>6.2f} s {changed:>8.0f}")
    ratios = [medians[sides[0], run][field] / medians[sides[1], run][field] for run in RUNS for field in (0, 1)]
    print(f"{'times faster':<15} {ratios[0]:>8.1f}x {ratios[1]:>7.1f}x {'':>8} {ratios[2]:>9.1f}x {ratios[3]:>7.1f}x")


if __name__ == "__main__":
    sys.exit(main())
