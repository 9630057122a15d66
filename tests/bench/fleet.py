# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a fleet is reconciled, against the stock playbook looped over its tenants, in one run on the bench.

``make bench BENCH=fleet``. Both sides do the same for each tenant (record,
three users, network, volume, agent with limits, health, model). Sizes above the largest of ``--stock`` are extended by the stock side's
own slope, and said to be. ``--large`` has 1,000 tenants in the catalog of which 200 run. It measures and never fails for being slow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import yaml
from run import DEMO, LIMITS, RECAP, ROOT, RUNS, STOCK, STOCK_BIN, request

from tests.support.engine_calls import CountingSocket

PLAYBOOK = ROOT / ".venv" / "bin" / "ansible-playbook"
CALLBACKS = Path(__file__).resolve().parent / "callback"


@dataclass(frozen=True)
class Outcome:
    """What a run took: seconds, CPU seconds of all its processes, MiB of the largest one, and what it changed."""

    seconds: float
    cpu: float
    memory: int
    changed: int


def play(argv: list[str], env: dict[str, str], directory: Path) -> Outcome:
    """Run a playbook.

    :raises SystemExit: with its output, when it failed.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(argv, cwd=directory, env={**os.environ, **env}, stdout=output, stderr=output)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        output.seek(0)
        text = output.read()
    recaps = [[int(number) for number in found] for found in RECAP.findall(text)]
    if status or not recaps:
        sys.exit(f"{' '.join(argv)[:300]} failed:\n{text[-5000:]}")
    return Outcome(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, sum(recap[1] for recap in recaps))


def names(size: int) -> list[str]:
    """The tenants of a fleet."""
    return [f"fleet-{size}-{number:04}" for number in range(size)]


def stock(size: int, folder: Path) -> Outcome:
    """One run of the stock playbook for all tenants."""
    variables = folder / "stock.json"
    subnets = ip_network("10.210.0.0/16").subnets(new_prefix=28)
    variables.write_text(json.dumps({
        "tenants": [{**request(tenant), "subnet": str(subnet)} for tenant, subnet in zip(names(size), subnets)],
        "pg_host": os.environ["PGHOST"],
        "docker_host": os.environ["DOCKER_HOST"], "ollama_image": os.environ["LLMOPS_BENCH_IMAGE"], "model_file": str(DEMO),
    }))
    argv = [str(STOCK_BIN / "ansible-playbook"), "fleet.yml", "-e", f"@{variables}"]
    return play(argv, {"ANSIBLE_CONFIG": str(STOCK / "ansible.cfg")}, STOCK)


def write_fleet(size: int, running: int, folder: Path) -> None:
    """An inventory with a file for each tenant. :param running: how many of them run."""
    (folder / "tenants").mkdir(exist_ok=True)
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {"all": {"children": {"agent_hosts": {"hosts": {"localhost": local}}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    for number, tenant in enumerate(names(size)):
        content = request(tenant)
        agent = {"agent": tenant, "model": "demo", **LIMITS, "desired_state": "started" if number < running else "stopped"}
        content = {name: value for name, value in content.items() if name not in LIMITS} | {"agents": [agent]}
        (folder / "tenants" / f"{tenant}.yml").write_text(yaml.safe_dump(content))


def ours(folder: Path, database: str, docker_host: str = "", profile: Path | None = None) -> Outcome:
    """One reconciliation."""
    env = {"LLMOPS_CATALOG_DSN": f"dbname={database}", "ANSIBLE_INVENTORY": str(folder / "hosts.yml")}
    if docker_host:
        env["DOCKER_HOST"] = docker_host
    if profile:
        env |= {"LLMOPS_BENCH_PROFILE": str(profile), "ANSIBLE_CALLBACKS_ENABLED": "seconds", "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS)}
    return play([str(PLAYBOOK), "playbooks/reconcile.yml", "-e", f"retry_file={folder}/left.json"], env, ROOT)


def make_database(name: str) -> None:
    """A catalog with its schema."""
    subprocess.run(["psql", "-q", "-d", "postgres", "-c", f"CREATE DATABASE {name}"], check=True)
    argv = [str(PLAYBOOK.with_name("ansible")), "localhost", "-m", "llmops.tenancy.catalog", "-a", f"catalog_dsn=dbname={name}"]
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def clean() -> None:
    """Take away all containers, networks and volumes."""
    for command in ("container ls --all --quiet", "network ls --quiet --filter type=custom", "volume ls --quiet"):
        found = subprocess.run(["docker", *command.split()], check=True, capture_output=True, text=True).stdout.split()
        if found:
            force = [] if command.startswith("network") else ["--force"]
            subprocess.run(["docker", command.split()[0], "rm", *force, *found], check=True, stdout=subprocess.DEVNULL)


def running_agents() -> int:
    """How many containers run."""
    return len(subprocess.run(["docker", "ps", "--quiet"], check=True, capture_output=True, text=True).stdout.split())


def show(label: str, outcome: Outcome) -> None:
    """One line."""
    print(
        f"{label:<36} {outcome.seconds:>8.2f} s {outcome.cpu:>8.2f} s CPU {outcome.memory:>5} MiB  changed={outcome.changed}", flush=True
    )


def measure(size: int, running: int, folder: Path) -> dict[str, Outcome]:
    """First and unchanged run of ours, with the profile and the engine calls of the unchanged one."""
    database = f"fleet{size}"
    make_database(database)
    write_fleet(size, running, folder)
    outcomes = {}
    for run in RUNS:
        outcomes[run] = ours(folder, database)
        show(f"llmops.tenancy {size} {run}", outcomes[run])
    if running_agents() != running or outcomes["unchanged"].changed:
        sys.exit(f"{running_agents()} of {running} agents run, changed={outcomes['unchanged'].changed}")
    engine, profile = CountingSocket(os.environ["DOCKER_HOST"], folder / "docker.sock"), folder / "profile.jsonl"
    ours(folder, database, engine.url, profile)
    print(f"  engine calls, unchanged: {sum(engine.counts.values())}: {dict(engine.counts.most_common())}")
    for line in profile.read_text().splitlines():
        print("  {seconds:>7.2f} s  {task}".format(**json.loads(line)))
    return outcomes


def main() -> int:
    """Measure, print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10,50,100", help="tenants of each fleet (default 10,50,100)")
    parser.add_argument("--stock", default="10,50", help="sizes that the stock side is measured at (default 10,50)")
    parser.add_argument("--large", action="store_true", help="1,000 tenants, 200 of them running, too")
    options = parser.parse_args()
    sizes, measured = ([int(size) for size in text.split(",") if size] for text in (options.sizes, options.stock))
    subprocess.run(["psql", "-q", "-d", "postgres", "-c", "CREATE DATABASE stock"], check=True)
    subprocess.run(["psql", "-q", "-d", "stock", "-f", str(STOCK / "schema.sql")], check=True)
    theirs: dict[tuple[int, str], Outcome] = {}
    own: dict[tuple[int, str], Outcome] = {}
    for size in sorted({*sizes, *measured}):
        with tempfile.TemporaryDirectory() as folder:
            if size in measured:
                for run in RUNS:
                    theirs[size, run] = stock(size, Path(folder))
                    show(f"stock {size} {run}", theirs[size, run])
                clean()
            if size in sizes:
                own |= {(size, run): outcome for run, outcome in measure(size, size, Path(folder)).items()}
                clean()
    report(sizes, theirs, own)
    if options.large:
        with tempfile.TemporaryDirectory() as folder:
            measure(1000, 200, Path(folder))
            clean()
    return 0


def report(sizes: list[int], theirs: dict[tuple[int, str], Outcome], own: dict[tuple[int, str], Outcome]) -> None:
    """How many times faster, in seconds and in CPU seconds."""
    measured = sorted({size for size, _run in theirs})
    if not measured:
        return
    for size in sizes if len(measured) > 1 else measured:
        for run in RUNS:
            line = f"{size:>5} tenants, {run:<10}"
            for field in ("seconds", "cpu"):
                low, high = (getattr(theirs[at, run], field) for at in (measured[0], measured[-1]))
                slope = (high - low) / max(measured[-1] - measured[0], 1)
                stock_side = getattr(theirs[size, run], field) if size in measured else high + slope * (size - measured[-1])
                mine = getattr(own[size, run], field)
                line += f"  {field}: {stock_side:.1f} / {mine:.1f} = {stock_side / mine:.0f}x"
            print(line + ("" if size in measured else "  (stock extended by its slope)"))


if __name__ == "__main__":
    sys.exit(main())
