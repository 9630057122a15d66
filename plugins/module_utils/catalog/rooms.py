# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken of each agent host, and where the next agent goes. Pure.

All places are read once and counted on from there, so a thousand agents are placed in one pass over them. Writers take
turns, so that what was read stays true until it is written; the constraint on host and port is the judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import AgentHost, Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import format_cpus, format_size

Row = Mapping[str, Any]
_TOLD_HOSTS = 20


@dataclass
class Room:
    """One agent host.

    :param first: :param last: ports that agents get when they ask for none. :param held: how many of these are taken.
    :param agents: how many have a place here. :param places: by agent.
    """

    host: AgentHost
    first: int
    last: int
    agents: int = 0
    memory: int = 0
    cpus: int = 0
    disk: int = 0
    gpus: int = 0
    held: int = 0
    places: dict[str, list[Row]] = field(default_factory=dict)
    tenants: dict[str, list[Row]] = field(default_factory=dict)
    ports: dict[int, Row] = field(default_factory=dict)
    _next: int = 0

    def take(self, place: Row) -> None:
        """An agent has its place here from now on."""
        self._count(place, 1)
        self.places.setdefault(place["agent"], []).append(place)
        self.tenants.setdefault(place["tenant"], []).append(place)
        self.ports[place["port"]] = place

    def leave(self, agent: str) -> list[Row]:
        """Take an agent out; the places that it had."""
        left = self.places.pop(agent, [])
        for place in left:
            self._count(place, -1)
            self.tenants[place["tenant"]].remove(place)
            if not self.tenants[place["tenant"]]:
                del self.tenants[place["tenant"]]
            self.ports.pop(place["port"], None)
            self._next = 0
        return left

    def _count(self, place: Row, sign: int) -> None:
        self.agents += sign
        self.memory += sign * place["memory_limit"]
        self.cpus += sign * place["cpu_limit"]
        self.disk += sign * place["disk_limit"]
        self.gpus += sign * place["gpus"]
        self.held += sign * (self.first <= place["port"] <= self.last)

    @property
    def share(self) -> float:
        """How full it is: the fullest of its parts, those without a limit left out."""
        host = self.host
        parts = (
            (self.memory, _promised(host.memory, host.memory_overcommit)), (self.cpus, _promised(host.cpus, host.cpus_overcommit)),
            (self.gpus, host.gpus), (self.disk, host.disk),
        )
        return max((used / limit for used, limit in parts if limit), default=0.0)

    def free_port(self) -> int | None:
        """The first free port of the range; None when all are taken."""
        self._next = max(self._next, self.first)
        while self._next in self.ports:
            self._next += 1
        return self._next if self._next <= self.last else None

    def refusals(self, wanted: Row) -> list[str]:
        """Why an agent that has no place here can't go here, each with its sum; empty when it can."""
        host, neighbours = self.host, self.tenants.get(wanted["tenant"], [])
        others = len(self.tenants) - bool(neighbours)
        ports = self.last - self.first + 1
        sums = (
            ("agents", self.agents, 1, host.agents, 1.0, str),
            ("memory", self.memory, wanted["memory_limit"], host.memory, host.memory_overcommit, format_size),
            ("CPUs", self.cpus, wanted["cpu_limit"], host.cpus, host.cpus_overcommit, format_cpus),
            ("GPUs", self.gpus, wanted["gpus"], host.gpus, 1.0, str),
            ("disk", self.disk, wanted["disk_limit"], host.disk, 1.0, format_size),
            ("networks", others, 1, host.networks, 1.0, str),
            ("ports", self.held, 1, ports if wanted["port"] is None else None, 1.0, str),
        )
        told = [
            f"{what} {shown(used)} used + {shown(asked)} asked > {shown(limit)}{f' x {factor:g}' if factor != 1 else ''}"
            for what, used, asked, limit, factor, shown in sums
            if limit is not None and used + asked > _promised(limit, factor)
        ]
        lacking = [label for label in wanted["affinity"] if label not in host.labels]
        near = [place["agent"] for place in neighbours if place["anti_affinity"] or wanted["anti_affinity"]]
        told += [f"it lacks the label {', '.join(lacking)}"] * bool(lacking)
        return told + [f"it has the tenant's agent {name}" for name in sorted(near)[:1]]


class Rooms:
    """All agent hosts that agents may go to.

    :param places: of all agents on them, also the second ones of those that move.
    """

    def __init__(self, placement: Placement, places: Iterable[Row]) -> None:
        self._placement = placement
        self._rooms: dict[str, Room] = {}
        for host in placement.hosts:
            self._rooms.setdefault(host.name, self._empty(host))
        for place in places:
            self._of(place["host"]).take(place)

    def _empty(self, host: AgentHost) -> Room:
        return Room(host, host.first or self._placement.first, host.last or self._placement.last)

    def _of(self, name: str) -> Room:
        """The host of this name; without agent hosts in the options an agent may ask for any, which has no limits."""
        return self._rooms.setdefault(name, self._empty(AgentHost(name)))

    def place(self, wanted: Row, leaves: str = "") -> dict[str, Any]:
        """``host`` and ``port`` for an agent, which has its place there from now on.

        What it asks for, else by strategy the host with room that is least or most full, and the next free port there.

        :param leaves: the host where it had a place until now.
        :raises TenancyError: ``no_room`` or ``port_taken``.
        """
        own = {name: room.leave(wanted["agent"]) for name, room in self._rooms.items()}
        candidates = self._candidates(wanted)
        fitting = [room for room in candidates if not room.refusals(wanted)]
        if not fitting:
            raise _no_room(wanted, candidates)
        sign = -1 if self._placement.strategy == "packed" else 1
        room = min(fitting, key=lambda each: (sign * each.share, sign * each.agents))
        port = wanted["port"] if wanted["port"] is not None else room.free_port()
        if port in room.ports:
            raise _port_taken(wanted, room, room.ports[port])
        for name, places in own.items():
            for place in places if name != leaves else ():
                self._rooms[name].take(place)
        room.take({**wanted, "host": room.host.name, "port": port})
        return {"host": room.host.name, "port": port}

    def _candidates(self, wanted: Row) -> list[Room]:
        if wanted["host"] is None:
            return [self._rooms[host.name] for host in self._placement.hosts]
        if not self._placement.named_hosts_only:
            return [self._of(wanted["host"])]
        return [self._rooms[host.name] for host in self._placement.hosts if host.name == wanted["host"]]

    def outgrown(self, row: Row) -> list[str]:
        """Why an agent that has its place can't be there by what it asks for now; empty when it can."""
        if row["host"] not in {host.name for host in self._placement.hosts}:
            return []
        room = self._rooms[row["host"]]
        places = room.leave(row["agent"])
        told = room.refusals(row)
        for place in places:
            room.take(place)
        return told


def _promised(limit: int | None, factor: float) -> int:
    """A limit with its overcommit, exactly as it is written; 0 without a limit."""
    return int(limit * Decimal(str(factor))) if limit and factor != 1 else limit or 0


def _no_room(wanted: Row, candidates: list[Room]) -> TenancyError:
    asked = [f"{format_size(wanted['memory_limit'])} memory", f"{format_cpus(wanted['cpu_limit'])} CPUs", f"{format_size(wanted['disk_limit'])} disk"]
    asked += [f"{wanted['gpus']} GPUs"] * bool(wanted["gpus"])
    told = [f"{room.host.name}: {', '.join(room.refusals(wanted))}" for room in candidates[:_TOLD_HOSTS]]
    told += [f"and {len(candidates) - _TOLD_HOSTS} more"] * (len(candidates) > _TOLD_HOSTS)
    return TenancyError(
        f"No agent host has room for agent {wanted['agent']} ({', '.join([*asked, *wanted['affinity']])})",
        cause="; ".join(told) or "no agent host is known",
        remedy="Add an agent host, raise the capacity or overcommit it is given, widen its ports, or ask for less",
        kind="no_room",
    )


def _port_taken(wanted: Row, room: Room, holder: Row) -> TenancyError:
    free = room.free_port()
    return TenancyError(
        f"Port {wanted['port']} of host {room.host.name} is taken, agent {wanted['agent']} can't have it",
        cause=f"agent {holder['agent']} of tenant {holder['tenant']} has it",
        remedy=f"Choose another: the next free port is {free}" if free else "Choose another",
        kind="port_taken",
    )
