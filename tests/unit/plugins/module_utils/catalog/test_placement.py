# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where agents may go: what the options say, and who may ask for what."""

from __future__ import annotations

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


def test_all_that_a_host_may_have_is_read() -> None:
    host = {
        "name": "gpu-01",
        "gpus": 4,
        "disk": "1t",
        "networks": 30,
        "ports": "20000-20999",
        "labels": ["gpu=a100", " ssd ", "ssd", ""],
        "memory_overcommit": 1.5,
        "cpus_overcommit": 4.0,
    }
    [found] = placement.read([host], "1-2", "packed").hosts
    assert (found.gpus, found.disk, found.networks) == (4, 1024 * GIB, 30)
    assert (found.first, found.last, found.labels) == (20000, 20999, ("gpu=a100", "ssd"))
    assert (found.memory_overcommit, found.cpus_overcommit) == (1.5, 4.0)


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
    ({"name": "gpu-01", "gpus": -1}, "gpus of agent host gpu-01 -1"),
    ({"name": "gpu-01", "disk": "much"}, "disk of agent host gpu-01 'much'"),
    ({"name": "gpu-01", "networks": True}, "networks of agent host gpu-01 true"),
    ({"name": "gpu-01", "ports": "20000"}, "ports of agent host gpu-01 '20000' is not a range"),
    ({"name": "gpu-01", "labels": ["a b"]}, "labels of agent host gpu-01: 'a b' is not a label"),
    ({"name": "gpu-01", "memory_overcommit": 0.0}, "memory_overcommit of agent host gpu-01 0.0 is not a factor"),
    ({"name": "gpu-01", "cpus_overcommit": float("nan")}, "cpus_overcommit of agent host gpu-01 nan is not a factor"),
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
