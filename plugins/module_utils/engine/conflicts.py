# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a plan can't be: names that belong to others, ports that are in use, agents that still run. Pure."""

from __future__ import annotations

from typing import AbstractSet, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSettings, AgentSpec, Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import HostFacts, overlaps
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name, network_name


def ownership_errors(specs: Sequence[AgentSpec], observed: Observation) -> list[TenancyError]:
    """Objects that have a name of ours and belong to something or someone else; one error for each agent."""
    found = (_ownership(spec, observed) for spec in specs)
    return [error for error in found if error]


def _ownership(spec: AgentSpec, observed: Observation) -> TenancyError | None:
    name = container_name(spec.agent)
    actual, volume = observed.agents.get(spec.agent), observed.volumes.get(name)
    if actual and actual.tenant not in ("", spec.tenant):
        return _of_other_tenant(spec, f"container {name}", actual.tenant, "Choose another agent name")
    if volume and volume.tenant not in ("", spec.tenant) and (spec.state != "absent" or spec.remove_volume):
        return _of_other_tenant(
            spec, f"volume {name}", volume.tenant,
            f"Choose another agent name, or remove that tenant's data with state=absent, remove_volume=true for '{volume.tenant}'",
        )
    linked = observed.views.get(spec.agent)
    if linked and linked.tenant not in ("", spec.tenant) and (spec.state != "absent" or spec.remove_volume):
        return _of_other_tenant(
            spec, f"its directory {linked.mount.upper} in the model store", linked.tenant,
            f"Choose another agent name, or remove that tenant's data with state=absent, remove_volume=true for '{linked.tenant}'",
        )
    if spec.state == "absent":
        return None
    for kind, wanted in (("container", name), ("volume", name), ("network", network_name(spec.tenant))):
        foreign = observed.foreign.get((kind, wanted))
        if foreign:
            return TenancyError(
                f"Agent '{spec.agent}' can't have the {kind} {wanted}",
                cause=f"a {kind} of that name is there and is not of this collection: {foreign.origin}",
                remedy=f"Rename or remove it (docker {'' if kind == 'container' else kind + ' '}rm {wanted}), or choose another name",
                kind="name_taken",
                agent=spec.agent, object=wanted, object_kind=kind,
            )
    return None


def running_errors(specs: Sequence[AgentSpec], observed: Observation) -> list[TenancyError]:
    """Agents that are to be removed only if they don't run, and do; one error for each."""
    return [
        TenancyError(
            f"Agent '{spec.agent}' is not removed",
            cause="it runs here, where it should have been stopped, so its data may have changed since",
            remedy=f"Look what it has that is nowhere else, then stop it (docker stop {container_name(spec.agent)}) and run again",
            kind="agent_running",
            agent=spec.agent,
        )
        for spec in specs
        if spec.only_stopped and spec.state == "absent" and spec.agent in observed.agents and observed.agents[spec.agent].running
    ]


def _of_other_tenant(spec: AgentSpec, thing: str, tenant: str, remedy: str) -> TenancyError:
    return TenancyError(
        f"Agent '{spec.agent}' of tenant '{spec.tenant}' can't be changed",
        cause=f"{thing} belongs to tenant '{tenant}'",
        remedy=remedy,
        kind="name_taken",
        agent=spec.agent, owner=tenant,
    )


def port_errors(
    wanted: Sequence[tuple[AgentSpec, AgentSettings]], releasing: AbstractSet[str], observed: Observation, host: HostFacts
) -> list[TenancyError]:
    """Ports that can't be published because something else holds them.

    :param wanted: agents that will run, with their settings.
    :param releasing: agents that give their ports back before these are started.
    """
    errors = []
    claimed: list[tuple[str, int, str]] = []
    for spec, settings in wanted:
        if not settings.port:
            continue
        rivals = [agent for address, port, agent in claimed if port == settings.port and overlaps(address, settings.bind_address)]
        holder = f"agent '{rivals[0]}' of the same call" if rivals else _holder(spec.agent, settings, releasing, observed, host)
        if holder:
            errors.append(port_error(spec.agent, settings, holder, next_free_port(settings.port, claimed, observed, host)))
        claimed.append((settings.bind_address, settings.port, spec.agent))
    return errors


def port_error(agent: str, settings: AgentSettings, holder: str, free: int | None) -> TenancyError:
    """The one error for a port that is in use, found before the start or at it."""
    return TenancyError(
        f"Port {settings.port} for agent '{agent}' is in use",
        cause=f"{holder} holds {settings.bind_address}:{settings.port}",
        remedy=f"Give the agent another port, for example {free}, or stop what holds it" if free else "Stop what holds it",
        kind="port_in_use",
        agent=agent, port=settings.port, holder=holder, next_free_port=free,
    )


def _holder(
    agent: str, settings: AgentSettings, releasing: AbstractSet[str], observed: Observation, host: HostFacts
) -> str:
    """Who holds the port, or an empty string."""
    for use in observed.ports:
        if use.port == settings.port and overlaps(use.address, settings.bind_address):
            # The socket that the engine listens on for it is the same use seen twice.
            return "" if use.agent == agent or use.agent in releasing else f"container {use.container}"
    actual = observed.agents.get(agent)
    if actual and actual.state in ("restarting", "running") and actual.settings.port == settings.port:
        # The engine opens its port before it lists it, and closes it again while nobody looks. One that is looked at as
        # running, and whose port was not listed, was restarting when the list was made.
        return ""
    for listener in host.listeners:
        if listener.port == settings.port and overlaps(listener.address, settings.bind_address):
            return host.process_of(listener.inode)
    return ""


def next_free_port(
    port: int, claimed: Sequence[tuple[str, int, str]], observed: Observation, host: HostFacts
) -> int | None:
    """The next port above that nothing uses on any address."""
    used = {use.port for use in observed.ports} | {listener.port for listener in host.listeners}
    used |= {number for address, number, agent in claimed}
    return next((number for number in range(port + 1, 65536) if number not in used), None)
