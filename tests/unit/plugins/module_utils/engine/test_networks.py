# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets: the same tenant gets the same one, no two overlap, and nothing on the host is overlapped."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.networks import (
    SubnetPool,
    bridge_name,
    capacity,
    check_pool,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

POOL = "10.201.0.0/16"


def test_thousand_tenants_fit_the_default_pool_without_overlap():
    taken = ["10.201.0.0/22", "10.201.128.5/32", "192.168.0.0/16", "fd00::/64"]
    pool = SubnetPool(POOL, 28, taken)
    subnets = [ipaddress.ip_network(pool.take(f"tenant-{number}")) for number in range(1000)]
    ordered = sorted(subnets)
    assert all(one.broadcast_address < other.network_address for one, other in zip(ordered, ordered[1:]))
    assert all(subnet.subnet_of(ipaddress.ip_network(POOL)) for subnet in subnets)
    assert not any(subnet.overlaps(ipaddress.ip_network(used)) for subnet in subnets for used in taken[:3])


def test_subnet_depends_on_the_tenant_alone():
    alone = SubnetPool(POOL, 28, []).take("empresa-corp")
    pool = SubnetPool(POOL, 28, ["172.17.0.0/16"])
    pool.take("acme")
    assert pool.take("empresa-corp") == alone


def test_taken_one_is_passed_over():
    first = SubnetPool(POOL, 28, []).take("acme")
    second = SubnetPool(POOL, 28, [first]).take("acme")
    assert second != first
    assert int(ipaddress.ip_network(second)[0]) - int(ipaddress.ip_network(first)[0]) in (16, -65520)


@pytest.mark.parametrize("taken", [["10.201.0.0/16"], ["10.0.0.0/8"], ["10.201.0.0/17", "10.201.128.0/17"], ["0.0.0.0/1"]])
def test_used_up_pool_is_named(taken):
    with pytest.raises(TenancyError) as error:
        SubnetPool(POOL, 28, taken).take("acme")
    assert error.value.kind == "no_subnet"
    assert "10.201.0.0/16" in str(error.value)


def test_pool_is_used_to_the_last_subnet():
    pool = SubnetPool("10.9.0.0/26", 28, [])
    assert len({pool.take(name) for name in "abcd"}) == 4
    with pytest.raises(TenancyError):
        pool.take("e")


@pytest.mark.parametrize(
    ("pool", "prefix"),
    [("10.201.0.0", 33), ("10.201.0.1/16", 28), ("nonsense", 28), ("10.201.0.0/16", 15), ("10.201.0.0/16", 30), ("fd00::/64", 80)],
)
def test_bad_pool(pool, prefix):
    with pytest.raises(TenancyError) as error:
        check_pool(pool, prefix)
    assert error.value.kind == "invalid_pool"


@pytest.mark.parametrize(("subnet", "agents"), [("10.201.0.0/28", 13), ("10.201.0.0/29", 5), ("10.201.0.0/24", 253)])
def test_capacity(subnet, agents):
    assert capacity(subnet) == agents


def test_a_place_that_cannot_be_had_leads_to_another():
    places = {(SubnetPool(POOL, 28, []).take("acme", turn), bridge_name("acme", turn)) for turn in range(4)}
    assert len({subnet for subnet, bridge in places}) == len({bridge for subnet, bridge in places}) == 4


def test_interfaces_differ_and_fit_linux():
    names = {bridge_name(f"tenant-{number}", turn) for number in range(500) for turn in range(2)}
    assert len(names) == 1000
    assert {len(name) for name in names} == {15}
