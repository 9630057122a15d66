# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where agents may go: what the options say, and who may ask for what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import AgentHost, Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

GIB = 1024**3


def test_without_hosts_an_agent_goes_to_this_one_or_where_it_asks() -> None:
    found = placement.read(None, "11435-12434")
    assert found == Placement((AgentHost("localhost"),), False, 11435, 12434)
    found.check_host("anywhere", "a")


def test_capacities_are_read_in_the_catalogs_units() -> None:
    hosts = [{"name": "gpu-01", "memory": "64g", "cpus": "7.5", "agents": 3}, {"name": "gpu-02"}]
    found = placement.read(hosts, " 20000 - 20000 ")
    assert found.hosts == (AgentHost("gpu-01", 64 * GIB, 7500, 3), AgentHost("gpu-02"))
    assert (found.first, found.last, found.named_hosts_only) == (20000, 20000, True)
    assert json.loads(found.as_json())[1] == {"name": "gpu-02", "memory": None, "cpus": None, "agents": None}


@pytest.mark.parametrize("text", ["", "11435", "2-1", "0-5", "1-65536", "a-b", "1-2-3", "-5-7"])
def test_bad_ranges_are_refused(text: str) -> None:
    with pytest.raises(TenancyError) as caught:
        placement.read(None, text)
    assert caught.value.kind == "invalid_port_range"


BAD_HOSTS = [
    ({"name": "gpu-01", "agents": True}, "agents of agent host gpu-01 true is not a number"),
    ({"name": "gpu-01", "agents": 2**31}, "agents of agent host gpu-01 2147483648"),
    ({"name": "gpu-01", "agents": -1}, "agents of agent host gpu-01 -1"),
    ({"name": "gpu-01", "memory": "99999999999999999999g"}, "memory of agent host gpu-01 '99999999999999999999g'"),
    ({"name": "gpu\0"}, "agent_hosts[0].name can't be stored"),
]


@pytest.mark.parametrize(("host", "named"), BAD_HOSTS)
def test_bad_hosts_are_named(host: dict[str, Any], named: str) -> None:
    with pytest.raises(TenancyError) as caught:
        placement.read([host], "1-2")
    assert named in str(caught.value)


def test_an_unknown_host_is_refused_with_the_nearest_one() -> None:
    found = placement.read([{"name": "gpu-01"}, {"name": "cpu-77"}], "1-2")
    with pytest.raises(TenancyError, match="Did you mean 'gpu-01'") as caught:
        found.check_host("gpu01", "a")
    assert caught.value.kind == "unknown_host"


def used(**given: Any) -> dict[str, Any]:
    return {"host": "h", "agents": 1, "memory": GIB, "cpus": 1000, **given}


ROOM = [
    (AgentHost("h"), used(agents=10**6, memory=10**15, cpus=10**6), ""),
    (AgentHost("h", GIB, 1000, 1), used(), ""),
    (AgentHost("other", 1, 1, 0), used(), ""),
    (AgentHost("h", agents=0), used(), "1 of 0 agents"),
    (AgentHost("h", memory=GIB), used(memory=2 * GIB), "2g of 1g memory"),
    (AgentHost("h", cpus=500), used(cpus=1500), "1.5 of 0.5 cpus"),
]


@pytest.mark.parametrize(("host", "row", "complaint"), ROOM)
def test_growth_needs_room(host: AgentHost, row: dict[str, Any], complaint: str) -> None:
    found = Placement((host,), True, 1, 2)
    if not complaint:
        found.check_room([row])
        return
    with pytest.raises(TenancyError, match=complaint) as caught:
        found.check_room([row])
    assert caught.value.kind == "no_room"
