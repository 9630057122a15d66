# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Offboarding beside other runs, and of what earlier runs left."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.support.door import STOPS, Door
from tests.support.process import wait_until
from tests.support.site import Outcome, Site

ERASE = {"tenant": "acme", "remove_data": True, "confirm": "acme"}


def predicted_and_done(site: Site, **variables: object) -> Outcome:
    """Offboard in check mode and for real, which must tell the same; then again, which must change nothing."""
    predicted = site.run("offboard_tenant", "--check", **variables).ok()
    done = site.run("offboard_tenant", **variables).ok()
    assert predicted.plan == done.plan
    assert site.run("offboard_tenant", **variables).ok().changed == 0
    return done


def lines(outcome: Outcome) -> list[str]:
    """What the run ended with."""
    return outcome.result("tenant_report")["lines"]


def test_an_agent_that_is_added_beside_it_keeps_its_record(site: Site) -> None:
    site.onboard("acme").ok()
    # While the engine is asked to stop the container, a second agent is recorded.
    with closing(Door(site.engine.socket)) as door:
        hold = door.hold(STOPS)
        going = site.start("offboard_tenant", env={"DOCKER_HOST": door.url}, tenant="acme")
        wait_until(lambda: hold.reached, "the stop of its container")
        site.database.sql(
            "INSERT INTO llmops.agents SELECT (jsonb_populate_record(a, '{\"agent\": \"late\", \"port\": 11999}')).* FROM llmops.agents a"
        )
        hold.end(passes=True)
        run = going.wait()
    assert run.rc != 0
    assert "Tenant acme still has 1 agent: late" in run.output
    assert "Run it again to remove them, too" in run.output
    assert site.rows("SELECT tenant, agent FROM llmops.agents ORDER BY 2") == [["acme", "acme"], ["acme", "late"]]
    site.run("offboard_tenant", tenant="acme").ok()
    assert site.rows("SELECT * FROM llmops.tenants") == []


def test_data_that_was_kept_is_erased_later(site: Site) -> None:
    site.onboard("acme").ok()
    site.run("offboard_tenant", tenant="acme").ok()
    again = site.run("offboard_tenant", tenant="acme").ok()
    assert again.changed == 0
    assert lines(again)[0] == "Tenant     acme is not in the catalog: nothing to do"
    assert lines(again)[1].startswith("Data kept  volume ollama-agent-acme on localhost (/")

    erased = predicted_and_done(site, **ERASE)
    assert erased.actions == ["remove upper ollama-agent-acme", "remove volume ollama-agent-acme"]
    [proof] = erased.result("ollama_agent")["agents"]
    assert proof["erased"]["path"].endswith("/agents/acme/upper") and not Path(proof["erased"]["path"]).exists()
    assert lines(erased)[:2] == ["Tenant     acme is not in the catalog", "Data       removed"]
    assert lines(erased)[2].strip() == f"{proof['erased']['path']} on localhost: 0 B, no models of its own"
    assert site.leftovers() == {}


@pytest.mark.parametrize("erase", [False, True])
def test_a_container_that_no_record_stands_for_goes_too(site: Site, erase: bool) -> None:
    site.onboard("acme").ok()
    site.database.sql("DELETE FROM llmops.agents; DELETE FROM llmops.tenants")
    gone = predicted_and_done(site, **ERASE) if erase else site.run("offboard_tenant", tenant="acme").ok()
    volume = {"remove upper ollama-agent-acme", "remove volume ollama-agent-acme"} if erase else set()
    assert set(gone.actions) == {"remove container ollama-agent-acme", "remove network ollama-tenant-acme"} | volume
    assert site.leftovers() == ({} if erase else {"volumes": {"ollama-agent-acme"}})


def test_erasing_asks_all_agent_hosts_what_a_moved_agent_left(site: Site) -> None:
    folders = {"move_folder": str(site.folder / "here"), "move_host_folder": str(site.folder / "there")}
    site.write_inventory({"gpu-01": {}, "gpu-02": {}}, **folders)
    agents = [{"agent": name, "model": "demo", "memory_limit": "256m", "host": "gpu-01"} for name in ("chat", "code")]
    site.onboard("acme", agents=agents).ok()
    site.database.sql("DELETE FROM llmops.agents WHERE agent = 'code'")
    # A move that was cut off while what it packed was on its way.
    left = [site.folder / name for name in ("here/code.tar", "here/chat.tar.part", "there/code.tar", "there/code.tar.json")]
    others = site.folder / "there" / "other.tar"
    for path in (*left, others):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    erased = site.run("offboard_tenant", **ERASE).ok()
    assert site.leftovers() == {} and [path for path in (*left, others) if path.exists()] == [others]
    assert "remove data code" in erased.actions
    assert site.rows("SELECT * FROM llmops.tenants") == []
