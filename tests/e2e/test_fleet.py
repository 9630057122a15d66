# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole fleet: drift names what was changed by hand, reconcile puts it right, with a brake and in waves."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import ollama
from tests.support.ansible import run_module
from tests.support.engine_calls import CountingSocket
from tests.support.ollama import generate
from tests.support.settings import OLLAMA_IMAGE
from tests.support.site import Outcome, Site

SMALL = {"memory_limit": "256m", "model": "demo"}
GO = {"max_disruption": 100, "max_disruption_percent": 100}
# Where playbooks keep models unless told otherwise.
STORE = Path("/var/lib/llmops/models")
EVERYONE, RUNNING = 1000, 200
# What was done by hand to the agent of each tenant, and the field and the impact that the report names. Nothing that a
# reconciliation does loses data, so no impact is data_loss.
BY_HAND = {
    "removed": ("", "in_place"),
    "emptied": ("", "in_place"),
    "renamed": ("name", "in_place"),
    "stopped": ("state", "in_place"),
    "paused": ("state", "in_place"),
    "limits": ("memory_limit", "in_place"),
    "detached": ("network", "in_place"),
    "labels": ("label model", "recreate"),
    "elsewhere": ("path", "recreate"),
    "restart": ("RestartPolicy", "in_place"),
    "unmodelled": ("deleted by the tenant", "restart"),
}
# What is done besides because of it, and needs no telling: a new container's volume, and the container of a volume made anew.
FOLLOWS = {"emptied": "volume ollama-agent-emptied", "elsewhere": "container ollama-agent-elsewhere"}
# What can't be put right by a run, and why.
TROUBLE = {"robbed": "port_in_use", "nonsense": "invalid_address", "idle-000": "unknown_host"}
# The half of the pool of subnets that a route of the host takes.
ROUTED = ipaddress.ip_network("10.201.0.0/17")


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


@pytest.fixture
def routed() -> Iterator[None]:
    """A host with a route to half of the pool that tenants' networks get their subnets from."""
    subprocess.run(["ip", "route", "add", str(ROUTED), "dev", "lo"], check=True)
    yield
    subprocess.run(["ip", "route", "del", str(ROUTED), "dev", "lo"], check=True)


def anew(site: Site, name: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """Make the container of an agent anew, as somebody with another tool would."""
    container, network = f"ollama-agent-{name}", f"ollama-tenant-{name}"
    found = site.engine.inspect(container)
    site.engine.docker("rm", "--force", container)
    edit(found)
    with closing(site.engine.client()) as client:
        client.api.create_container_from_config(
            {**found["Config"], "HostConfig": found["HostConfig"], "NetworkingConfig": {"EndpointsConfig": {network: {}}}}, container
        )
    site.engine.docker("start", container)


def elsewhere(site: Site) -> None:
    """Make the models volume of an agent anew, with another directory for what the agent writes."""
    volume = site.engine.inspect("ollama-agent-elsewhere")
    site.engine.docker("volume", "rm", "ollama-agent-elsewhere")
    lower = volume["Options"]["o"].split(",")[0]
    for folder in ("upper", "work"):
        (site.folder / folder).mkdir()
    given = {"type": "overlay", "device": "overlay", "o": f"{lower},upperdir={site.folder}/upper,workdir={site.folder}/work"}
    with closing(site.engine.client()) as client:
        client.api.create_volume("ollama-agent-elsewhere", "local", given, volume["Labels"])


def do_by_hand(site: Site) -> None:
    """All of BY_HAND, an orphan of each kind, a port taken by a stranger, and a row made nonsense."""
    docker = site.engine.docker
    docker("rm", "--force", "ollama-agent-removed", "ollama-agent-emptied")
    docker("volume", "rm", "ollama-agent-emptied")
    docker("rename", "ollama-agent-renamed", "another")
    docker("stop", "--time", "1", "ollama-agent-stopped", "ollama-agent-robbed")
    docker("pause", "ollama-agent-paused")
    docker("update", "--memory", "300m", "--memory-swap", "300m", "ollama-agent-limits")
    docker("network", "disconnect", "ollama-tenant-detached", "ollama-agent-detached")
    docker("update", "--restart", "no", "ollama-agent-restart")
    docker("exec", "ollama-agent-unmodelled", "ollama", "rm", "demo")
    anew(site, "labels", lambda found: found["Config"]["Labels"].update({"llmops.tenancy.model": "edited"}))
    docker("exec", "ollama-agent-elsewhere", "ollama", "cp", "demo", "mine")
    anew(site, "elsewhere", lambda found: elsewhere(site))
    docker("run", "--detach", "--name", "stranger", "--publish", f"127.0.0.1:{site.ports()['robbed']}:11434", OLLAMA_IMAGE)
    site.rows("UPDATE llmops.agents SET bind_address = '1.2' WHERE agent = 'nonsense'")
    site.rows("UPDATE llmops.agents SET host = 'nowhere' WHERE agent = 'idle-000'")
    ours = "--label=llmops.tenancy.tenant_id=gone"
    docker("network", "create", ours, "ollama-tenant-gone")
    docker("create", ours, "--label=llmops.tenancy.agent=gone", "--name", "ollama-agent-gone", OLLAMA_IMAGE)
    docker("volume", "create", ours, "--label=llmops.tenancy.agent=lost", "ollama-agent-lost")
    (STORE / "agents" / "erased" / "upper").mkdir(parents=True)


def write_thousand(site: Site) -> None:
    """The agents that run from files, with two tenants of whom none does and a bad file; all others in the catalog, stopped."""
    named = [*BY_HAND, "robbed", "nonsense", "calm"]
    for tenant in [*named, *(f"tenant-{number:03}" for number in range(RUNNING - len(named)))]:
        site.write_tenant(tenant, SMALL)
    site.write_tenant("resting", {**SMALL, "agents": [{"agent": "resting", "desired_state": "stopped"}]})
    site.write_tenant("switched-off", {**SMALL, "tenant_active": False})
    site.write_tenant("bad", {"memory_limit": "much"})
    idle = [{"tenant": f"idle-{number:03}", "agents": [{"desired_state": "stopped"}]} for number in range(EVERYONE - RUNNING - 2)]
    run_module("tenant", {"catalog_dsn": site.database.dsn, "tenants": idle}).ok()


def check_networks(site: Site) -> None:
    """A network for each agent that runs, none in the way of another or of what the host has a route to."""
    names = [f"ollama-tenant-{tenant}" for [tenant] in site.rows("SELECT tenant FROM llmops.agents WHERE observed IS NOT NULL")]
    found = json.loads(site.engine.docker("network", "inspect", *names))
    subnets = sorted(ipaddress.ip_network(network["IPAM"]["Config"][0]["Subnet"]) for network in found)
    assert len(subnets) == RUNNING
    assert all(one.broadcast_address < other.network_address for one, other in zip(subnets, subnets[1:]))
    assert not [subnet for subnet in subnets if subnet.overlaps(ROUTED)]


def told_well(outcome: Outcome, changed: int, failed: int, unchanged: int) -> None:
    """What a run told: how far it was, now and then and at last; a line for each tenant that changed, and the rest counted."""
    lines = outcome.run.stdout.splitlines()
    told = [re.fullmatch(r"localhost: (\d+) of (\d+) agents done, (\d+) failed, (\d+) left, [\d.]+/s", line) for line in lines]
    steps = [tuple(map(int, step.groups())) for step in told if step]
    # Waves of 20 agents, and half a minute of silence between two lines.
    assert steps == sorted(steps) and len(steps) <= RUNNING / 20
    assert all(done + wrong + left == everyone for done, everyone, wrong, left in steps)
    if changed > 20:
        assert steps[-1] == (RUNNING, RUNNING, 0, 0)
    start = next(number for number, line in enumerate(lines) if line.startswith("Changed    "))
    names = [line[11:].split()[0] for line in lines[start:start + changed]]
    assert names == sorted(names) and len(set(names)) == changed and lines[start + changed].startswith("Failed     ")
    assert f"Tenants    {changed} changed, {failed} failed, {unchanged} unchanged" in lines
    assert len(lines) < changed + 100 and outcome.run.memory <= 200


def told_is_done(report: dict[str, Any], healed: Outcome) -> None:
    """The run had to do with the very things that drift told of, in no tenant with more or less."""
    told = {tenant["tenant"]: {each["object"] for each in tenant["differences"]} for tenant in report["tenants"]}
    done = {
        tenant["tenant"]: {f"{action['kind']} {action['name']}" for action in tenant["actions"]} - {FOLLOWS.get(tenant["tenant"])}
        for tenant in healed.result("fleet_report")["tenants_changed"]
    }
    assert done == {tenant: told[tenant] for tenant in BY_HAND}


def unchanged_and_cheap(site: Site) -> None:
    """Another run finds nothing to do, with a few calls of the engine in all and none for each agent."""
    engine = CountingSocket(site.engine.url, site.folder / "docker.sock")
    again = site.run("reconcile", env={"DOCKER_HOST": engine.url}).ok()
    assert again.changed == 0 and again.result("fleet_report")["unchanged"] == EVERYONE
    assert 0 < sum(engine.counts.values()) <= 10, engine.counts
    assert again.run.memory <= 200


def no_more_calls_than_changes_need(engine: CountingSocket) -> None:
    """Three that change something for each agent that is changed; those that read don't grow with the fleet.

    One that is waited for is inspected twice a second, so these are as many as a machine is slow.
    """
    changing = sum(count for kind, count in engine.counts.items() if not kind.startswith("GET "))
    reading = engine.counts.total() - changing - engine.counts["GET /containers/…/json"]
    assert 0 < changing <= 3 * len(BY_HAND) and reading <= 60, engine.counts


@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("routed")
def test_a_thousand_tenants_changed_by_hand_are_named_and_healed(fleet: Site) -> None:
    write_thousand(fleet)
    # One bad file stops no other; what was planned is what is done.
    planned = drift(fleet, "reconcile", "--check")
    assert {status: planned["counts"][status] for status in ("missing", "failed", "in_sync")} == {
        "missing": RUNNING + 2, "failed": 1, "in_sync": EVERYONE - RUNNING - 2
    }
    first = fleet.run("reconcile", timeout=1200)
    assert first.run.rc == 2 and failed(first) == {"bad": ["invalid_size"]}
    # Agents that shall be stopped are not made.
    assert len(fleet.engine.docker("ps", "--quiet", "--all").split()) == RUNNING
    check_networks(fleet)
    told_well(first, RUNNING + 2, failed=1, unchanged=EVERYONE - RUNNING - 2)
    ports = fleet.ports()
    running = [agent for [agent] in fleet.rows("SELECT agent FROM llmops.agents WHERE observed IS NOT NULL")]
    assert len(running) == RUNNING
    for agent in running:
        assert ollama.request(ports[agent], "GET", "/api/tags")[0]["models"][0]["name"] == "demo:latest"
    assert generate(ports["calm"])
    (fleet.folder / "tenants" / "bad.yml").unlink()

    do_by_hand(fleet)
    report = drift(fleet)
    found = {
        tenant["tenant"]: {(each["field"], each["impact"]) for each in tenant["differences"]} for tenant in report["tenants"]
    }
    for tenant, expected in BY_HAND.items():
        assert expected in found[tenant], (tenant, found[tenant])
    kinds = {each["tenant"]: [failure["error"]["kind"] for failure in each["failures"]] for each in report["tenants"]}
    assert (kinds["robbed"], kinds["nonsense"], kinds["idle-000"]) == (["port_in_use"], ["invalid_address"], ["unknown_host"])
    # What may hold data is told, and kept.
    assert [(orphan["kind"], orphan["name"], orphan["kept"]) for orphan in report["orphans"]] == [
        ("container", "ollama-agent-gone", False), ("network", "ollama-tenant-gone", False),
        ("upper", "erased", True), ("volume", "ollama-agent-lost", True), ("record", "idle-000", False),
    ]
    changed = {tenant for tenant, status in statuses(report).items() if status != "in_sync"}
    assert changed == {*BY_HAND, *TROUBLE} and len(report["tenants"]) == EVERYONE
    # Of one pattern or of the agents of a host, and nothing else.
    assert statuses(drift(fleet, tenants="re*,calm")) == {
        "calm": "in_sync", "removed": "missing", "renamed": "different", "restart": "different", "resting": "in_sync"
    }

    engine = CountingSocket(fleet.engine.url, fleet.folder / "healing.sock")
    healed = fleet.run("reconcile", env={"DOCKER_HOST": engine.url}, **GO)
    no_more_calls_than_changes_need(engine)
    assert healed.run.rc == 2 and failed(healed) == {name: [kind] for name, kind in TROUBLE.items()}
    told_is_done(report, healed)
    told_well(healed, len(BY_HAND), failed=len(TROUBLE), unchanged=EVERYONE - len(BY_HAND) - len(TROUBLE))
    fleet.engine.docker("rm", "--force", "stranger", "ollama-agent-gone")
    fleet.engine.docker("network", "rm", "ollama-tenant-gone")
    fleet.rows("UPDATE llmops.agents SET bind_address = '127.0.0.1' WHERE agent = 'nonsense'")
    fleet.rows("UPDATE llmops.agents SET host = 'localhost' WHERE agent = 'idle-000'")
    # Only what failed is run again.
    retried = fleet.run("reconcile", retry=True).ok()
    assert [each["tenant"] for each in retried.result("fleet_report")["tenants_changed"]] == ["robbed"]
    assert drift(fleet)["in_sync"]
    unchanged_and_cheap(fleet)
    assert all(generate(port) for agent, port in fleet.ports().items() if agent in ("unmodelled", "robbed", "labels"))
    # What the tenant had made is there again, and what was in its place meanwhile is not erased: it may be another's.
    assert generate(ports["elsewhere"], "mine") and (fleet.folder / "upper").is_dir()


@pytest.mark.timeout(900)
def test_brake_and_waves(fleet: Site) -> None:
    names = [f"agent-{number}" for number in range(4)]
    for name in names:
        fleet.write_tenant(name, SMALL)
    seen = fleet.run("reconcile", terminal=True, wave_size=3).ok().run.stdout
    # In a terminal a line is rewritten after each wave, and wiped at the end.
    assert re.search(r"\r\x1b\[Klocalhost: 3 of 4 agents done, 0 failed, 1 left, [\d.]+/s\r\x1b\[K\r\n", seen), seen
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

    # An image that does not run Ollama ends the waves with the first agent that was healthy before, and the others go on with
    # the old one. One that had ended before tells nothing.
    fleet.engine.docker("stop", "--time", "1", "ollama-agent-agent-0")
    (fleet.folder / "Dockerfile").write_text(f'FROM {OLLAMA_IMAGE}\nENTRYPOINT ["/usr/bin/ollama", "no-such-command"]\n')
    fleet.engine.docker("build", "--tag", "localhost/broken:1", str(fleet.folder))
    broken = fleet.run("reconcile", **GO, wave_size=1, agent_image="localhost/broken:1", agent_healthy_timeout=300)
    report = broken.result("fleet_report")
    assert broken.run.rc == 2 and [each["tenant"] for each in report["tenants_failed"]] == names[:2]
    assert report["left"] == names[2:] and report["retry"] == names
    assert [stop["wave"] for stop in report["stopped_by"]] == [2]
    left = {f"ollama-agent-{agent}" for agent in report["left"]}
    assert left < set(fleet.engine.docker("ps", "--format", "{{.Names}}").split())
    assert all(generate(fleet.ports()[agent]) for agent in report["left"])
    # A run again goes on: with the image that works, only the failed ones have anything to do.
    mended = fleet.run("reconcile", retry=True, agent_image=OLLAMA_IMAGE, **GO).ok()
    assert len(mended.result("fleet_report")["tenants_changed"]) == 2
    assert mended.result("fleet_report")["left"] == []
    assert fleet.run("reconcile").ok().changed == 0

    # Why a model did not come into the store is told of the agents that lack it; and what is seen and can't be recorded.
    fleet.engine.docker("exec", "ollama-agent-agent-3", "ollama", "cp", "demo", "unwanted")
    fleet.rows("ALTER TABLE llmops.agents ADD CONSTRAINT unseen CHECK (NOT observed -> 'models' ? 'unwanted:latest')")
    fleet.write_tenant("unheard", {**SMALL, "model": "no-such-model"})
    lacking = fleet.run("reconcile", agent_model_retries=0)
    assert lacking.run.rc == 2 and failed(lacking) == {"unheard": ["registry_unreachable"]}
    assert "could not be recorded: agent-3. The catalog refused" in lacking.run.output
    [told] = lacking.result("fleet_report")["tenants_failed"][0]["failures"]
    assert "no-such-model:latest: " in told["msg"] and "does not have it, or not whole" not in told["msg"]
