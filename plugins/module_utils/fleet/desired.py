# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fleet should be: the records of the catalog, those that files ask for among them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.selection import Selection
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import records_of, resting

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Desired:
    """The part of the fleet that a run is about, and who owns what in all of it.

    :param tenants: selected, as the module ``tenant`` returns them. :param agents: of theirs, selected.
    :param owners: by host and agent, the tenant of every record. :param hosts: agent hosts to ask.
    :param unknown_hosts: hosts of selected agents that the inventory does not have.
    :param moving: selected agents that are on their way to another host. They are not among ``agents``: only their move may touch them.
    """

    tenants: list[Values]
    agents: list[Values]
    owners: dict[tuple[str, str], str] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    unknown_hosts: list[str] = field(default_factory=list)
    moving: list[Values] = field(default_factory=list)

    @property
    def tenant_of(self) -> dict[str, str]:
        """The tenants of all selected agents, by agent."""
        return {agent["agent"]: agent["tenant"] for agent in [*self.agents, *self.moving]}


def desired(settings: Values, recorded: Values) -> Desired:
    """The fleet as it should be.

    :param settings: as ``fleet_settings`` returned them.
    :param recorded: as ``tenant`` returned it with ``others=true``.
    """
    selection = Selection.of(settings)
    everyone = [*(recorded.get("tenants") or ()), *(recorded.get("others") or ())]
    agents = records_of(everyone)
    wanted = {tenant["tenant"] for tenant in everyone if selection.wants(tenant["tenant"])}
    chosen = [agent for agent in agents if agent["tenant"] in wanted and selection.wants_agent(agent)]
    if selection.host:
        wanted = {agent["tenant"] for agent in chosen}
    known = [host["name"] for host in settings.get("agent_hosts") or ()]
    still = resting(chosen)
    used = sorted({agent["host"] for agent in still})
    return Desired(
        tenants=[tenant for tenant in everyone if tenant["tenant"] in wanted],
        agents=still,
        owners={(host, agent["agent"]): agent["tenant"] for agent in agents for host in _places(agent)},
        hosts=_asked(selection, known, used),
        unknown_hosts=[host for host in used if host not in known],
        moving=[agent for agent in chosen if agent.get("move")],
    )


def _places(agent: Values) -> set[str]:
    """The hosts that may have something of an agent: one on its way has a place on two."""
    return {agent["host"], *(agent.get("move") or {}).values()}


def _asked(selection: Selection, known: list[str], used: list[str]) -> list[str]:
    """The hosts of selected agents; for orphans all hosts, unless only some tenants are asked for."""
    if selection.host:
        return [host for host in known if host == selection.host]
    return [host for host in known if selection.everything or host in used]
