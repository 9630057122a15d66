# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole fleet: drift names what was changed by hand, reconcile puts it right, with a brake and in waves."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.ollama import generate
from tests.support.settings import OLLAMA_IMAGE
from tests.support.site import Outcome, Site

SMALL = {"memory_limit": "256m", "model": "demo"}
GO = {"max_disruption": 100, "max_disruption_percent": 100}
# Where playbooks keep models unless told otherwise.
STORE = Path("/var/lib/llmops/models")
# What was done by hand to the agent of each tenant, and the field and the impact that the report names.
BY_HAND = {
    "removed": ("", "in_place"),
    "renamed": ("name", "in_place"),
    "stopped": ("state", "in_place"),
    "paused": ("state", "in_place"),
    "limits": ("memory_limit", "in_place"),
    "detached": ("network", "in_place"),
    "labels": ("label model", "recreate"),
    "restart": ("RestartPolicy", "in_place"),
    "unmodelled": ("deleted by the tenant", "restart"),
}


@pytest.fixture
def fleet(site: Site) -> Site:
    """A site that notes what is left beside its inventory."""
    site.write_inventory({"localhost": {}}, retry_file=str(site.folder / "left.json"))
    return site


def drift(site: Site, playbook: str = "drift", *args: str, **variables: Any) -> dict[str, Any]:
    """The report, whose exit code says whether anything differs; and nothing was changed."""
    file = site.folder / "drift.json"
    outcome = site.run(playbook, *args, output="json", output_file=str(file), **variables)
    report = json.loads(file.read_text())
    assert (outcome.run.rc == 0) is report["in_sync"], outcome.run.output
    assert outcome.changed == 0
    return report


def statuses(report: dict[str, Any]) -> dict[str, str]:
    return {tenant["tenant"]: tenant["status"] for tenant in report["tenants"]}


def failed(outcome: Outcome) -> dict[str, list[str]]:
    """Kinds of the failures of each tenant, by the summary of a reconciliation."""
    told = outcome.result("fleet_report")["tenants_failed"]
    return {tenant["tenant"]: sorted({failure["error"]["kind"] for failure in tenant["failures"]}) for tenant in told}


def do_by_hand(site: Site) -> None:
    """All of BY_HAND, an orphan of each kind, a port taken by a stranger, and a row made nonsense."""
    docker = site.engine.docker
    docker("rm", "--force", "ollama-agent-removed")
    docker("rename", "ollama-agent-renamed", "another")
    docker("stop", "--time", "1", "ollama-agent-stopped", "ollama-agent-robbed")
    docker("pause", "ollama-agent-paused")
    docker("update", "--memory", "300m", "--memory-swap", "300m", "ollama-agent-limits")
    docker("network", "disconnect", "ollama-tenant-detached", "ollama-agent-detached")
    docker("update", "--restart", "no", "ollama-agent-restart")
    docker("exec", "ollama-agent-unmodelled", "ollama", "rm", "demo")
    found = site.engine.inspect("ollama-agent-labels")
    found["Config"]["Labels"]["llmops.tenancy.model"] = "edited"
    networks = {"EndpointsConfig": {"ollama-tenant-labels": {}}}
    docker("rm", "--force", "ollama-agent-labels")
    with closing(site.engine.client()) as client:
        client.api.create_container_from_config(
            {**found["Config"], "HostConfig": found["HostConfig"], "NetworkingConfig": networks}, "ollama-agent-labels"
        )
    docker("start", "ollama-agent-labels")
    docker("run", "--detach", "--name", "stranger", "--publish", f"127.0.0.1:{site.ports()['robbed']}:11434", OLLAMA_IMAGE)
    site.rows("UPDATE llmops.agents SET bind_address = '1.2' WHERE agent = 'nonsense'")
    ours = "--label=llmops.tenancy.tenant_id=gone"
    docker("network", "create", ours, "ollama-tenant-gone")
    docker("create", ours, "--label=llmops.tenancy.agent=gone", "--name", "ollama-agent-gone", OLLAMA_IMAGE)
    docker("volume", "create", ours, "--label=llmops.tenancy.agent=lost", "ollama-agent-lost")
    (STORE / "agents" / "erased" / "upper").mkdir(parents=True)


@pytest.mark.timeout(900)
def test_what_was_done_by_hand_is_named_and_healed(fleet: Site) -> None:
    tenants = [*BY_HAND, "robbed", "nonsense", "calm"]
    for tenant in tenants:
        fleet.write_tenant(tenant, SMALL)
    fleet.write_tenant("resting", {**SMALL, "agents": [{"agent": "resting", "desired_state": "stopped"}]})
    fleet.write_tenant("switched-off", {**SMALL, "tenant_active": False})
    fleet.write_tenant("bad", {"memory_limit": "much"})
    # One bad file stops no other; what was planned is what is done.
    planned = drift(fleet, "reconcile", "--check")
    assert {status: planned["counts"][status] for status in ("missing", "failed", "in_sync")} == {
        "missing": len(tenants) + 2, "failed": 1, "in_sync": 0
    }
    first = fleet.run("reconcile")
    assert first.run.rc == 2 and failed(first) == {"bad": ["invalid_size"]}
    # Agents that shall be stopped are not made.
    assert len(fleet.engine.docker("ps", "--quiet", "--all").split()) == len(tenants)
    assert generate(fleet.ports()["calm"])
    (fleet.folder / "tenants" / "bad.yml").unlink()
    assert drift(fleet)["in_sync"]
    again = fleet.run("reconcile").ok()
    assert again.changed == 0 and again.result("fleet_report")["unchanged"] == len(tenants) + 2

    do_by_hand(fleet)
    report = drift(fleet)
    found = {
        tenant["tenant"]: {(each["field"], each["impact"]) for each in tenant["differences"]} for tenant in report["tenants"]
    }
    for tenant, expected in BY_HAND.items():
        assert expected in found[tenant], (tenant, found[tenant])
    kinds = {each["tenant"]: [failure["error"]["kind"] for failure in each["failures"]] for each in report["tenants"]}
    assert kinds["robbed"] == ["port_in_use"] and kinds["nonsense"] == ["invalid_address"]
    # What may hold data is told, and kept.
    assert [(orphan["kind"], orphan["name"], orphan["kept"]) for orphan in report["orphans"]] == [
        ("container", "ollama-agent-gone", False), ("network", "ollama-tenant-gone", False),
        ("upper", "erased", True), ("volume", "ollama-agent-lost", True),
    ]
    in_sync = {tenant for tenant, status in statuses(report).items() if status == "in_sync"}
    assert in_sync == {"calm", "resting", "switched-off"}
    # Of one pattern or of the agents of a host, and nothing else.
    assert statuses(drift(fleet, tenants="re*,calm")) == {
        "calm": "in_sync", "removed": "missing", "renamed": "different", "restart": "different", "resting": "in_sync"
    }

    healed = fleet.run("reconcile", **GO)
    assert healed.run.rc == 2 and failed(healed) == {"robbed": ["port_in_use"], "nonsense": ["invalid_address"]}
    assert {each["tenant"] for each in healed.result("fleet_report")["tenants_changed"]} == set(BY_HAND)
    fleet.engine.docker("rm", "--force", "stranger", "ollama-agent-gone")
    fleet.engine.docker("network", "rm", "ollama-tenant-gone")
    fleet.rows("UPDATE llmops.agents SET bind_address = '127.0.0.1' WHERE agent = 'nonsense'")
    # Only what failed is run again.
    retried = fleet.run("reconcile", retry=True).ok()
    assert [each["tenant"] for each in retried.result("fleet_report")["tenants_changed"]] == ["robbed"]
    assert drift(fleet)["in_sync"]
    assert fleet.run("reconcile").ok().changed == 0
    assert all(generate(port) for agent, port in fleet.ports().items() if agent in ("unmodelled", "robbed", "labels"))


@pytest.mark.timeout(900)
def test_brake_and_waves(fleet: Site) -> None:
    names = [f"agent-{number}" for number in range(4)]
    for name in names:
        fleet.write_tenant(name, SMALL)
    fleet.run("reconcile", wave_size=3).ok()
    containers = fleet.engine.docker("ps", "--quiet", "--no-trunc")

    # A change of all of them is stopped before anything is written, also in the catalog.
    for name in names:
        fleet.write_tenant(name, {**SMALL, "agents": [{"agent": name, "num_parallel": 2}]})
    checked, braked = drift(fleet, "reconcile", "--check"), fleet.run("reconcile")
    assert braked.run.rc == 2 and checked["brake"]["msg"] == braked.error
    for part in ("4 of 4 agents", "ollama-agent-agent-3 on localhost", "max_disruption_percent=100"):
        assert part in braked.error
    assert drift(fleet, "reconcile", "--check", **GO)["brake"] is None
    assert fleet.rows("SELECT DISTINCT num_parallel FROM llmops.agents") == [["1"]]
    assert fleet.engine.docker("ps", "--quiet", "--no-trunc") == containers
    for name in names:
        fleet.write_tenant(name, SMALL)

    # An image that does not run Ollama ends the first wave, and the others go on with the old one.
    (fleet.folder / "Dockerfile").write_text(f'FROM {OLLAMA_IMAGE}\nENTRYPOINT ["/usr/bin/ollama", "no-such-command"]\n')
    fleet.engine.docker("build", "--tag", "localhost/broken:1", str(fleet.folder))
    broken = fleet.run("reconcile", **GO, wave_size=1, agent_image="localhost/broken:1", agent_healthy_timeout=20)
    report = broken.result("fleet_report")
    assert broken.run.rc == 2 and len(report["tenants_failed"]) == 1
    assert len(report["left"]) == 3 and report["retry"] == names
    left = {f"ollama-agent-{agent}" for agent in report["left"]}
    assert left < set(fleet.engine.docker("ps", "--format", "{{.Names}}").split())
    assert all(generate(fleet.ports()[agent]) for agent in report["left"])
    # A run again goes on: with the image that works, only the first one has anything to do.
    mended = fleet.run("reconcile", retry=True, agent_image=OLLAMA_IMAGE).ok()
    assert len(mended.result("fleet_report")["tenants_changed"]) == 1
    assert mended.result("fleet_report")["left"] == []
    assert fleet.run("reconcile").ok().changed == 0

    # Why a model did not come into the store is told of the agents that lack it.
    fleet.write_tenant("unheard", {**SMALL, "model": "no-such-model"})
    lacking = fleet.run("reconcile", agent_model_retries=0)
    assert lacking.run.rc == 2 and failed(lacking) == {"unheard": ["registry_unreachable"]}
    [told] = lacking.result("fleet_report")["tenants_failed"][0]["failures"]
    assert "no-such-model:latest: " in told["msg"] and "does not have it, or not whole" not in told["msg"]
