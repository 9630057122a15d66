# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several agent hosts: one that is down, slow or full keeps no other from its work, and a wave that fails ends those of all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.support import door as doors
from tests.support.hosts import AgentHost, agent_hosts
from tests.support.process import wait_until
from tests.support.settings import OLLAMA_IMAGE, ROOT
from tests.support.site import Outcome, Site

GO = {"max_disruption": 100, "max_disruption_percent": 100}
HOSTS = ("gpu-01", "gpu-02", "gpu-03")
TENANTS = [f"{place}-{host}" for host in HOSTS for place in ("first", "second")]
NEXT = "localhost/next:1"
POOL = ip_network("10.77.0.0/20")
# What the inventory says of all hosts, and of single ones.
ALL = {
    "agent_model_store_min_free": "1m", "agent_network_pool": str(POOL), "agent_network_prefix": 27, "agent_drain_timeout": 5,
    "agent_model_stall_timeout": 30, "tenant_port_range": "21000-21099",
    "agent_model_sources": {"mine": {"path": str(ROOT / "roles/agent/files/demo_model/demo.gguf")}},
}
OF_HOSTS: dict[str, dict[str, Any]] = {
    "gpu-01": {"agent_model_store": "private", "agent_host_networks": 2},
    "gpu-02": {
        "agent_host_cpus": 8, "agent_host_cpus_overcommit": 2, "agent_host_memory": "4g", "agent_host_memory_overcommit": 1.5,
        "agent_host_disk": "1t", "agent_host_gpus": 1, "agent_host_labels": {"gpu": "a100"},
    },
    "gpu-03": {"agent_host_ports": "20000-20002"},
}
# Tenants that no host has room for, and what is told of the reason.
TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    "cpus-gpu-02": ({"cpu_limit": 20}, "20 asked > 8 x 2"),
    "disk-gpu-02": ({"disk_limit": "2t"}, "2t asked > 1t"),
    "gpus-gpu-02": ({"gpus": 2}, "GPUs 0 used + 2 asked > 1"),
    "label-gpu-03": ({"affinity": "gpu=a100"}, "it lacks the label gpu=a100"),
    "memory-gpu-02": ({"memory_limit": "9g"}, "9g asked > 4g x 1.5"),
    "wires-gpu-01": ({}, "networks 2 used + 1 asked > 2"),
    "zero-gpu-03": ({}, "ports 3 used + 1 asked > 3"),
}


def write(site: Site, tenants: list[str], **content: Any) -> None:
    for tenant in tenants:
        site.write_tenant(tenant, {"model": "mine", "memory_limit": "128m", "agent_host": tenant[-6:], **content})


def inventory(site: Site, hosts: Sequence[AgentHost], instead: dict[str, dict[str, Any]] | None = None, **variables: Any) -> None:
    """Write the inventory of these hosts. :param instead: other variables for some of them. :param variables: of all."""
    members = {host.name: {**OF_HOSTS[host.name], **(instead or {}).get(host.name, host.variables)} for host in hosts}
    site.write_inventory(members, retry_file=str(site.folder / "left.json"), **ALL, **variables)


def told(outcome: Outcome) -> tuple[set[str], dict[str, set[str]]]:
    """Tenants that were changed, and the kinds of failures of those that failed."""
    report = outcome.result("fleet_report")
    kinds = {each["tenant"]: {failure["error"]["kind"] for failure in each["failures"]} for each in report["tenants_failed"]}
    return {each["tenant"] for each in report["tenants_changed"]}, kinds


def failures(outcome: Outcome, tenant: str) -> list[dict[str, Any]]:
    """What failed of a tenant."""
    [found] = [each["failures"] for each in outcome.result("fleet_report")["tenants_failed"] if each["tenant"] == tenant]
    return found


def check_settings(site: Site, hosts: Sequence[AgentHost]) -> None:
    """Networks, ports and models are what the inventory asks for."""
    for host in hosts:
        names = [f"ollama-tenant-{tenant}" for tenant in TENANTS if tenant.endswith(host.name)]
        found = json.loads(host.engine.docker("network", "inspect", *names))
        subnets = [ip_network(network["IPAM"]["Config"][0]["Subnet"]) for network in found]
        assert [subnet.prefixlen for subnet in subnets] == [27, 27] and all(subnet.subnet_of(POOL) for subnet in subnets)
        # A shared model is seen through an overlay of the host's store, a private one is in a volume of its own.
        [volume] = json.loads(host.engine.docker("volume", "inspect", f"ollama-agent-first-{host.name}"))
        assert ("lowerdir" in (volume["Options"] or {}).get("o", "")) is (host.name != "gpu-01")
    for agent, port in site.ports().items():
        assert port in (range(20000, 20003) if agent.endswith("gpu-03") else range(21000, 21100))


def build(host: AgentHost, *lines: str) -> None:
    """Have an image of the next release on a host."""
    folder = host.folder / "image"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text("\n".join([f"FROM {OLLAMA_IMAGE}", *lines]))
    host.engine.docker("build", "--tag", NEXT, str(folder))


def ended(log: Path, task: str, host: str) -> bool:
    """Whether a task has ended on a host."""
    # The last line may be written just now.
    whole_lines, _end, _begun = log.read_text().rpartition("\n")
    tasks = map(json.loads, whole_lines.splitlines())
    return any(done["task"].endswith(task) and done["host"] == host for done in tasks)


@pytest.fixture(scope="module")
def started() -> Iterator[Sequence[AgentHost]]:
    """Three agent hosts with engines of their own."""
    with agent_hosts(*HOSTS, disks={"gpu-03": 400}) as hosts:
        yield hosts


@pytest.fixture
def hosts(started: Sequence[AgentHost]) -> Iterator[Sequence[AgentHost]]:
    """The same without agents, and as fast as they are."""
    yield started
    for host in started:
        host.slow_down(0)
        host.engine.clean()


@pytest.mark.timeout(900)
def test_hosts_in_trouble(site: Site, hosts: Sequence[AgentHost]) -> None:
    one, two, three = hosts
    inventory(site, hosts)
    write(site, TENANTS)
    site.run("reconcile").ok()
    for host in hosts:
        assert len(host.engine.docker("ps", "--quiet").split()) == 2
    check_settings(site, hosts)

    # One host is down, one answers slowly, and the disk of one is full: what can be brought about is, and the run fails at its end.
    door, filler = two.open_door(), three.fill_disk()
    door.seconds = 5.0
    inventory(site, hosts, {"gpu-01": one.unreachable})
    write(site, TENANTS[:4], cpu_limit="0.5")
    write(site, ["third-gpu-03"])
    write(site, ["third-gpu-02"], agent_host=None, affinity=["gpu=a100"])
    for tenant, (content, _said) in TOO_MUCH.items():
        write(site, [tenant], **content)
    hold, (log, recording) = door.hold(doors.UPDATES), site.recording()
    started = site.start("reconcile", env=recording)
    wait_until(lambda: ended(log, "Stop before more is disrupted than one run may", "localhost"), "the plan", timeout=600, interval=0.2)
    # From here on it takes its time for a change.
    door.slow(doors.UPDATES)
    # No other one waits for it: before it has changed anything, their work is done.
    last = "Bring the models that the agents do not have yet"
    wait_until(lambda: hold.reached and ended(log, last, "gpu-03"), "the end of what gpu-03 has to do", interval=0.2)
    hold.end(passes=True)
    outcome = site.outcome(started, log)
    changed, failed = told(outcome)
    assert failed == {
        **{tenant: {"host_unreachable"} for tenant in TENANTS[:2]}, "third-gpu-03": {"disk_full"},
        **{tenant: {"no_room"} for tenant in TOO_MUCH},
    }
    # A disk that is full fails who needs it, with its cause.
    for failure in failures(outcome, "third-gpu-03"):
        assert failure["host"] == "gpu-03" and "no space left on device" in failure["error"]["cause"].lower()
        assert "Free space" in failure["error"]["remedy"]
    for tenant, (_content, said) in TOO_MUCH.items():
        [failure] = failures(outcome, tenant)
        assert said in failure["error"]["cause"], failure
        (site.folder / "tenants" / f"{tenant}.yml").unlink()
    # The records of all were written; what the hosts that are down or full lack is done once they are well.
    assert changed == {*TENANTS[:4], "third-gpu-02", "third-gpu-03"}
    two.slow_down(0)
    filler.unlink()
    # An engine that is down is told alike.
    one.engine.kill()
    inventory(site, hosts)
    file = site.folder / "drift.json"
    assert site.run("drift", output="json", output_file=str(file)).run.rc == 2
    statuses = {tenant["tenant"]: tenant["status"] for tenant in json.loads(file.read_text())["tenants"]}
    assert statuses.pop("third-gpu-03") in ("missing", "different")
    assert statuses == {tenant: "unreachable" if tenant in TENANTS[:2] else "in_sync" for tenant in [*TENANTS, "third-gpu-02"]}
    one.engine.start()
    # Freed, a host has what it lacks, also where the engine keeps a network that it could not write.
    changed, failed = told(site.run("reconcile", retry=True))
    assert changed == {*TENANTS[:2], "third-gpu-03"} and failed == {}
    assert site.run("reconcile").ok().changed == 0
    # Only one host is asked, and nothing of the others.
    limited = site.run("reconcile", agent_host="gpu-02").ok().result("fleet_report")
    assert limited["unchanged"] == 3
    # Agents that name no host are placed as it is asked for.
    inventory(site, hosts, tenant_placement="packed")
    for tenant in ("packed-1", "packed-2"):
        site.write_tenant(tenant, {"model": "mine", "memory_limit": "128m"})
    site.run("reconcile", tenants="packed-*").ok()
    [[placed]] = site.rows("SELECT count(DISTINCT host) FROM llmops.agents WHERE tenant LIKE 'packed-%'")
    assert placed == "1"


@pytest.mark.timeout(900)
def test_a_wave_that_fails_ends_those_of_all_hosts(site: Site, hosts: Sequence[AgentHost]) -> None:
    """An image that does not run Ollama, on one host: the others end the wave that they are in, and leave the rest as it is."""
    one, *others = hosts
    inventory(site, hosts)
    write(site, TENANTS)
    site.run("reconcile").ok()
    build(one, 'ENTRYPOINT ["/usr/bin/ollama", "no-such-command"]')
    for host in others:
        build(host, "LABEL release=next")
    first, *holds = [host.open_door().hold(doors.CREATES) for host in hosts]
    inventory(site, hosts, {"gpu-01": {**one.variables, "agent_healthy_timeout": 300}})
    log, recording = site.recording()
    started = site.start("reconcile", env=recording, **GO, wave_size=1, agent_image=NEXT)
    wait_until(lambda: all(hold.reached for hold in (first, *holds)), "a wave of each host")
    first.end(passes=True)
    wait_until(lambda: "stopped_by" in log.read_text(), "the wave that fails")
    for hold in holds:
        hold.end(passes=True)
    outcome = site.outcome(started, log)
    report = outcome.result("fleet_report")
    [(sick, kinds)] = told(outcome)[1].items()
    assert sick in TENANTS[:2] and kinds == {"bad_image"}
    assert report["stopped_by"] == [{"host": "gpu-01", "wave": 1, "agents": [sick]}]
    assert f"after wave 1 on gpu-01, which failed its health ({sick})" in outcome.run.output
    # One of each host was made anew; all others run as they did, and a run again goes on with them.
    untouched = [
        {name.removeprefix("ollama-agent-") for name, image in lines if image != NEXT}
        for lines in (map(str.split, host.engine.docker("ps", "--format", "{{.Names}} {{.Image}}").splitlines()) for host in hosts)
    ]
    left = set().union(*untouched)
    assert [len(names) for names in untouched] == [1, 1, 1]
    assert set(report["left"]) == left and set(report["retry"]) == {*left, sick}
    build(one, "LABEL release=next")
    changed, failed = told(site.run("reconcile", retry=True, agent_image=NEXT, agent_healthy_timeout=300, **GO))
    assert changed == {*left, sick} and failed == {}
