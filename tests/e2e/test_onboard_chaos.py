# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboarding under fire: killed at thirty moments, twenty at once, engine and database restarted in mid-run."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import door as doors
from tests.support.door import Door
from tests.support.engine import Engine
from tests.support.kills import Runs, after, before, writing
from tests.support.ollama import generate
from tests.support.postgres import Postgres
from tests.support.process import wait_until
from tests.support.site import Site

AT_ONCE = 20
ARGUMENTS = {"tenant": "acme", "model": "demo", "memory_limit": "256m", "users": "ana@acme.com:admin"}
RECORD, RUN = "Record the tenant with its users and agents", "Run the agents of this host"
# Of a run that makes all; each goes on from where the one before was killed.
MAKING = [
    after("Resolve what is asked for"),
    writing("tenants"),
    writing("users"),
    writing("agents"),
    after(RECORD),
    before(doors.LISTS),
    after("Ask the engine what the agents have"),
    # The first container is the one that makes the model for the store.
    before(doors.CREATES),
    before(doors.STARTS),
    before(doors.EXECUTES),
    before(doors.REMOVES),
    after("Bring the models that agents share into the store"),
    before(doors.LISTS, 2),
    before(doors.CREATES_NETWORK),
    before(doors.CREATES_VOLUME),
    before(doors.CREATES),
    before(doors.STARTS),
    writing("agents", since=doors.STARTS),
    after(RUN),
    after("Record what runs"),
]
# Of runs that change its agent in place, and make it anew at another port.
CHANGES = {
    "memory_limit": ("300m", [writing("agents"), before(doors.UPDATES), after(RUN)]),
    "agent_port": (12001, [
        writing("agents"), after(RECORD), before(doors.CREATES), before(doors.STOPS), before(doors.REMOVES, 2), before(doors.RENAMES),
        before(doors.STARTS),
    ]),
}


def whole(site: Site) -> None:
    """One tenant, one user, one agent, one network, one volume, one container that answers; nothing else."""
    assert site.leftovers() == {}
    for table in ("tenants", "users", "agents"):
        assert site.rows(f"SELECT count(*) FROM llmops.{table}") == [["1"]]
    assert site.engine.docker("ps", "--all", "--format", "{{.Names}}").split() == ["ollama-agent-acme"]
    assert site.engine.docker("volume", "ls", "--quiet").split() == ["ollama-agent-acme"]
    assert generate(site.ports()["acme"])


@pytest.mark.timeout(1500)
def test_killed_at_any_moment_it_converges(site: Site) -> None:
    shutil.rmtree(Path("/var/lib/llmops/models"), ignore_errors=True)
    with closing(Door(site.engine.socket)) as door:
        site.write_inventory({"localhost": {"docker_host": door.url}})
        for kill in MAKING:
            kill(Runs(site, door, "onboard_tenant", ARGUMENTS))
        site.run("onboard_tenant", **ARGUMENTS).ok()
        whole(site)
        # A killed run's reservation is found again, so no port is lost on the way.
        assert site.ports() == {"acme": 11435}
        for variable, (value, kills) in CHANGES.items():
            changed = {"tenant": "acme", variable: value}
            for kill in kills:
                kill(Runs(site, door, "onboard_tenant", changed))
            site.run("onboard_tenant", **changed).ok()
            whole(site)
        assert site.ports() == {"acme": 12001}
        assert site.run("onboard_tenant", tenant="acme").ok().changed == 0
        site.run("offboard_tenant", tenant="acme", remove_data=True, confirm="acme").ok()
    assert site.leftovers() == {}


@pytest.mark.timeout(1500)
def test_twenty_at_once_get_twenty_ports(site: Site) -> None:
    runs = [
        site.start("onboard_tenant", tenant=f"tenant-{number:02}", model="demo", memory_limit="128m")
        for number in range(AT_ONCE)
    ]
    for run in runs:
        run.wait(900).ok()
    assert len(set(site.ports().values())) == AT_ONCE
    assert sorted(site.ports().values()) == list(range(11435, 11435 + AT_ONCE))
    assert len(site.engine.docker("ps", "--quiet").split()) == AT_ONCE
    for port in list(site.ports().values())[:3]:
        assert generate(port)
    assert site.leftovers() == {}


# Each part just before it is needed, and after.
@pytest.mark.parametrize(
    ("part", "last_task"),
    [
        ("engine", RECORD), ("engine", RUN), ("database", "Resolve what is asked for"), ("database", RUN),
    ],
)
def test_a_part_that_restarts_in_mid_run_does_no_harm(
    site: Site, engine: Engine, postgres: Postgres, part: str, last_task: str
) -> None:
    log, recording = site.recording()
    run = site.start("onboard_tenant", env=recording, **ARGUMENTS)
    wait_until(lambda: last_task in log.read_text(), f"the end of task '{last_task}'")
    if part == "engine":
        engine.restart()
    else:
        postgres.restart()
    output = run.wait().output
    # It ends well or with one clear line, and the next run mends what is left to do.
    assert "Traceback" not in output
    assert "Unexpected" not in output, output
    site.run("onboard_tenant", **ARGUMENTS).ok()
    whole(site)
