# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents and their volumes as they are, for reading only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agents import health_view
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import Engine, Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.health import Probe, ask
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import agent_view, volume_path


def list_agents(
    engine: Engine, probe: Probe, *, names: Sequence[str] | None = None, tenant: str | None = None, usage: bool = True
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Agents of the engine by name, volumes of agents and what agents have in a store, also of those that are gone.

    :param names: only these. :param tenant: only those of this tenant.
    :param usage: whether memory and CPU are measured, which takes a moment.
    """
    observed = engine.observe(names)
    agents = [
        agent for name, agent in sorted(observed.agents.items()) if tenant is None or agent.tenant == tenant
    ]
    used = engine.usages([agent for agent in agents if agent.running]) if usage else {}
    listed = []
    for agent in agents:
        answer = ask(engine, agent, probe)
        listed.append({
            **agent_view(agent, observed),
            "volume_path": volume_path(agent.agent, observed),
            "health": health_view(agent.running, agent, answer),
            "models": answer.models,
            "labels": dict(agent.labels),
            "usage": asdict(used[agent.agent]) if agent.agent in used else None,
        })
    return listed, _volumes(observed, names, tenant), _directories(observed, tenant)


def _volumes(observed: Observation, names: Sequence[str] | None, tenant: str | None) -> list[dict[str, Any]]:
    return [
        {"volume": name, "agent": volume.agent, "tenant": volume.tenant, "path": volume.path, "shared": volume.mount is not None}
        for name, volume in sorted(observed.volumes.items())
        if (names is None or volume.agent in names) and (tenant is None or volume.tenant == tenant)
    ]


def _directories(observed: Observation, tenant: str | None) -> list[dict[str, Any]]:
    owners = {volume.agent for volume in observed.volumes.values()} | set(observed.agents)
    return [
        {
            "agent": agent, "tenant": linked.tenant, "path": linked.mount.upper, "bytes": linked.private_bytes,
            "models": sorted(linked.private), "view": linked.view.id, "damage": linked.damage, "orphan": agent not in owners,
        }
        for agent, linked in sorted(observed.views.items())
        if tenant is None or linked.tenant == tenant
    ]
