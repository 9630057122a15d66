# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet under fire: killed at thirty moments, several runs at once, engine and database restarted in mid-run."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import door as doors
from tests.support.ansible import PlaybookRun
from tests.support.disk import taken
from tests.support.door import Door
from tests.support.engine import Engine
from tests.support.kills import Kill, Running, Runs, after, before, writing
from tests.support.ollama import generate
from tests.support.postgres import Postgres
from tests.support.site import Site

TENANTS = [f"tenant-{number:02}" for number in range(20)]
# Where playbooks keep models unless told otherwise.
STORE = Path("/var/lib/llmops/models")
WAVES = "Bring the agents about, wave by wave"
# What a run says that gave way to another one again and again.
OF_ANOTHER_RUN = {"subnet_taken", "docker_conflict", "docker_missing"}
GO = {"max_disruption": 100, "max_disruption_percent": 100}
SMALL = {"memory_limit": "128m", "model": "demo"}


def write(site: Site, **agent: Any) -> None:
    """A file for each of many tenants. :param agent: what is said of its agent besides."""
    for tenant in TENANTS:
        content = {**SMALL, "users": [{"email": f"ana@{tenant}.example"}]}
        site.write_tenant(tenant, content | ({"agents": [{"agent": tenant, **agent}]} if agent else {}))


@pytest.fixture
def door(engine: Engine) -> Iterator[Door]:
    """The door before the engine that runs go through."""
    with closing(Door(engine.socket)) as opened:
        yield opened


@pytest.fixture
def fleet(site: Site, door: Door) -> Site:
    """A site with a file for each of many tenants."""
    site.write_inventory({"localhost": {"docker_host": door.url}}, retry_file=str(site.folder / "left.json"))
    write(site)
    return site


def emptied(kill: Kill) -> Kill:
    """Kill a run after every running agent was removed by hand, so that there is enough to do until that moment.

    How many agents a killed run has made depends on the machine: those beside the one that waits at the door go on.
    """

    def fire(runs: Runs) -> None:
        running = runs.site.engine.docker("ps", "--format", "{{.Names}}").split()
        if running:
            runs.site.engine.docker("rm", "--force", *running)
        kill(runs)

    return fire


# Of a run that makes all; each goes on from where the one before was killed.
MAKING = [
    after("Resolve what is asked for"),
    after("Compare the catalog with the files of tenants"),
    before(doors.LISTS),
    after("Compare the agents of this host with the catalog"),
    after("Stop before more is disrupted than one run may"),
    writing("tenants", since=doors.LISTS),
    writing("users", since=doors.LISTS),
    writing("agents", since=doors.LISTS),
    after("Record what the files of tenants ask for"),
    # The first container is the one that makes the model for the store.
    before(doors.CREATES),
    before(doors.STARTS),
    after("Bring the models that agents share into the store"),
    before(doors.CREATES_NETWORK),
    before(doors.CREATES_NETWORK, 4),
    before(doors.CREATES_VOLUME, 3),
    before(doors.CREATES),
    emptied(before(doors.CREATES, 4)),
    before(doors.STARTS, 2),
    # In the second wave.
    emptied(before(doors.CREATES, 6)),
    emptied(before(doors.STARTS, 8)),
    after(WAVES),
]
# Of a run that puts right what was changed, and of runs that make all agents anew.
CHANGING = [
    before(doors.UPDATES, 2),
    after("Bring the models that the agents do not have yet"),
    writing("agents", since=doors.STARTS),
]
RENEWING = [
    writing("agents", since=doors.LISTS),
    before(doors.CREATES, 2),
    before(doors.STOPS, 4),
    before(doors.REMOVES, 3),
    before(doors.RENAMES, 6),
    before(doors.STARTS, 7),
]


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
    assert site.run("reconcile").ok().changed == 0
    assert generate(site.ports()[tenants[0]])


def clear(run: PlaybookRun) -> PlaybookRun:
    """A run that ended well or with words for the operator."""
    assert "Traceback" not in run.output and "Unexpected" not in run.output, run.output
    return run


@pytest.mark.timeout(1500)
def test_killed_at_any_moment_it_converges(fleet: Site, door: Door) -> None:
    shutil.rmtree(STORE, ignore_errors=True)
    runs = Runs(fleet, door, "reconcile", {**GO, "wave_size": 5})
    for kill in MAKING:
        kill(runs)
    disturb(fleet, random.Random(1))
    for kill in CHANGING:
        kill(runs)
        disturb(fleet, random.Random(1))
    fleet.run("reconcile", **GO).ok()
    assert fleet.run("reconcile").ok().changed == 0
    for number, kill in enumerate(RENEWING, start=2):
        # However far the one before came, all are to be made anew.
        write(fleet, num_parallel=number)
        kill(runs)
    # What a killed run was about to do is noted as left.
    fleet.run("reconcile", retry=True, **GO).ok()
    assert fleet.run("drift").run.rc == 0
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
    runs = []
    for playbook, variables in (("reconcile", GO), ("reconcile", GO), ("onboard_tenant", onboarding)):
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
def test_a_part_that_restarts_in_mid_run_does_no_harm(fleet: Site, door: Door, engine: Engine, postgres: Postgres) -> None:
    for tenant in TENANTS[5:]:
        (fleet.folder / "tenants" / f"{tenant}.yml").unlink()
    moments = {
        "Compare the catalog with the files of tenants": postgres.restart,
        "Record what the files of tenants ask for": engine.restart,
        WAVES: postgres.restart,
    }
    for task, restart in moments.items():
        running = Running(fleet, "reconcile", **GO, wave_size=2)
        running.until_ended(task)
        restart()
        clear(running.run.wait())
        disturb(fleet, random.Random(1))
    # While containers of a wave are made: one is on its way, another one waits at the door.
    hold = door.hold(doors.CREATES, 2)
    running = Running(fleet, "reconcile", **GO, wave_size=5)
    running.until(lambda: hold.reached, "the second container of a wave")
    engine.restart()
    hold.end(passes=True)
    clear(running.run.wait())
    disturb(fleet, random.Random(1))
    fleet.run("reconcile", **GO).ok()
    whole(fleet, TENANTS[:5])
