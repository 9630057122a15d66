# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Offboarding beside other runs, and of what earlier runs left."""

from __future__ import annotations


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
    # The engine takes its time to stop the container, and a second agent is recorded meanwhile.
    site.engine.docker("pause", "ollama-agent-acme")
    log, recording = site.recording()
    going = site.start("offboard_tenant", env=recording, tenant="acme")
    wait_until(lambda: "tenant_agent_info" in log.read_text(), "the look-up of its agents")
    site.database.sql(
        "INSERT INTO llmops.agents SELECT (jsonb_populate_record(a, '{\"agent\": \"late\", \"port\": 11999}')).* FROM llmops.agents a"
    )
    run = going.wait(120)
    assert run.rc != 0
    assert "Tenant acme still has 1 agent: late" in run.output
    assert "Run it again to remove them, too" in run.output
    assert site.rows("SELECT tenant, agent FROM llmops.agents ORDER BY 2") == [["acme", "acme"], ["acme", "late"]]
    site.run("offboard_tenant", tenant="acme").ok()
    assert site.rows("SELECT * FROM llmops.tenants") == []
