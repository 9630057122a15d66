# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where agents may go: the agent hosts with their capacities, and the range that ports are allocated from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import nearest
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import (
    format_cpus,
    format_size,
    parse_cpus,
    parse_size,
)

DEFAULT_PORTS = "11435-12434"
DEFAULT_HOST = "localhost"


@dataclass(frozen=True)
class AgentHost:
    """A machine that runs agents. A capacity of None is no limit.

    :param memory: bytes. :param cpus: millicpus. :param agents: number of agents.
    """

    name: str
    memory: int | None = None
    cpus: int | None = None
    agents: int | None = None


@dataclass(frozen=True)
class Placement:
    """The choice there is for new agents.

    :param hosts: candidates, in order of preference among equals.
    :param named_hosts_only: whether an agent may only ask for a host among them; false when none were given.
    :param first: :param last: range of ports.
    """

    hosts: tuple[AgentHost, ...]
    named_hosts_only: bool
    first: int
    last: int

    def check_host(self, host: str, agent: str) -> None:
        """Nothing when an agent may ask for this host.

        :raises TenancyError: ``unknown_host``, with the nearest one.
        """
        names = [each.name for each in self.hosts]
        if self.named_hosts_only and host not in names:
            raise TenancyError(
                f"Agent {agent} can't go to host '{host}'",
                cause=f"agent_hosts has no such host, it has {', '.join(names)}",
                remedy=nearest(host, names) or "Name one of them, or add it to agent_hosts",
                kind="unknown_host",
            )

    def check_room(self, used: Iterable[Mapping[str, Any]]) -> None:
        """Nothing when every host's agents fit its capacity.

        :param used: rows of ``host``, ``agents``, ``memory`` and ``cpus`` in use.
        :raises TenancyError: ``no_room``.
        """
        capacities = {each.name: each for each in self.hosts}
        for row in used:
            host = capacities.get(row["host"], AgentHost(row["host"]))
            for name, limit, show in (
                ("agents", host.agents, str),
                ("memory", host.memory, format_size),
                ("cpus", host.cpus, format_cpus),
            ):
                if limit is not None and row[name] > limit:
                    raise TenancyError(
                        f"Agent host {host.name} has no room: its agents would need {show(int(row[name]))} of"
                        f" {show(limit)} {name}",
                        remedy="Ask for less, or raise the capacity the host is given in agent_hosts",
                        kind="no_room",
                    )

    def as_json(self) -> str:
        """The candidates as llmops.place_agent() takes them."""
        return json.dumps([vars(host) for host in self.hosts])


def read(agent_hosts: Sequence[Mapping[str, Any]] | None, port_range: str) -> Placement:
    """The placement that module options describe.

    :raises TenancyError: ``invalid_port_range``, ``invalid_size``, ``invalid_cpus``, ``invalid_number`` or
        ``invalid_value``.
    """
    checks.storable({"agent_hosts": agent_hosts})
    for host in agent_hosts or ():
        if host.get("agents") is not None:
            checks.whole_number(host["agents"], f"agents of agent host {host['name']}", 0, checks.LARGEST)
    hosts = [
        AgentHost(
            host["name"],
            parse_size(host["memory"], f"memory of agent host {host['name']}") if host.get("memory") else None,
            parse_cpus(host["cpus"], f"cpus of agent host {host['name']}") if host.get("cpus") else None,
            host.get("agents"),
        )
        for host in agent_hosts or [{"name": DEFAULT_HOST}]
    ]
    match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", port_range)
    if not match or not 1 <= int(match[1]) <= int(match[2]) <= 65535:
        raise TenancyError(
            f"port_range '{port_range}' is not a range of ports",
            remedy=f"Write it as {DEFAULT_PORTS}",
            kind="invalid_port_range",
        )
    return Placement(tuple(hosts), bool(agent_hosts), int(match[1]), int(match[2]))
