# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of tenants, users and agents become wishes in the catalog's units, or an error that names the option."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import agent_wishes, tenants, users
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import CLEAR
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options import records

GIB = 1024**3


def options(spec: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "tenant": "empresa-corp",
        **{name: option.get("default") for name, option in spec.items() if name != "tenant"},
        **given,
    }


def tenant(**given: Any) -> dict[str, Any]:
    return tenants.wish(options(records.TENANT, **given))


def user(**given: Any) -> dict[str, Any]:
    return users.wish(options(records.USER, **{"email": "ana@empresa.example", **given}))


def agent(**given: Any) -> dict[str, Any]:
    return agent_wishes.wish(options(records.AGENT, **given))


WISHES = [
    (tenant, {}, {"name": None, "domain": None, "quota_memory": None, "active": None, "state": "present"}),
    (tenant, {"name": " Empresa ", "domain": "Empresa.Example."}, {"name": "Empresa", "domain": "empresa.example"}),
    (
        tenant,
        {"name": "", "domain": "", "m365_tenant_id": ""},
        {"name": CLEAR, "domain": CLEAR, "m365_tenant_id": CLEAR},
    ),
    (
        tenant,
        {"quota_agents": "3", "quota_memory": "24g", "quota_cpus": "1.5"},
        {"quota_agents": 3, "quota_memory": 24 * GIB, "quota_cpus": 1500},
    ),
    (tenant, {"quota_agents": "", "quota_memory": ""}, {"quota_agents": CLEAR, "quota_memory": CLEAR}),
    (user, {"email": " Ana@Empresa.Example "}, {"email": "Ana@Empresa.Example", "role": None, "force": False}),
    (user, {"name": "back\\u0000slash"}, {"name": "back\\u0000slash"}),
    (agent, {}, {"agent": None, "port": None, "models": None, "memory_limit": None, "observed": None}),
    (
        agent,
        {"port": 0, "context_length": 0, "models": [], "observed": {}},
        {"port": CLEAR, "context_length": CLEAR, "models": CLEAR, "observed": CLEAR},
    ),
    (
        agent,
        {"memory_limit": "1.5GiB", "cpu_limit": "500m", "models": ["a", " a ", "b:1"]},
        {"memory_limit": GIB * 3 // 2, "cpu_limit": 500, "models": ["a", "b:1"]},
    ),
]


@pytest.mark.parametrize(("read", "given", "expected"), WISHES)
def test_wishes(read: Callable[..., dict[str, Any]], given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = read(**given)
    assert {name: found[name] for name in expected} == expected


BAD = [
    (tenant, {"tenant": "Empresa Corp"}, "invalid_slug", "empresa-corp"),
    (tenant, {"quota_agents": "many"}, "invalid_quota", "quota_agents 'many'"),
    (tenant, {"quota_agents": "-1"}, "invalid_quota", "quota_agents '-1'"),
    (tenant, {"quota_memory": "lots"}, "invalid_size", "quota_memory 'lots'"),
    (tenant, {"quota_cpus": "x"}, "invalid_cpus", "quota_cpus 'x'"),
    (user, {"email": "ana"}, "invalid_email", "'ana'"),
    (user, {"tenant": "x"}, "invalid_slug", "'x'"),
    (agent, {"agent": "A_B"}, "invalid_slug", "agent 'A_B'"),
    (agent, {"port": 70000}, "invalid_port", "port 70000"),
    (agent, {"port": -1}, "invalid_port", "port -1"),
    (agent, {"port": True}, "invalid_port", "port true is not a port"),
    (agent, {"context_length": 2**40}, "invalid_number", "context_length 1099511627776 is not a number from 0 to"),
    (agent, {"context_length": -1}, "invalid_number", "context_length -1"),
    (agent, {"num_parallel": 2**31}, "invalid_number", "num_parallel 2147483648"),
    (agent, {"num_parallel": True}, "invalid_number", "num_parallel true"),
    (agent, {"memory_limit": "9999999999999g"}, "invalid_size", "memory_limit '9999999999999g' is too much"),
    (agent, {"disk_limit": "much"}, "invalid_size", "disk_limit 'much'"),
    (agent, {"gpus": -1}, "invalid_number", "gpus -1"),
    (agent, {"affinity": ["gpu a100"]}, "invalid_label", "affinity: 'gpu a100'"),
    (tenant, {"quota_disk": "much"}, "invalid_size", "quota_disk 'much'"),
    (tenant, {"quota_agents_per_hour": "-1"}, "invalid_quota", "quota_agents_per_hour '-1'"),
    (agent, {"cpu_limit": "99999999999"}, "invalid_cpus", "cpu_limit '99999999999' is too much"),
    (agent, {"host": "a\0b"}, "invalid_value", "host can't be stored: it has a NUL character"),
    (agent, {"image": "a\ud800"}, "invalid_value", "image can't be stored: it is not Unicode"),
    (agent, {"observed": {"models": ["a", "b\0"]}}, "invalid_value", "observed.models[1] can't be stored"),
    (agent, {"observed": {"a\0": 1}}, "invalid_value", "a key of observed can't be stored"),
    (tenant, {"name": "Empresa\0"}, "invalid_value", "name can't be stored"),
    (tenant, {"quota_agents": "2147483648"}, "invalid_quota", "Give 0 to 2147483647"),
    (tenant, {"quota_agents": "9" * 5000}, "invalid_quota", "is not a number of agents"),
    (tenant, {"quota_memory": "99999999999999999999g"}, "invalid_size", "quota_memory '99999999999999999999g' is too much"),
    (user, {"name": "Ana\0"}, "invalid_value", "name can't be stored"),
    (agent, {"memory_limit": "6 gigs"}, "invalid_size", "memory_limit '6 gigs'"),
    (agent, {"cpu_limit": "two"}, "invalid_cpus", "cpu_limit 'two'"),
    (agent, {"models": ["a b"]}, "invalid_model", "'a b'"),
]


@pytest.mark.parametrize(("read", "given", "kind", "named"), BAD)
def test_bad_options_are_named(
    read: Callable[..., dict[str, Any]], given: dict[str, Any], kind: str, named: str
) -> None:
    with pytest.raises(TenancyError) as caught:
        read(**given)
    assert caught.value.kind == kind
    assert named in str(caught.value)


def test_a_new_agent_reserves_half_of_its_limit() -> None:
    assert agent_wishes.AGENT.defaults({"memory_limit": 8 * GIB})["memory_reservation"] == 4 * GIB
    assert agent_wishes.AGENT.defaults({})["memory_limit"] == 6 * GIB
