# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboarding: one run makes a working agent, the next one changes nothing, and check mode tells what a run will do."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import uuid
from typing import Any

from tests.support.ollama import generate
from tests.support.settings import ROOT
from tests.support.site import Outcome, Site

USERS = [
    {"email": "ana@empresa.com", "name": "Ana", "role": "admin"},
    {"email": "leo@empresa.com", "role": "viewer"},
]
GIB = 1024**3


def check_and_run(site: Site, tenant: str, **variables: Any) -> Outcome:
    """Onboard in check mode, then for real: both must tell the same, task by task."""
    before = site.engine.objects()
    rows = site.rows("SELECT * FROM llmops.tenants") + site.rows("SELECT * FROM llmops.agents")
    predicted = site.onboard(tenant, "--check", "--diff", **variables).ok()
    assert site.engine.objects() == before
    assert site.rows("SELECT * FROM llmops.tenants") + site.rows("SELECT * FROM llmops.agents") == rows
    done = site.onboard(tenant, **variables).ok()
    assert predicted.plan == done.plan
    return done


def summary(outcome: Outcome) -> list[str]:
    """The lines that the run ended with."""
    return outcome.result("tenant_report")["lines"]


def test_first_run_second_run_and_a_prompt_that_is_answered(site: Site) -> None:
    store = f"/var/lib/llmops/{uuid.uuid4().hex}"
    site.write_inventory({"localhost": {"agent_model_store_path": store}})
    first = check_and_run(site, "empresa-corp", tenant_name="Empresa Corp", users=USERS)
    assert first.actions == [
        "create tenant empresa-corp",
        "create tenant user empresa-corp/ana@empresa.com",
        "create tenant user empresa-corp/leo@empresa.com",
        "create agent empresa-corp",
        f"create store {store}",
        "pull model demo:latest",
        "create network ollama-tenant-empresa-corp",
        "create view ollama-agent-empresa-corp",
        "create volume ollama-agent-empresa-corp",
        "create container ollama-agent-empresa-corp",
        "start container ollama-agent-empresa-corp",
        "update agent empresa-corp",
    ]
    assert len([task for task in first.tasks if task.reached_host]) <= 5
    lines = summary(first)
    assert "Users      2: 1 admin, 1 viewer" in lines
    assert "Agent      empresa-corp on localhost: running, healthy" in lines
    answer = subprocess.run(shlex.split(lines[-1]), capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["done"] is True

    second = check_and_run(site, "empresa-corp", tenant_name="Empresa Corp", users=USERS)
    assert second.changed == 0
    assert second.actions == []
    assert "Done       nothing: all is as it should be" in summary(second)
    assert site.leftovers() == {}


def test_reruns_keep_what_earlier_runs_set_also_with_blank_survey_fields_and_clear_empties(site: Site) -> None:
    site.onboard("empresa-corp", memory_limit="768m", memory_reservation="128m", cpu_limit="0.5", model="demo",
                 agent_port=12001, tenant_name="Empresa Corp", tenant_domain="empresa.com", users=USERS).ok()
    names = (
        "tenant_name", "tenant_domain", "m365_tenant_id", "users", "agents", "model", "memory_limit",
        "memory_reservation", "cpu_limit", "agent_port", "agent_host", "agent", "clear", "quota_agents",
    )
    for given in ({}, dict(zip(names, (None, "") * 7, strict=True))):
        again = site.run("onboard_tenant", tenant="empresa-corp", **given).ok()
        assert again.changed == 0
        [tenant] = again.result("tenant")["tenants"]
        [agent] = tenant["agents"]
        assert (agent["memory_limit"], agent["memory_reservation"]) == (3 * GIB // 4, GIB // 8)
        assert (agent["cpu_limit"], agent["port"], agent["models"]) == (500, 12001, ["demo"])
        assert (tenant["name"], tenant["domain"]) == ("Empresa Corp", "empresa.com")
    cleared = check_and_run(site, "empresa-corp", model="demo", clear=["tenant_domain"])
    assert cleared.actions == ["update tenant empresa-corp"]
    assert cleared.result("tenant")["tenants"][0]["domain"] is None
    assert cleared.result("tenant")["tenants"][0]["name"] == "Empresa Corp"


def test_a_change_is_told_before_with_its_impact(site: Site) -> None:
    site.onboard("empresa-corp").ok()
    changes = [({"memory_limit": "1g", "cpu_limit": "1.5"}, "in_place"), ({"agent_port": 12002}, "recreate")]
    for change, impact in changes:
        container = site.engine.docker("inspect", "--format", "{{.Id}}", "ollama-agent-empresa-corp")
        done = check_and_run(site, "empresa-corp", **{"model": "demo", **change})
        [action] = done.result("ollama_agent")["actions"][:1]
        assert action["impact"] == impact
        same = site.engine.docker("inspect", "--format", "{{.Id}}", "ollama-agent-empresa-corp") == container
        assert same is (impact == "in_place")
        assert site.run("onboard_tenant", tenant="empresa-corp", **change).ok().changed == 0
    assert generate(site.ports()["empresa-corp"])


def test_the_tenants_file_counts_and_the_shell_wins(site: Site) -> None:
    site.write_tenant("acme", {
        "tenant_name": "Acme", "users": USERS, "quota_agents": 2,
        "agents": [
            {"agent": "acme-chat", "model": "demo", "memory_limit": "512m"},
            {"agent": "acme-code", "models": ["demo"], "memory_limit": "256m", "desired_state": "stopped"},
        ],
    })
    first = site.run("onboard_tenant", tenant="acme", tenant_name="Acme Inc").ok()
    [tenant] = first.result("tenant")["tenants"]
    assert tenant["name"] == "Acme Inc"
    assert [agent["agent"] for agent in tenant["agents"]] == ["acme-chat", "acme-code"]
    assert "Agent      acme-code on localhost: stopped (start_agent starts it)" in summary(first)
    assert site.run("onboard_tenant", tenant="acme", tenant_name="Acme Inc").ok().changed == 0
    # The file gone, the tenant alone is about the agents that are there, and makes no third one.
    (site.folder / "tenants" / "acme.yml").unlink()
    assert site.run("onboard_tenant", tenant="acme").ok().changed == 0
    refused = site.run("onboard_tenant", tenant="acme", agent="acme-more")
    assert refused.run.rc != 0
    assert "quota" in refused.error
    assert site.leftovers() == {}


def test_agents_on_several_hosts(site: Site) -> None:
    # Both hosts are this machine with its one engine: each has a store of its own, as hosts do.
    store = f"/var/lib/llmops/{uuid.uuid4().hex}"
    site.write_inventory({
        "gpu-01": {"agent_model_store_path": f"{store}-1"},
        "gpu-02": {"agent_model_store_path": f"{store}-2", "agent_host_agents": 1},
    })
    agents = [
        {"agent": "acme-chat", "host": "gpu-01", "port": 12101, "model": "demo", "memory_limit": "256m"},
        {"agent": "acme-code", "host": "gpu-02", "port": 12102, "model": "demo", "memory_limit": "256m"},
    ]
    # One after the other: the second finds the network of the first.
    one_by_one = {"ANSIBLE_FORKS": "1"}
    predicted = site.onboard("acme", "--check", env=one_by_one, agents=agents).ok()
    done = site.onboard("acme", env=one_by_one, agents=agents).ok()
    network = "create network ollama-tenant-acme"
    assert [a for a in predicted.actions if a != network] == [a for a in done.actions if a != network]
    assert {task.host for task in done.tasks if task.action == "llmops.tenancy.ollama_agent"} == {"gpu-01", "gpu-02"}
    assert generate(12101)
    assert generate(12102)
    assert site.run("onboard_tenant", tenant="acme", env=one_by_one).ok().changed == 0
    # A host that is full gets no more.
    assert site.onboard("more", agent_host="gpu-02").run.rc != 0
    gone = site.run("offboard_tenant", tenant="acme", env=one_by_one).ok()
    kept = [line for line in summary(gone) if "volume ollama-agent-acme-" in line]
    # Each host is told what its engine keeps, and here that is the same engine.
    assert {line.split(" on ")[1].split()[0] for line in kept if " on " in line} == {"gpu-01", "gpu-02"}
    assert site.engine.docker("ps", "--all", "--quiet") == ""


def test_every_way_to_call_it_is_the_same_run_and_the_summary_reads_well_under_either_style(site: Site) -> None:
    ways = [
        ("onboard_tenant.yml", ROOT / "playbooks", "yaml", 4),
        ("playbooks/onboard_tenant.yml", ROOT, "json", 0),
        ("llmops.tenancy.onboard_tenant", ROOT, "yaml", 0),
    ]
    for name, folder, style, changed in ways:
        env = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": style}
        run = site.run(name, env=env, cwd=folder, tenant="empresa-corp", model="demo", memory_limit="512m").ok().run
        assert run.changed == changed
        text = run.stdout[run.stdout.index("Show what is ready"):]
        assert re.search(r"^Tenant     empresa-corp$", text, re.MULTILINE)
        assert re.search(r"^curl -s http://127\.0\.0\.1:\d+/api/generate -d '\{.*\}'$", text, re.MULTILINE)
        assert "\\n" not in text
