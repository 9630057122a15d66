# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of the older system: adopted without a touch, changed in place, made anew with their models, taken away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import ollama
from tests.support.door import CREATES, Door
from tests.support.process import wait_until
from tests.support.settings import OLLAMA_IMAGE, ROOT
from tests.support.site import Site

MIB = 1024**2
DEMO = ROOT / "roles" / "agent" / "files" / "demo_model" / "demo.gguf"


def old_container(site: Site, name: str, port: int | None, *args: str, tenant: str = "acme", model: str = "demo") -> None:
    """A container as the older system makes it."""
    published = ["--publish", f"127.0.0.1:{port}:11434"] if port else []
    labels = {"tenant_id": tenant, "model": model, "memory_limit": "512m", "created_at": "2025-01-01T00:00:00Z"}
    marks = [part for key, value in labels.items() if value for part in ("--label", f"{key}={value}")]
    site.engine.docker(
        "run", "--detach", "--name", name, *marks, *published, "--env", "OLLAMA_MODELS=/root/.ollama/models", "--env", "HOME=/root",
        *args, OLLAMA_IMAGE,
    )


def identity(site: Site, name: str) -> tuple[Any, ...]:
    """What must not change: the container, and since when it runs."""
    inspected = site.engine.inspect(name)
    return inspected["Id"], inspected["State"]["StartedAt"]


def turn_models(site: Site, target: str = "") -> None:
    """What a tenant can do in an old container: have its models elsewhere, and a link in their place. Without one, put them back."""
    [mount] = site.engine.inspect("ollama-agent-acme")["Mounts"]
    models = Path(mount["Source"]) / "models"
    if target:
        models.rename(models.with_name("m"))
        models.symlink_to(target)
    else:
        models.unlink()
        models.with_name("m").rename(models)


def refuses_links(site: Site, renewed: dict[str, str]) -> None:
    """A link in the place of the models is refused before anything is done, and one that comes later once the old container stopped."""
    old = identity(site, "ollama-agent-acme")
    turn_models(site, "/")
    predicted = site.run("onboard_tenant", "--check", **renewed)
    assert "'models' on the way there is a link to /" in predicted.run.stdout, predicted.run.output
    assert identity(site, "ollama-agent-acme") == old
    turn_models(site)
    with closing(Door(site.engine.socket)) as door:
        hold = door.hold(CREATES)
        log, recording = site.recording()
        started = site.start("onboard_tenant", env={**recording, "DOCKER_HOST": door.url}, **renewed)
        wait_until(lambda: hold.reached, "the new container")
        turn_models(site, "/etc")
        hold.end(passes=True)
        refused = site.outcome(started, log)
    assert "is a link to /etc" in refused.run.stdout and "Put the folder with the models itself" in refused.run.stdout, refused.run.output
    # It goes on as it was, and nothing has the name of the place that it may not have.
    again = site.engine.inspect("ollama-agent-acme")
    assert again["State"]["Running"] and (again["Id"], again["State"]["StartedAt"] > old[1]) == (old[0], True)
    assert "ollama-agent-acme.new" not in site.engine.docker("ps", "--all", "--format", "{{.Names}}").split()
    assert "ollama-agent-acme" not in site.engine.docker("volume", "ls", "--quiet").split()
    turn_models(site)


@pytest.fixture
def old(site: Site) -> Iterator[Site]:
    """Two tenants with three agents of the older system, and containers that can't be adopted."""
    limited = ("--memory", "512m", "--memory-swap", "1g", "--cpus", "0.5", "--volume", "old-acme:/root/.ollama")
    old_container(site, "ollama-agent-acme", 11500, *limited)
    old_container(site, "ollama-agent-acme-lab", 11501, "--memory", "256m", "--env", "OLLAMA_KEEP_ALIVE=1h")
    old_container(site, "ollama-agent-beta", 11502, "--volume", "old-beta:/root/.ollama", tenant="beta")
    old_container(site, "ollama-agent-closed", None)
    old_container(site, "ollama-agent-Big", 11503)
    old_container(site, "old-one", 11504)
    old_container(site, "ollama-agent-nobodys", 11505, tenant="")
    old_container(site, "ollama-agent-taken", 11506)
    wait_until(lambda: ollama.request(11500, "GET", "/api/version"), "the old agent")
    digest = f"sha256:{hashlib.sha256(DEMO.read_bytes()).hexdigest()}"
    ollama.request(11500, "POST", f"/api/blobs/{digest}", DEMO)
    ollama.request(11500, "POST", "/api/create", {"model": "demo", "files": {DEMO.name: digest}})
    yield site


def test_adopted_changed_renewed_removed(old: Site) -> None:
    """The life of an adopted agent; CHECK says before what each run does, and again nothing is left to do."""
    site = old
    names = ["ollama-agent-acme", "ollama-agent-acme-lab", "ollama-agent-beta"]
    site.database.sql("INSERT INTO llmops.tenants (tenant, name) VALUES ('other', 'Other')")
    site.database.sql(
        "INSERT INTO llmops.agents (agent, tenant, host, port, models, memory_limit, memory_reservation, cpu_limit, context_length,"
        " num_parallel, keep_alive) SELECT agent, 'other', 'localhost', port, '{demo}', 536870912, 0, 500, 4096, 1, '5m'"
        " FROM (VALUES ('elsewhere', 11506)) given (agent, port)"
    )
    before = {name: identity(site, name) for name in names}

    predicted = site.run("adopt_agents", "--check").ok()
    assert site.rows("SELECT count(*) FROM llmops.agents") == [["1"]]
    adopted = site.run("adopt_agents").ok()
    assert predicted.plan == adopted.plan and adopted.changed == 1
    lines = "\n".join(adopted.result("tenant_report")["lines"])
    assert "3 adopted, 0 adopted before, 5 refused" in lines
    for said in (
        "ollama-agent-closed can't be adopted: it publishes no port", "ollama-agent-Big can't be adopted: agent 'Big' is not a valid name",
        "old-one can't be adopted: its name does not begin with ollama-agent-", "ollama-agent-nobodys can't be adopted: it has no label tenant_id",
        "ollama-agent-taken can't be adopted: its port 11506 on localhost is that of agent 'elsewhere'",
    ):
        assert said in lines, said
    assert {name: identity(site, name) for name in names} == before
    query = "SELECT agent, tenant, port, memory_limit / 1048576, cpu_limit, keep_alive, adopted FROM llmops.agents WHERE adopted ORDER BY agent"
    assert site.rows(query) == [
        ["acme", "acme", "11500", "512", "500", "5m", "t"], ["acme-lab", "acme", "11501", "256", "2000", "1h", "t"],
        # Without a limit of its own, the label says what was meant.
        ["beta", "beta", "11502", "512", "2000", "5m", "t"],
    ]
    again = site.run("adopt_agents", tenants="ac*,nobody").ok()
    assert again.changed == 0 and "0 adopted, 2 adopted before" in "\n".join(again.result("tenant_report")["lines"])
    report = site.folder / "status.json"
    site.run("tenant_status", output="json", output_file=str(report)).ok()
    agents = [agent for tenant in json.loads(report.read_text())["tenants"] for agent in tenant["agents"]]
    live = {agent["agent"]: agent["live"]["state"] for agent in agents if agent["live"]}
    assert live == {"acme": "running", "acme-lab": "running", "beta": "running"}

    # Limits change in place, at once, also the CPUs of a container that was made with --cpus.
    changed = {"tenant": "acme", "agent": "acme", "memory_limit": "768m", "cpu_limit": "0.75"}
    predicted = site.run("onboard_tenant", "--check", **changed).ok()
    onboarded = site.run("onboard_tenant", **changed).ok()
    assert predicted.actions == onboarded.actions
    # One had no model, and gets it; no network, no volume, no container is made.
    assert [line for line in onboarded.actions if not line.startswith("update")] == ["create model demo:latest on acme-lab"]
    host = site.engine.inspect("ollama-agent-acme")["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (768 * MIB, 768 * MIB, 750_000_000)
    assert {name: identity(site, name) for name in names} == before

    # A fleet that is reconciled goes on in the old containers, and what was changed by hand is put right in place.
    site.engine.docker("update", "--memory", "300m", "--memory-swap", "300m", "ollama-agent-acme-lab")
    fleet = {"tenants": "acme,beta", "retry_file": str(site.folder / "left.json")}
    predicted = site.run("reconcile", "--check", output="json", output_file=str(report), **fleet)
    told = {tenant["tenant"]: tenant["differences"] for tenant in json.loads(report.read_text())["tenants"]}
    assert predicted.run.rc == 2 and [(each["field"], each["impact"]) for each in told["acme"]] == [("memory_limit", "in_place")]
    # One that had no limits gets them in place, too.
    assert {each["impact"] for each in told["beta"]} == {"in_place"} and "models" in {each["field"] for each in told["beta"]}
    site.run("reconcile", **fleet).ok()
    assert site.engine.inspect("ollama-agent-acme-lab")["HostConfig"]["Memory"] == 256 * MIB and ollama.generate(11502, "demo")
    assert {name: identity(site, name) for name in names} == before
    assert site.run("reconcile", **fleet).ok().changed == 0

    # Made anew when told to, or when another change needs it: with the models where they are.
    renewed = {"tenant": "acme", "agent": "acme", "agent_renew": "acme"}
    refused = site.run("onboard_tenant", tenant="acme", agent="acme-lab", agent_port=11550)
    assert "its models are inside of its container" in refused.run.stdout
    site.database.sql("UPDATE llmops.agents SET port = 11501 WHERE agent = 'acme-lab'")
    refuses_links(site, renewed)
    # Asked of both, it says that one of them would lose what is inside of its container.
    predicted = site.run("onboard_tenant", "--check", tenant="acme", agent_renew="acme,acme-lab").ok()
    impacts = {action["name"]: action["impact"] for *_task, actions in predicted.plan for action in actions if action["action"] == "recreate"}
    assert impacts == {"ollama-agent-acme": "recreate", "ollama-agent-acme-lab": "data_loss"}
    before = {name: identity(site, name) for name in names}
    anew = site.run("onboard_tenant", **renewed).ok()
    assert [line for line in predicted.actions if "acme-lab" not in line] == anew.actions
    assert identity(site, "ollama-agent-acme") != before["ollama-agent-acme"]
    assert ollama.generate(11500, "demo")
    inspected = site.engine.inspect("ollama-agent-acme")
    assert inspected["Config"]["Labels"]["llmops.tenancy.agent"] == "acme" and inspected["HostConfig"]["ReadonlyRootfs"]
    # One is renewed now, the other still in its old container: neither has anything left to do.
    assert site.run("onboard_tenant", tenant="acme").ok().changed == 0

    # Of what is called like its container, only a name for its models' folder would go with it.
    site.engine.docker("volume", "create", "ollama-agent-beta")
    site.run("offboard_tenant", tenant="beta").ok()
    assert "ollama-agent-beta" not in site.engine.docker("ps", "--all", "--format", "{{.Names}}").split()
    assert {"old-acme", "old-beta", "ollama-agent-beta"} <= set(site.engine.docker("volume", "ls", "--quiet").split())

    # The record and the name alone make no container ours: this one says that it is of another tenant.
    site.database.sql("UPDATE llmops.agents SET agent = 'taken', adopted = true WHERE agent = 'elsewhere'")
    stranger = identity(site, "ollama-agent-taken")
    assert "is not of this collection" in site.run("start_agent", tenant="other").run.stdout
    assert identity(site, "ollama-agent-taken") == stranger
