# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which agents are hosts of the inventory, what they are called, and their groups and variables."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import inventory


def record(agent: str, **more: Any) -> dict[str, Any]:
    """An agent as the catalog has it."""
    return {
        "agent": agent, "tenant": "acme", "host": "gpu-01", "port": 11435, "bind_address": "0.0.0.0", "models": ["phi4-mini"],
        "desired_state": "started", "state": "present", **more,
    }


AGENTS = [
    record("acme-chat"),
    record("acme-lab", models=["llama3.2:3b", "phi4-mini"], host="gpu-02", desired_state="stopped"),
    record("beta", tenant="beta-corp", models=["mirror.local:5000/library/demo:latest"]),
]
FILTERS = [
    ({}, ["acme-chat", "acme-lab", "beta"]),
    ({"tenants": ["acme"]}, ["acme-chat", "acme-lab"]),
    ({"tenants": ["*-corp", "nobody"]}, ["beta"]),
    ({"hosts": ["gpu-0[2-9]"]}, ["acme-lab"]),
    ({"models": ["llama3.2"]}, ["acme-lab"]),
    ({"models": ["phi4-mini:latest"]}, ["acme-chat", "acme-lab"]),
    ({"models": ["llama3.2:7b"]}, []),
    ({"models": ["*/demo:*"]}, ["beta"]),
    ({"state": "stopped"}, ["acme-lab"]),
    ({"agents": ["acme-*"], "state": "started"}, ["acme-chat"]),
    ({"tenants": []}, ["acme-chat", "acme-lab", "beta"]),
    ({"tenants": ["ACME"]}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_select(filters: dict[str, Any], expected: list[str]) -> None:
    assert [agent["agent"] for agent in inventory.select(AGENTS, filters)] == expected


TENANTS = [
    ({}, ["acme", "empty"]),
    ({"tenants": ["e*"]}, ["empty"]),
    ({"tenants": ["e*"], "state": "started"}, []),
    ({"models": ["demo"]}, []),
]


@pytest.mark.parametrize(("filters", "expected"), TENANTS)
def test_a_tenant_without_agents_has_a_group(filters: dict[str, Any], expected: list[str]) -> None:
    assert inventory.select_tenants([{"tenant": "acme"}, {"tenant": "empty"}], filters) == expected


NAMES = [
    (["acme", "beta"], set(), {"acme": "acme", "beta": "beta"}),
    (["acme", "beta"], {"acme"}, {"acme": "ollama-agent-acme", "beta": "beta"}),
    (["localhost", "all", "ungrouped"], set(), {name: f"ollama-agent-{name}" for name in ("all", "localhost", "ungrouped")}),
    (
        ["acme", "ollama-agent-acme"], {"acme"},
        {"acme": "ollama-agent-ollama-agent-acme", "ollama-agent-acme": "ollama-agent-acme"},
    ),
    (["acme"], {"acme", "ollama-agent-acme"}, {"acme": "ollama-agent-ollama-agent-acme"}),
]


@pytest.mark.parametrize(("agents", "taken", "expected"), NAMES)
def test_a_name_that_is_taken_becomes_that_of_the_container(agents: list[str], taken: set[str], expected: dict[str, str]) -> None:
    assert inventory.host_names([record(name) for name in agents], taken) == expected


GROUPS = [
    ({}, ["tenant_acme", "model_phi4-mini", "host_gpu-01", "state_started"]),
    ({"affinity": ["gpu", "eu"]}, ["tenant_acme", "model_phi4-mini", "host_gpu-01", "state_started", "label_gpu", "label_eu"]),
]


@pytest.mark.parametrize(("more", "expected"), GROUPS)
def test_groups(more: dict[str, Any], expected: list[str]) -> None:
    assert inventory.groups(record("acme", **more), inventory.GROUPS) == ["llmops_agents", *expected]
    assert inventory.groups(record("acme", **more), []) == ["llmops_agents"]


def test_variables_have_names_of_their_own() -> None:
    """The state of a record is no state of an agent, and nothing can stand for a variable of Ansible."""
    found = inventory.variables(record("acme", ansible_host="evil"), {"tenant": "acme", "name": "{{ 7 * 7 }}", "active": True})
    assert all(name.startswith("llmops_") for name in found) and "llmops_state" not in found
    assert found["llmops_endpoint"] == "http://127.0.0.1:11435"
    assert (found["llmops_tenant_name"], found["llmops_tenant_domain"]) == ("{{ 7 * 7 }}", None)
