# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks around onboarding: stop and start, models, users, status, offboarding."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.ollama import generate, request
from tests.support.registry import Registry
from tests.support.site import Outcome, Site


def twice(site: Site, playbook: str, *args: str, **variables: object) -> Outcome:
    """Run in check mode and for real, which must tell the same; then again, which must change nothing."""
    predicted = site.run(playbook, "--check", "--diff", *args, **variables).ok()
    done = site.run(playbook, *args, **variables).ok()
    assert predicted.plan == done.plan
    again = site.run(playbook, *args, **variables).ok()
    assert again.changed == 0, again.run.output
    return done


def lines(outcome: Outcome) -> list[str]:
    """What the run ended with."""
    return outcome.result("tenant_report")["lines"]


def test_stopped_agents_stay_so_and_come_back_as_they_were(site: Site) -> None:
    agents = [
        {"agent": "acme-chat", "model": "demo", "memory_limit": "256m", "cpu_limit": "0.5"},
        {"agent": "acme-code", "model": "demo", "memory_limit": "256m"},
    ]
    site.onboard("acme", agents=agents).ok()
    ports = site.ports()
    before = site.run("tenant_status", output="json").ok().result("ollama_agent_info")["agents"]

    # One of them, then all that still run.
    site.run("stop_agent", tenant="acme", agent="acme-code").ok()
    assert site.engine.inspect("ollama-agent-acme-chat")["State"]["Running"] is True
    assert site.engine.inspect("ollama-agent-acme-code")["State"]["Running"] is False
    stopped = twice(site, "stop_agent", tenant="acme")
    assert stopped.actions[:2] == ["update agent acme-chat", "stop container ollama-agent-acme-chat"]
    assert "Agent      acme-chat on localhost: stopped (start_agent starts it)" in lines(stopped)
    # Onboarding again keeps what was wanted last.
    rerun = site.run("onboard_tenant", tenant="acme").ok()
    assert rerun.changed == 0
    assert site.engine.inspect("ollama-agent-acme-chat")["State"]["Running"] is False

    twice(site, "start_agent", tenant="acme", agent="acme-chat")
    assert site.engine.inspect("ollama-agent-acme-code")["State"]["Running"] is False
    site.run("start_agent", tenant="acme").ok()
    after = site.run("tenant_status", output="json").ok().result("ollama_agent_info")["agents"]
    volatile = {"health", "usage"}
    assert [{k: v for k, v in agent.items() if k not in volatile} for agent in after] == [
        {k: v for k, v in agent.items() if k not in volatile} for agent in before
    ]
    assert site.ports() == ports
    assert generate(ports["acme-chat"])
    assert generate(ports["acme-code"])


def test_a_model_is_pulled_and_recorded_unless_it_cannot_be_had(site: Site, registry: Registry) -> None:
    site.onboard("acme").ok()
    mirror = {"agent_model_mirror": registry.reference("demo2").split("/")[2], "agent_model_insecure": True}
    done = twice(site, "pull_model", tenant="acme", model="demo2", **mirror)
    assert "pull model demo2:latest" in done.actions and "switch view ollama-agent-acme" in done.actions
    assert "  Model    demo, demo2" in lines(done)
    names = {model["name"] for model in request(site.ports()["acme"], "GET", "/api/tags")[0]["models"]}
    assert names == {"demo:latest", "demo2:latest"}
    assert site.rows("SELECT models FROM llmops.agents") == [["{demo,demo2}"]]
    assert site.run("pull_model", tenant="acme", model="demo2", latest=True, **mirror).ok().changed == 0

    # A name may name its registry itself, which is asked as the inventory says.
    named = f"{registry.address}/library/nosuch"
    refused = site.run("pull_model", tenant="acme", model=named, agent_model_insecure=True)
    assert f"is not in registry {registry.address}" in refused.error
    assert site.rows("SELECT models FROM llmops.agents") == [["{demo,demo2}"]]
    assert site.run("onboard_tenant", tenant="acme").ok().changed == 0
    site.run("stop_agent", tenant="acme").ok()
    stopped = site.run("pull_model", tenant="acme", model="demo2", **mirror)
    assert stopped.error.startswith("acme of tenant acme can't pull: stopped. Start it first (start_agent)")


def test_users_are_added_changed_and_removed(site: Site) -> None:
    site.record("acme", users=[{"email": "ana@acme.com", "role": "admin"}])
    site.run("set_user", tenant="acme", user_email="leo@acme.com", user_name="Leo Ruiz", user_role="analyst").ok()
    done = site.run("set_user", tenant="acme", user_email="LEO@acme.com", user_active=False).ok()
    assert done.actions == ["update tenant user acme/leo@acme.com"]
    twice(site, "set_user", tenant="acme", users=[{"email": "leo@acme.com", "state": "absent"}, {"email": "eva@acme.com"}])
    assert site.rows("SELECT email, role FROM llmops.users ORDER BY email") == [
        ["ana@acme.com", "admin"], ["eva@acme.com", "viewer"]
    ]
    refused = site.run("set_user", tenant="acme", user_email="ana@acme.com", user_state="absent")
    assert "without an active admin" in refused.error
    site.run("set_user", tenant="acme", user_email="ana@acme.com", user_state="absent", user_force=True).ok()


def test_status_as_a_table_as_json_and_in_a_file(site: Site, tmp_path: Path) -> None:
    assert lines(site.run("tenant_status").ok()) == ["No tenant."]
    site.onboard("acme", tenant_name="Acme Inc", users="ana@acme.com:admin").ok()
    run = site.run("tenant_status").ok().run
    table = [line for line in run.stdout.splitlines() if line.startswith(("TENANT", "acme"))]
    assert re.split(r"  +", table[0]) == [
        "TENANT", "NAME", "USERS", "AGENT", "HOST", "PORT", "STATE", "HEALTH", "MEMORY", "CPU", "STORE", "MODELS"
    ]
    assert re.split(r"  +", table[1])[:8] == [
        "acme", "Acme Inc", "1", "acme", "localhost", str(site.ports()["acme"]), "running", "healthy"
    ]
    assert re.split(r"  +", table[1])[-2:] == ["shared", "demo:latest"]
    # The JSON begins and ends with a brace alone on a line, so that `sed -n '/^{$/,/^}$/p'` takes it out.
    text = site.run("tenant_status", output="json", tenant="acme").ok().run.stdout
    [tenant] = json.loads(text[text.index("\n{\n"):text.index("\n}\n") + 2])["tenants"]
    assert tenant["agents"][0]["live"]["state"] == "running"
    target = tmp_path / "status.json"
    site.run("tenant_status", output="json", output_file=str(target)).ok()
    assert json.loads(target.read_text())["tenants"][0]["tenant"] == "acme"
    wrong = site.run("tenant_status", output_file=str(tmp_path / "none" / "x"))
    assert "can't be written: No such file or directory" in wrong.error


def test_offboarding_keeps_data_unless_it_is_told_twice_and_onboarding_takes_it_up(site: Site) -> None:
    site.onboard("acme", users="ana@acme.com:admin").ok()
    site.onboard("other").ok()
    gone = twice(site, "offboard_tenant", tenant="acme")
    [kept] = [line for line in lines(gone) if line.startswith("Data kept")]
    assert "volume ollama-agent-acme on localhost (/" in kept
    assert Path(kept.partition("(")[2].rstrip(")")).is_dir()
    assert site.rows("SELECT tenant FROM llmops.tenants") == [["other"]]
    assert site.rows("SELECT count(*) FROM llmops.users") == [["0"]]
    assert site.leftovers() == {"volumes": {"ollama-agent-acme"}}
    assert generate(site.ports()["other"])

    back = site.onboard("acme").ok()
    assert "create volume ollama-agent-acme" not in back.actions
    assert not [action for action in back.actions if " model " in action]
    assert generate(site.ports()["acme"])

    # It is removed only when the name is given again, and then also when someone has begun with it by hand.
    for confirm in ({}, {"confirm": "acm"}):
        refused = site.run("offboard_tenant", tenant="acme", remove_data=True, **confirm)
        assert "Say it again with -e confirm=acme" in refused.error
    assert set(site.ports()) == {"acme", "other"}
    site.engine.docker("rm", "--force", "ollama-agent-acme")
    done = twice(site, "offboard_tenant", tenant="acme", remove_data=True, confirm="acme")
    assert "remove volume ollama-agent-acme" in done.actions
    assert site.leftovers() == {}
    assert site.rows("SELECT tenant FROM llmops.tenants") == [["other"]]


def test_an_unknown_tenant_is_said_and_nothing_is_changed(site: Site) -> None:
    gone = site.run("offboard_tenant", tenant="nobody").ok()
    assert gone.changed == 0
    assert lines(gone)[0] == "Tenant     nobody is not in the catalog: nothing to do"
    for playbook, variables in (("stop_agent", {}), ("start_agent", {}), ("pull_model", {"model": "demo"})):
        assert "The catalog has no agent of tenant nobody" in site.run(playbook, tenant="nobody", **variables).error


@pytest.mark.parametrize("playbook", ["start_agent", "stop_agent"])
def test_an_unknown_agent_is_said_with_those_there_are(site: Site, playbook: str) -> None:
    site.record("acme", agents=[{"agent": "acme", "host": "localhost"}])
    assert site.run(playbook, tenant="acme", agent="other").error == "Tenant acme has no agent other. It has acme."


@pytest.mark.parametrize("playbook", ["promote_model", "onboard_tenant"])
def test_an_agent_of_a_host_that_the_inventory_lost_is_said(site: Site, playbook: str) -> None:
    site.record("acme", agents=[{"agent": "acme", "host": "gpu-77"}])
    given = {"tenant": "acme"} if playbook == "onboard_tenant" else {"agent": "acme", "promote": "mine"}
    assert site.run(playbook, **given).error.startswith("acme is on gpu-77, which the inventory does not have.")
