# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else of this collection an engine has, besides the agents that a call is about. Pure."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSpec, Observation


def others_of(observed: Observation, specs: Sequence[AgentSpec]) -> list[dict[str, Any]]:
    """Containers, volumes and networks that carry our labels and belong to no agent, or tenant, of ``specs``.

    Also what agents have in the model store without a volume.
    """
    agents, tenants = {spec.agent for spec in specs}, {spec.tenant for spec in specs}
    found = [
        _object("container", container.name, container.agent, container.tenant, container.state)
        for container in observed.containers if container.agent not in agents
    ]
    found += [
        _object("volume", volume.name, volume.agent, volume.tenant)
        for volume in observed.volumes.values() if volume.agent not in agents
    ]
    found += [
        _object("network", network.name, None, network.tenant)
        for network in observed.networks.values() if network.tenant and network.tenant not in tenants
    ]
    with_volume = {volume.agent for volume in observed.volumes.values()}
    # A volume stands for what its agent has in the store, too.
    found += [
        _object("upper", agent, agent, tenant) for agent, tenant in observed.places.items() if agent not in agents | with_volume
    ]
    return sorted(found, key=lambda item: (item["kind"], item["name"]))


def _object(kind: str, name: str, agent: str | None, tenant: str, state: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "name": name, "agent": agent, "tenant": tenant, "state": state}
