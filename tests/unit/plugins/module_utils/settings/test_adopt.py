# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which containers of the older system get a record, what stands in it, and why the others get none."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.adopt import adoption


def container(name: str, **more: Any) -> dict[str, Any]:
    """A container as it is listed."""
    return {
        "container": name, "state": "running", "labels": {"tenant_id": "acme", "model": "demo"}, "image": "ollama/ollama:1", "port": 11500,
        "bind_address": "0.0.0.0", "memory_limit": 0, "memory_reservation": 0, "cpu_limit": 0, "context_length": 0, "num_parallel": 0,
        "keep_alive": "", "differs": ["mounts"], **more,
    }


def record(agent: str, **more: Any) -> dict[str, Any]:
    """An agent as the catalog has it."""
    return {"agent": agent, "tenant": "acme", "host": "gpu-01", "port": 11600, "adopted": False, **more}


def sorted_out(*containers: dict[str, Any], records: Any = (), tenants: Any = None) -> dict[str, Any]:
    """Adoption on one host, or on those that the containers name."""
    hosts = dict.fromkeys(each.get("on", "gpu-01") for each in containers)
    reports = [
        {"inventory_hostname": host, "_agent_legacy": {"legacy": [each for each in containers if each.get("on", "gpu-01") == host]}}
        for host in hosts
    ]
    return adoption(reports, records, tenants)


REFUSED = [
    ([container("old")], [], "does not begin with"),
    ([container("ollama-agent-a1", labels={})], [], "no label tenant_id"),
    ([container("ollama-agent-A")], [], "agent 'A' is not a valid name"),
    ([container("ollama-agent-a1", labels={"tenant_id": "Acme Corp"})], [], "label tenant_id 'Acme Corp' is not a valid name"),
    ([container("ollama-agent-a1", port=None)], [], "publishes no port"),
    ([container("ollama-agent-a1")], [record("b1", port=11500)], "is that of agent 'b1'"),
    ([container("ollama-agent-a1")], [record("a1")], "the catalog has an agent 'a1'"),
    ([container("ollama-agent-a1")], [record("a1", adopted=True, host="gpu-02")], "the catalog has an agent 'a1'"),
    ([container("ollama-agent-a1")], [record("a1", adopted=True, tenant="beta")], "of tenant beta"),
]


@pytest.mark.parametrize(("containers", "records", "cause"), REFUSED)
def test_refused(containers: list[dict[str, Any]], records: list[dict[str, Any]], cause: str) -> None:
    found = sorted_out(*containers, records=records)
    assert found["tenants"] == found["adopted"] == found["known"] == []
    assert [cause in each["cause"] for each in found["refused"]] == [True], found["refused"]


def test_a_name_on_two_hosts_and_a_port_of_two() -> None:
    twice = sorted_out(container("ollama-agent-a1"), container("ollama-agent-a1", on="gpu-02"))
    assert [each["cause"] for each in twice["refused"]] == ["2 hosts have a container of that name; rename all but one"] * 2
    ports = sorted_out(container("ollama-agent-a1"), container("ollama-agent-b1"), container("ollama-agent-c1", on="gpu-02"))
    assert [each["agent"] for each in ports["adopted"]] == ["a1", "c1"]
    assert "is that of agent 'a1'" in ports["refused"][0]["cause"]


def test_records() -> None:
    """The inspection counts; what it leaves open is left to the catalog, and the label tells a limit that was meant."""
    found = sorted_out(
        container("ollama-agent-a1", memory_limit=512 * 1024**2, memory_reservation=1024, cpu_limit=1500, keep_alive="1h", state="exited"),
        container("ollama-agent-a2", port=11501, labels={"tenant_id": "acme", "model": "a b", "memory_limit": "2g"}),
        container("ollama-agent-b1", port=11502, labels={"tenant_id": "beta", "memory_limit": "much"}),
    )
    common = {"host": "gpu-01", "bind_address": "0.0.0.0", "image": "ollama/ollama:1", "adopted": True}
    running = {"desired_state": "started", "observed": {"state": "running", "image": "ollama/ollama:1"}}
    assert found["tenants"] == [
        {"tenant": "acme", "agents": [
            {**common, "agent": "a1", "port": 11500, "models": ["demo"], "desired_state": "stopped", "memory_limit": "512m",
             "memory_reservation": "1k", "cpu_limit": "1.5", "keep_alive": "1h", "observed": {"state": "exited", "image": "ollama/ollama:1"}},
            {**common, **running, "agent": "a2", "port": 11501, "models": None, "memory_limit": "2g"},
        ]},
        {"tenant": "beta", "agents": [{**common, **running, "agent": "b1", "port": 11502, "models": None}]},
    ]


def test_known_and_other_tenants() -> None:
    found = sorted_out(
        container("ollama-agent-a1"), container("ollama-agent-b1", labels={"tenant_id": "beta"}), records=[record("a1", adopted=True)],
        tenants=["ac*"],
    )
    assert [each["agent"] for each in found["known"]] == ["a1"] and not found["adopted"] and not found["refused"]
