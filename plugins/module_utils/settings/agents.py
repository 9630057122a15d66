# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents of a tenant as an operator gives them: a list, or the short variables of the usual single agent."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import MOST, parse_size
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values


def _models(value: Any, name: str) -> list[str]:
    return [values.model(item, name) for item in values.as_list(value, name)]


CHECKS: dict[str, values.Check] = {
    "agent": values.slug,
    "host": values.text,
    "port": values.port,
    "bind_address": values.address,
    "model": values.model,
    "models": _models,
    "memory_limit": values.size,
    "memory_reservation": values.size,
    "cpu_limit": values.cpus,
    "disk_limit": values.size,
    "gpus": values.number(0, MOST["gpus"]),
    "affinity": values.labels,
    "anti_affinity": values.boolean,
    "context_length": values.number(1, MOST["context_length"]),
    "num_parallel": values.number(1, MOST["num_parallel"]),
    "keep_alive": values.duration,
    "image": values.text,
    "desired_state": values.one_of("started", "stopped"),
}
# The short variables of the usual single agent, and what they are called in an entry of `agents`.
SHORT: dict[str, str] = {
    "agent": "agent",
    "model": "model",
    "memory_limit": "memory_limit",
    "memory_reservation": "memory_reservation",
    "cpu_limit": "cpu_limit",
    "disk_limit": "disk_limit",
    "gpus": "gpus",
    "affinity": "affinity",
    "anti_affinity": "anti_affinity",
    "agent_port": "port",
    "agent_host": "host",
}


def parse_agents(value: Any) -> list[dict[str, Any]]:
    """Entities for the module ``tenant_agent``, without the tenant.

    :param value: a list of mappings, one mapping, or JSON text of either.
    :raises TenancyError: for what is wrong, naming the entry.
    """
    agents = [_parse_agent(item, f"agents[{index}]") for index, item in enumerate(values.as_list(value, "agents"))]
    names = [agent.get("agent") for agent in agents]
    for index, agent in enumerate(names):
        if names.count(agent) > 1:
            raise TenancyError(
                f"agents names the agent '{agent}' twice" if agent else f"agents[{index}] has no agent",
                cause="each agent of a tenant has a name of its own",
                remedy="Give each entry its own 'agent'",
                kind="duplicate_agent",
            )
    return agents


def _parse_agent(item: Any, name: str) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise TenancyError(
            f"{name} '{item}' is not a mapping", remedy="Write it as {agent: name, model: phi4-mini}", kind="invalid_value"
        )
    return _entity(values.mapping(item, CHECKS, name), name)


def parse_short(given: Mapping[str, Any]) -> dict[str, Any]:
    """The agent that the short variables describe; empty when none is given."""
    checked = {SHORT[name]: CHECKS[SHORT[name]](value, name) for name, value in given.items() if name in SHORT}
    return _entity(checked, "")


def _entity(agent: dict[str, Any], name: str) -> dict[str, Any]:
    """``model`` becomes the first of ``models``; sizes are compared."""
    where = f"{name}." if name else ""
    if "model" in agent:
        first, others = agent.pop("model"), agent.get("models", [])
        agent["models"] = [first, *(model for model in others if model != first)]
    limit, reservation = agent.get("memory_limit"), agent.get("memory_reservation")
    if limit and reservation and parse_size(reservation) > parse_size(limit):
        raise TenancyError(
            f"{where}memory_reservation {reservation} is more than {where}memory_limit {limit}",
            remedy="Lower the reservation or raise the limit",
            kind="invalid_size",
        )
    return agent


def combine(agents: list[dict[str, Any]], short: dict[str, Any]) -> list[dict[str, Any]]:
    """The agents to record, from the list and the short variables.

    Without a list the short variables describe the one agent, whose name the catalog knows or makes. With a list they
    override the entry that ``agent`` names, or the only one.

    :raises TenancyError: ``ambiguous_agent`` when the short variables could mean any of several agents.
    """
    if not agents:
        return [short] if short else []
    if not short:
        return agents
    named = [agent for agent in agents if agent.get("agent") == short.get("agent")]
    chosen = named or (agents if len(agents) == 1 and ("agent" not in short or "agent" not in agents[0]) else [])
    if len(chosen) == 1:
        merged = _entity({**chosen[0], **short}, "")
        return [merged if agent is chosen[0] else agent for agent in agents]
    if "agent" in short:
        return [*agents, short]
    names = sorted(name for name, key in SHORT.items() if key in short or (name == "model" and "models" in short))
    raise TenancyError(
        f"{', '.join(names)} could mean any of {len(agents)} agents",
        cause=f"the tenant has {', '.join(str(agent.get('agent')) for agent in agents)}",
        remedy=f"Say which one: agent={agents[0].get('agent')}",
        kind="ambiguous_agent",
    )
