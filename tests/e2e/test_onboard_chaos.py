# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboarding under fire: killed at any moment, twenty at once, engine and database restarted in mid-run."""

from __future__ import annotations

import random
import time

import pytest

from tests.support.ansible import run_module
from tests.support.engine import Engine
from tests.support.ollama import generate
from tests.support.postgres import Postgres
from tests.support.process import wait_until
from tests.support.site import Site

KILLS = 30
AT_ONCE = 20
ARGUMENTS = {"tenant": "acme", "model": "demo", "memory_limit": "256m", "users": "ana@acme.com:admin"}


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
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    started = time.monotonic()
    site.run("onboard_tenant", **ARGUMENTS).ok()
    usual = time.monotonic() - started
    site.run("offboard_tenant", tenant="acme", remove_data=True, confirm="acme").ok()
    ports = set()
    for number in range(KILLS):
        moment = chance.uniform(0.15, 1.0) * usual
        run = site.start("onboard_tenant", **ARGUMENTS)
        time.sleep(moment)
        run.kill()
        if number % 5 == 4:
            # The next run ends what was begun; four of five times it is another kill that finds the pieces.
            outcome = site.run("onboard_tenant", **ARGUMENTS)
            assert outcome.run.rc == 0, f"seed {seed}, kill {number} after {moment:.2f} s: {outcome.run.output}"
            whole(site)
            ports.add(site.ports()["acme"])
            if number < KILLS - 1:
                run_module(
                    "tenant", {"catalog_dsn": site.database.dsn, "tenant": "acme", "state": "absent", "cascade": True}
                ).ok()
                site.engine.clean()
    # A killed run's reservation is found again, so no port is lost on the way.
    assert ports == {11435}
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
        ("engine", "Record the tenant with its users and agents"), ("engine", "Run the agents of this host"),
        ("database", "Resolve what is asked for"), ("database", "Run the agents of this host"),
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
