# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tenants and agents a run is about, and what the fleet should be."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.selection import patterns


def tenant(name, *hosts, active=True):
    agents = [{"agent": f"{name}-{host}", "host": host, "desired_state": "started"} for host in hosts]
    return {"tenant": name, "active": active, "agents": agents}


RECORDED = {
    "tenants": [tenant("empresa-a", "gpu-01"), tenant("empresa-b", "gpu-02", active=False)],
    "others": [tenant("acme", "gpu-01", "gpu-02"), tenant("lost", "gpu-09"), tenant("bare")],
}
HOSTS = [{"name": name} for name in ("gpu-01", "gpu-02", "gpu-03")]


@pytest.mark.parametrize(
    ("chosen", "tenants", "agents", "hosts"),
    [
        ({}, "acme bare empresa-a empresa-b lost", "acme-gpu-01 acme-gpu-02 empresa-a-gpu-01 empresa-b-gpu-02 lost-gpu-09",
         "gpu-01 gpu-02 gpu-03"),
        ({"tenants": ["empresa-*"]}, "empresa-a empresa-b", "empresa-a-gpu-01 empresa-b-gpu-02", "gpu-01 gpu-02"),
        ({"tenants": ["empresa-?", "bare"], "agent_host": "gpu-02"}, "empresa-b", "empresa-b-gpu-02", "gpu-02"),
        ({"agent_host": "gpu-01"}, "acme empresa-a", "acme-gpu-01 empresa-a-gpu-01", "gpu-01"),
        ({"retried": ["acme", "gone"]}, "acme", "acme-gpu-01 acme-gpu-02", "gpu-01 gpu-02"),
        ({"retried": []}, "", "", ""),
        ({"tenants": ["lost"]}, "lost", "lost-gpu-09", ""),
    ],
)
def test_desired(chosen, tenants, agents, hosts):
    found = desired({"agent_hosts": HOSTS, **chosen}, RECORDED)
    assert sorted(each["tenant"] for each in found.tenants) == tenants.split()
    assert sorted(each["agent"] for each in found.agents) == agents.split()
    assert found.hosts == hosts.split()
    assert found.unknown_hosts == (["gpu-09"] if "lost" in tenants else [])
    # Who owns what is known of everyone.
    assert len(found.owners) == 5


def test_agents_of_an_inactive_tenant_shall_be_stopped():
    states = {agent["tenant"]: agent["desired_state"] for agent in desired({"agent_hosts": HOSTS}, RECORDED).agents}
    assert states == {"acme": "started", "empresa-a": "started", "empresa-b": "stopped", "lost": "started"}


@pytest.mark.parametrize("given", ["empresa-*, acme", ["empresa-*", "acme"], '["empresa-*", "acme"]'])
def test_patterns(given):
    assert patterns(given) == ["empresa-*", "acme"]


@pytest.mark.parametrize("given", ["Empresa-*", "a b", "acme/x", [["x"]]])
def test_bad_patterns(given):
    with pytest.raises(TenancyError):
        patterns(given)
