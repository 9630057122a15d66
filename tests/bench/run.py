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
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
STOCK = Path(__file__).resolve().parent / "stock"
STOCK_BIN = ROOT / ".cache" / "stock-venv" / "bin"
DEMO = ROOT / "roles" / "agent" / "files" / "demo_model" / "demo.gguf"
LIMITS = {"memory_limit": "512m", "memory_reservation": "256m", "cpu_limit": "0.5"}
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


def request(tenant: str) -> dict[str, Any]:
    """What is asked for, the same on both sides."""
    users = [
        {"email": f"{role}@{tenant}.example", "name": role.title(), "role": role} for role in ("admin", "analyst", "viewer")
    ]
    return {"tenant": tenant, "tenant_name": f"Tenant {tenant}", "tenant_domain": f"{tenant}.example", "users": users, **LIMITS}


def play(argv: list[str], env: dict[str, str], directory: Path) -> tuple[float, int]:
    """Run a playbook; seconds and number of changed tasks.

    :raises SystemExit: with its output, when it failed.
    """
    began = time.monotonic()
    done = subprocess.run(argv, cwd=directory, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    recaps = [[int(number) for number in found] for found in RECAP.findall(done.stdout)]
    if done.returncode or not recaps:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, sum(recap[1] for recap in recaps)


def stock(tenant: str) -> tuple[float, int]:
    """One run of the stock playbook."""
    variables = {
        **request(tenant), "pg_host": os.environ["PGHOST"], "docker_host": os.environ["DOCKER_HOST"],
        "ollama_image": os.environ["LLMOPS_BENCH_IMAGE"], "model_file": str(DEMO),
    }
    argv = [str(STOCK_BIN / "ansible-playbook"), "onboard.yml", "-e", json.dumps(variables)]
    return play(argv, {"ANSIBLE_CONFIG": str(STOCK / "ansible.cfg")}, STOCK)


def ours(tenant: str) -> tuple[float, int]:
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
    sides: dict[str, tuple[Callable[[str], tuple[float, int]], str]] = {
        "stock": (stock, "stock-agent-{}"), "llmops.tenancy": (ours, "ollama-agent-{}"),
    }
    times: dict[tuple[str, str], list[float]] = {(side, run): [] for side in sides for run in ("first", "unchanged")}
    changes: dict[tuple[str, str], set[int]] = {key: set() for key in times}
    for number in range(rounds):
        for side, (onboard, container) in sides.items():
            tenant = f"speed-{number}"
            for run in ("first", "unchanged"):
                seconds, changed = onboard(tenant)
                times[side, run].append(seconds)
                changes[side, run].add(changed)
                print(f"round {number + 1}: {side} {run} {seconds:.2f} s, changed={changed}", flush=True)
            answers(container.format(tenant))
    print(f"\n{'medians of ' + str(rounds):<16} {'first':>9} {'unchanged':>10}   changed tasks")
    for side in sides:
        first, again = (statistics.median(times[side, run]) for run in ("first", "unchanged"))
        counts = " / ".join(",".join(map(str, sorted(changes[side, run]))) for run in ("first", "unchanged"))
        print(f"{side:<16} {first:>7.2f} s {again:>8.2f} s   {counts}")
    ratios = [
        statistics.median(times["stock", run]) / statistics.median(times["llmops.tenancy", run])
        for run in ("first", "unchanged")
    ]
    print(f"{'times faster':<16} {ratios[0]:>8.1f}x {ratios[1]:>9.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
