# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents as results and diffs show them: the same shape for what is there and for what is predicted. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentSettings,
    AgentSpec,
    Observation,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import Linked
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.view_plan import store_now
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name, local_url, network_name

API_PORT = 11434


def endpoint(settings: AgentSettings, address: str) -> str | None:
    """URL at which the agent's host reaches it: its published port, else its address in the tenant's network."""
    if settings.port:
        return local_url(settings.bind_address, settings.port)
    return local_url(address, API_PORT) if address else None


def settings_view(
    agent: str, tenant: str, state: str, settings: AgentSettings, image_id: str, address: str, subnet: str | None,
    store: Mapping[str, Any],
) -> dict[str, Any]:
    """An agent that exists. Of its environment only the names are shown. :param store: where it has its models from."""
    return {
        "agent": agent,
        "tenant": tenant,
        "state": state,
        "endpoint": endpoint(settings, address),
        "image": settings.image,
        "image_id": image_id,
        "port": settings.port,
        "bind_address": settings.bind_address,
        "memory_limit": settings.memory_limit,
        "memory_reservation": settings.memory_reservation,
        "cpu_limit": settings.cpu_limit,
        "context_length": settings.context_length,
        "num_parallel": settings.num_parallel,
        "keep_alive": settings.keep_alive,
        "model": settings.model,
        "environment": sorted(settings.environment),
        "network": network_name(tenant),
        "subnet": subnet,
        "volume": container_name(agent),
        "store": dict(store),
    }


def agent_view(actual: ActualAgent, observed: Observation) -> dict[str, Any]:
    """An agent as it is."""
    network = observed.networks.get(network_name(actual.tenant))
    subnet = network.subnets[0] if network and network.subnets else None
    store = store_now(observed.volumes.get(container_name(actual.agent)), observed.views.get(actual.agent))
    return settings_view(
        actual.agent, actual.tenant, actual.state, actual.settings, actual.image_id, actual.address, subnet, store
    )


def volume_path(agent: str, observed: Observation) -> str | None:
    """Where the agent's models are on its host; None before its volume is made."""
    volume = observed.volumes.get(container_name(agent))
    return volume.path if volume else None


def absent_view(spec: AgentSpec, volume: Volume | None, erased: Linked | None = None) -> dict[str, Any]:
    """An agent that is not there; its volume may be, and then this says where its data is.

    :param erased: what it had of a store and what goes with it.
    """
    return {
        "agent": spec.agent,
        "tenant": spec.tenant,
        "state": "absent",
        "volume": volume.name if volume else None,
        "volume_path": volume.path if volume else None,
        "erased": {
            "path": erased.mount.upper, "bytes": erased.private_bytes, "models": sorted(erased.private)
        } if erased else None,
    }
