# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where agents may go: the agent hosts with their capacities, and the range that ports are allocated from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import nearest, some
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_cpus, parse_size

DEFAULT_PORTS = "11435-12434"
DEFAULT_HOST = "localhost"
_MOST_OVERCOMMIT = 100
_LABEL = re.compile(r"[A-Za-z0-9._/=-]{1,100}")


@dataclass(frozen=True)
class AgentHost:
    """A machine that runs agents. A capacity of None is no limit.

    :param memory: bytes. :param cpus: millicpus. :param agents: number of agents. :param gpus: number of GPUs.
    :param disk: bytes. :param networks: number of tenants. :param first: :param last: ports instead of the usual ones.
    :param labels: what agents may ask for. :param memory_overcommit: :param cpus_overcommit: factors of the capacity.
    """

    name: str
    memory: int | None = None
    cpus: int | None = None
    agents: int | None = None
    gpus: int | None = None
    disk: int | None = None
    networks: int | None = None
    first: int | None = None
    last: int | None = None
    labels: tuple[str, ...] = ()
    memory_overcommit: float = 1.0
    cpus_overcommit: float = 1.0


@dataclass(frozen=True)
class Placement:
    """The choice there is for new agents.

    :param hosts: candidates, in order of preference among equals.
    :param named_hosts_only: whether an agent may only ask for a host among them; false when none were given.
    :param first: :param last: range of ports.
    :param strategy: ``spread`` takes the host that is least full, ``packed`` the one that is fullest and has room.
    """

    hosts: tuple[AgentHost, ...]
    named_hosts_only: bool
    first: int
    last: int
    strategy: str = "spread"

    def check_host(self, host: str, agent: str) -> None:
        """Nothing when an agent may ask for this host.

        :raises TenancyError: ``unknown_host``, with the nearest one.
        """
        names = [each.name for each in self.hosts]
        if self.named_hosts_only and host not in names:
            raise TenancyError(
                f"Agent {agent} can't go to host '{host}'",
                cause=f"agent_hosts has no such host, it has {some(names)}",
                remedy=nearest(host, names) or "Name one of them, or add it to agent_hosts",
                kind="unknown_host",
            )


def read(
    agent_hosts: Sequence[Mapping[str, Any]] | None, port_range: str, strategy: str = "spread"
) -> Placement:
    """The placement that module options describe.

    :raises TenancyError: ``invalid_port_range``, ``invalid_size``, ``invalid_cpus``, ``invalid_number``,
        ``invalid_label`` or ``invalid_value``.
    """
    checks.storable({"agent_hosts": agent_hosts})
    hosts = [_agent_host(host) for host in agent_hosts or [{"name": DEFAULT_HOST}]]
    return Placement(tuple(hosts), bool(agent_hosts), *_ports(port_range, "port_range"), strategy)


def _agent_host(host: Mapping[str, Any]) -> AgentHost:
    where = f"of agent host {host['name']}"
    for name in ("agents", "gpus", "networks"):
        if host.get(name) is not None:
            checks.whole_number(host[name], f"{name} {where}", 0, checks.LARGEST)
    first, last = _ports(host["ports"], f"ports {where}") if host.get("ports") else (None, None)
    return AgentHost(
        host["name"],
        parse_size(host["memory"], f"memory {where}") if host.get("memory") else None,
        parse_cpus(host["cpus"], f"cpus {where}") if host.get("cpus") else None,
        host.get("agents"),
        host.get("gpus"),
        parse_size(host["disk"], f"disk {where}") if host.get("disk") else None,
        host.get("networks"),
        first,
        last,
        tuple(labels(host.get("labels") or [], f"labels {where}")),
        _factor(host, "memory_overcommit", where),
        _factor(host, "cpus_overcommit", where),
    )


def _ports(text: str, name: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]) <= 65535:
        raise TenancyError(
            f"{name} '{text}' is not a range of ports",
            remedy=f"Write it as {DEFAULT_PORTS}",
            kind="invalid_port_range",
        )
    return int(match[1]), int(match[2])


def _factor(host: Mapping[str, Any], name: str, where: str) -> float:
    """A factor of overcommit; not a number compares as false."""
    value = host.get(name)
    if value is None:
        return 1.0
    if not 0.1 <= value <= _MOST_OVERCOMMIT:
        raise TenancyError(
            f"{name} {where} {value} is not a factor from 0.1 to {_MOST_OVERCOMMIT}",
            remedy="Write 1.5 to promise half as much again as there is, 0.9 to keep a tenth back",
            kind="invalid_number",
        )
    return float(value)


def labels(given: Sequence[str] | None, name: str) -> Any:
    """Labels of a host, or those that an agent asks for: words such as ``gpu=a100``, each once. None stays None.

    :raises TenancyError: ``invalid_label``.
    """
    if given is None:
        return None
    found = [label.strip() for label in given if label.strip()]
    for label in found:
        if not _LABEL.fullmatch(label):
            raise TenancyError(
                f"{name}: '{label}' is not a label",
                cause="a label has 1 to 100 letters, digits and . _ / = -",
                remedy="Write it as gpu=a100, or as one word",
                kind="invalid_label",
            )
    return list(dict.fromkeys(found))
