# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet under fire: killed at any moment, several runs at once, engine and database restarted in mid-run."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from tests.support.ansible import PlaybookRun
from tests.support.disk import taken
from tests.support.engine import Engine
from tests.support.ollama import generate
from tests.support.postgres import Postgres
from tests.support.process import wait_until
from tests.support.site import Site

TENANTS = [f"tenant-{number:02}" for number in range(20)]
KILLS = 8
# What a run says that gave way to another one again and again.
OF_ANOTHER_RUN = {"subnet_taken", "docker_conflict", "docker_missing"}
# Where playbooks keep models unless told otherwise.
STORE = Path("/var/lib/llmops/models")
GO = {"max_disruption": 100, "max_disruption_percent": 100}


@pytest.fixture
def fleet(site: Site) -> Site:
    """A site with a file for each of many tenants."""
    site.write_inventory({"localhost": {}}, retry_file=str(site.folder / "left.json"))
    for tenant in TENANTS:
        site.write_tenant(tenant, {"memory_limit": "128m", "model": "demo", "users": [{"email": f"ana@{tenant}.example"}]})
    return site


def disturb(site: Site, chance: random.Random) -> None:
    """Give the next run something to do."""
    there = site.engine.docker("ps", "--all", "--format", "{{.Names}}").split()
    chosen = chance.sample(there, min(6, len(there)))
    if chosen:
        site.engine.docker("rm", "--force", *chosen[:3])
    if chosen[3:]:
        site.engine.docker("update", "--memory", "140m", "--memory-swap", "140m", *chosen[3:], check=False)


def whole(site: Site, tenants: list[str]) -> None:
    """Every tenant once, with an agent that answers on a port of its own; nothing else, and nothing left to do."""
    assert site.leftovers() == {}
    assert sorted(tenant for [tenant] in site.rows("SELECT tenant FROM llmops.agents")) == tenants
    containers = site.engine.docker("ps", "--format", "{{.Names}}").split()
    assert sorted(containers) == [f"ollama-agent-{tenant}" for tenant in tenants]
    assert len(set(site.ports().values())) == len(tenants)
    assert site.run("drift").run.rc == 0
    assert site.run("reconcile").ok().changed == 0
    assert generate(site.ports()[tenants[0]])


def clear(run: PlaybookRun) -> PlaybookRun:
    """A run that ended well or with words for the operator."""
    assert "Traceback" not in run.output and "Unexpected" not in run.output, run.output
    return run


@pytest.mark.timeout(1500)
def test_killed_at_any_moment_it_converges(fleet: Site) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    started = time.monotonic()
    fleet.run("drift")
    plan = time.monotonic() - started
    for number in range(KILLS):
        # From before the plan until well into the waves.
        moment = chance.uniform(0.3, 3.0) * plan
        run = fleet.start("reconcile", **GO, wave_size=chance.choice([2, 5, 20]))
        time.sleep(moment)
        run.kill()
        disturb(fleet, chance)
        if number % 4 == 3:
            outcome = fleet.run("reconcile", **GO)
            assert outcome.run.rc == 0, f"seed {seed}, kill {number} after {moment:.2f} s: {outcome.run.output}"
    whole(fleet, TENANTS)
    # However many agents have the model, the disk has it once.
    [view] = {(STORE / "agents" / tenant / "view").resolve() for tenant in TENANTS}
    assert all(blob.samefile(STORE / "blobs" / blob.name) for blob in (view / "blobs").iterdir())
    assert taken(STORE / "agents") < len(TENANTS) * 64 * 1024


@pytest.mark.timeout(1500)
def test_several_runs_at_once(fleet: Site) -> None:
    """Two reconciliations beside an onboarding: each ends well or names what another one did; together they make all once."""
    for tenant in TENANTS[10:]:
        (fleet.folder / "tenants" / f"{tenant}.yml").unlink()
    onboarding = {"tenant": "newcomer", "model": "demo", "memory_limit": "128m"}
    asked = [("reconcile", {**GO, "retry_file": str(fleet.folder / f"left-{number}.json")}) for number in range(2)]
    runs = []
    for playbook, variables in (*asked, ("onboard_tenant", onboarding)):
        log, recording = fleet.recording()
        runs.append((log, fleet.start(playbook, env=recording, **variables)))
    ended = [(clear(run.wait(600)), log) for log, run in runs]
    for run, log in ended:
        assert run.rc == 0 or told(log) and told(log) <= OF_ANOTHER_RUN, run.output
    well = [run.rc == 0 for run, _log in ended]
    assert any(well)
    after = fleet.run("reconcile", **GO).ok()
    assert after.changed == 0 or not all(well), after.actions
    # What was not told to the one that failed is in no file of a tenant.
    if not well[-1]:
        fleet.run("onboard_tenant", **onboarding).ok()
    whole(fleet, sorted([*TENANTS[:10], "newcomer"]))


def told(log: Path) -> set[str]:
    """Kinds of what failed in a run, by the record of its tasks."""
    results = [task["result"] for task in map(json.loads, log.read_text().splitlines()) if task["status"] == "failed"]
    failures = [failure for result in results for tenant in result.get("tenants_failed", ()) for failure in tenant["failures"]]
    errors = [failure["error"] for failure in failures] + [result["error"] for result in results if "error" in result]
    return {error["kind"] for error in errors}


@pytest.mark.timeout(1500)
def test_a_part_that_restarts_in_mid_run_does_no_harm(fleet: Site, engine: Engine, postgres: Postgres) -> None:
    for tenant in TENANTS[5:]:
        (fleet.folder / "tenants" / f"{tenant}.yml").unlink()
    moments = {
        "Compare the catalog with the files of tenants": postgres.restart,
        "Compare the agents of this host with the catalog": engine.restart,
        "Record what the files of tenants ask for": engine.restart,
        "Bring the agents about, wave by wave": postgres.restart,
    }
    for task, restart in moments.items():
        log, recording = fleet.recording()
        run = fleet.start("reconcile", env=recording, **GO, wave_size=2)
        wait_until(lambda log=log, task=task: task in log.read_text(), f"the end of task '{task}'")
        restart()
        clear(run.wait())
        disturb(fleet, random.Random(1))
    fleet.run("reconcile", **GO).ok()
    whole(fleet, TENANTS[:5])
