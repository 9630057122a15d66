# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents of the catalog as hosts of an inventory: which ones, what they are called, their variables and groups. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Collection, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import endpoint_of

Record = Mapping[str, Any]

PREFIX = "llmops_"
# All agents. With the underscore, which no agent's name has, no host can be called so.
ALL_AGENTS = "llmops_agents"
GROUPS = ("tenant", "model", "host", "state", "label")
# Names that mean something else to Ansible, whatever the inventory has.
_RESERVED = frozenset({"all", "ungrouped", "localhost"})
# Of the record of the tenant, what its agents carry.
_TENANT_FIELDS = ("name", "domain", "active", "m365_tenant_id")


def select(agents: Iterable[Record], filters: Mapping[str, Any]) -> list[Record]:
    """The agents that fit every filter.

    :param filters: shell patterns of ``tenants``, ``hosts``, ``models`` and ``agents``, one of which must fit; a model
        without a tag means any tag of it. ``state``: only agents that shall be so.
    """
    return [agent for agent in agents if _fits(agent, filters)]


def select_tenants(tenants: Iterable[Record], filters: Mapping[str, Any]) -> list[str]:
    """Tenants that get a group though they may have no agent: none, when agents are chosen by what agents are."""
    if any(filters.get(name) for name in ("agents", "hosts", "models", "state")):
        return []
    return [tenant["tenant"] for tenant in tenants if _matches([tenant["tenant"]], filters.get("tenants"))]


def _fits(agent: Record, filters: Mapping[str, Any]) -> bool:
    models = [name for model in agent["models"] for name in (model, model.partition(":")[0], f"{model}:latest")]
    return (
        _matches([agent["tenant"]], filters.get("tenants"))
        and _matches([agent["agent"]], filters.get("agents"))
        and _matches([agent["host"]], filters.get("hosts"))
        and _matches(models, filters.get("models"))
        and filters.get("state") in (None, agent["desired_state"])
    )


def _matches(found: Iterable[str], patterns: Sequence[str] | None) -> bool:
    """Whether one of the patterns fits one of what is found; without patterns everything fits."""
    return not patterns or any(fnmatchcase(text, pattern) for text in found for pattern in patterns)


def host_names(agents: Iterable[Record], taken: Collection[str]) -> dict[str, str]:
    """The name of each agent in the inventory: its own, else that of its container when something else is called so.

    :param taken: hosts and groups that are there. An agent called as an agent host would become one with it.
    """
    names = {agent["agent"] for agent in agents}
    return {name: _free_name(name, names, {*taken, *_RESERVED}) for name in sorted(names)}


def _free_name(agent: str, agents: Collection[str], taken: Collection[str]) -> str:
    name = agent
    while name in taken or (name != agent and name in agents):
        name = container_name(name)
    return name


def variables(agent: Record, tenant: Record) -> dict[str, Any]:
    """Variables of an agent: its record and that of its tenant under names of their own, and its endpoint.

    :param agent: as ``tenant_agent_info`` returns it. :param tenant: as ``tenant_info`` does.
    """
    known = {name: value for name, value in agent.items() if name != "state"}
    owner = {f"tenant_{name}": tenant.get(name) for name in _TENANT_FIELDS}
    return {PREFIX + name: value for name, value in {**known, **owner, "endpoint": endpoint_of(agent)}.items()}


def groups(agent: Record, kinds: Collection[str]) -> list[str]:
    """Groups of an agent before Ansible replaces what a group's name can't have.

    :param kinds: some of :data:`GROUPS`. A label is one that its host must have.
    """
    named = {
        "tenant": [agent["tenant"]],
        "model": agent["models"],
        "host": [agent["host"]],
        "state": [agent["desired_state"]],
        "label": agent.get("affinity") or [],
    }
    return [ALL_AGENTS, *(f"{kind}_{name}" for kind in GROUPS if kind in kinds for name in named[kind])]
