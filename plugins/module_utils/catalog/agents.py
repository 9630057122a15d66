# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents in the catalog: their records, and where they are placed."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import records, tables
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.agent_wishes import AGENT, DEFAULT_MEMORY
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import CLEAR, Row
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.rooms import Rooms
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import some
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Plan

# What of an agent must find room on its host.
_ROOM = ("memory_limit", "cpu_limit", "disk_limit", "gpus", "affinity", "anti_affinity")


def name_all(conn: Any, wishes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The wishes with a name each: one without means the tenant's only agent, or the one called like the tenant.

    Without a name and without any field, a wish says that the tenant has an agent at all: it is left out when there
    are several.

    :raises TenancyError: ``ambiguous_agent``.
    """
    nameless = {each["tenant"] for each in wishes if each["agent"] is None}
    owned: dict[str, list[str]] = {tenant: [] for tenant in nameless}
    if nameless:
        for row in of_tenants(conn, sorted(nameless)):
            owned[row["tenant"]].append(row["agent"])
    named = []
    for each in wishes:
        tenant, have = each["tenant"], owned.get(each["tenant"], [])
        if each["agent"] is not None:
            named.append(dict(each))
        elif len(have) < 2 or tenant in have:
            named.append({**each, "agent": have[0] if len(have) == 1 else tenant})
        elif each["state"] == "absent" or any(each[name] is not None for name in AGENT.fields):
            raise TenancyError(
                f"Tenant {tenant} has {len(have)} agents, and none is named",
                cause=f"it has {some(have)}",
                remedy="Say which one with 'agent'",
                kind="ambiguous_agent",
            )
    return named


def find(conn: Any, names: Sequence[str]) -> dict[records.Key, Row]:
    """The agents of these names."""
    rows = conn.execute("SELECT * FROM llmops.agents WHERE agent = ANY(%s)", (list(names),)).fetchall()
    return tables.by_key(AGENT, rows)


def of_tenants(conn: Any, tenants: Sequence[str]) -> list[dict[str, Any]]:
    """All agents of these tenants."""
    return conn.execute(
        "SELECT * FROM llmops.agents WHERE tenant = ANY(%s) ORDER BY agent", (list(tenants),)
    ).fetchall()


def ensure(conn: Any, wishes: Sequence[Mapping[str, Any]], placement: Placement) -> tuple[Plan, dict[records.Key, Row]]:
    """Make the agents' records as wished; what has no host or port gets one.

    :returns: the plan carried out, and the wished agents as they are now.
    :raises TenancyError: ``agent_taken``, ``agent_has_host``, ``agent_moves``, ``unknown_host``, ``no_room`` or ``port_taken``.
    :raises psycopg.Error: of rules ``quota_exceeded`` or ``rate_exceeded``.
    """
    keys = [AGENT.key(each) for each in wishes]
    current = find(conn, [each["agent"] for each in wishes])
    _check_owners(wishes, current)
    steps = records.compare(AGENT, [_adapt(each, current.get(AGENT.key(each))) for each in wishes], current)
    # Removed first: their ports and their share of the quota are free for the others of the same call.
    written = tables.write(conn, AGENT, records.Steps(remove=steps.remove))
    moves, changes = _split(steps.update)
    _check_left(conn, moves, current)
    written.update(tables.write(conn, AGENT, records.Steps(update=changes)))
    grown = [row for row, differences in changes if any(_grows(change) for change in differences)]
    rooms = read_rooms(conn, [row for row, _changes in moves] + grown + list(steps.create), placement)
    moved = []
    for move in moves:
        # One after the other: each finds the ports that those before have left and taken.
        moved.append(_place_again(move, placement, rooms))
        written.update(tables.write(conn, AGENT, records.Steps(update=(moved[-1],))))
    placed = tuple(_placed(row, placement, rooms) for row in _explicit_first(steps.create))
    written.update(tables.write(conn, AGENT, records.Steps(create=placed)))
    _check_room(grown, rooms)
    written.update(_observed_now(conn, wishes))
    gone = {AGENT.key(row) for row in steps.remove}
    now = {**current, **written}
    done = records.Steps(steps.create, (*changes, *moved), steps.remove)
    return records.plan(AGENT, done, written), {key: now[key] for key in keys if key in now and key not in gone}


def _check_owners(wishes: Sequence[Mapping[str, Any]], current: Mapping[records.Key, Row]) -> None:
    for each in wishes:
        row = current.get(AGENT.key(each))
        if row and row["tenant"] != each["tenant"]:
            raise TenancyError(
                f"Agent {row['agent']} belongs to tenant {row['tenant']}, not to {each['tenant']}",
                cause="names of agents are unique in the whole catalog",
                remedy="Choose another name for the agent",
                kind="agent_taken",
            )


def _adapt(wished: Mapping[str, Any], row: Row | None) -> dict[str, Any]:
    """The wish, fitted to what is allocated: a place once given stays, a reservation stays within its limit."""
    if row is None:
        return dict(wished)
    adapted = {**wished, **{name: None for name in ("host", "port") if wished[name] is CLEAR}}
    limit = DEFAULT_MEMORY if wished["memory_limit"] is CLEAR else wished["memory_limit"]
    if limit is not None and wished["memory_reservation"] is None and row["memory_reservation"] > limit:
        adapted["memory_reservation"] = limit // 2
    return adapted


Update = tuple[dict[str, Any], tuple[Change, ...]]


def _split(updates: Sequence[Update]) -> tuple[tuple[Update, ...], tuple[Update, ...]]:
    """Updates that move an agent to another host or port, and the others."""
    return tuple(filter(_is_move, updates)), tuple(update for update in updates if not _is_move(update))


def _is_move(update: Update) -> bool:
    return any(change.field in ("host", "port") for change in update[1])


def _check_left(conn: Any, moves: Sequence[Update], current: Mapping[records.Key, Row]) -> None:
    """What was seen on its host stays there: a record of another host would leave container and models behind."""
    on_the_way = moving(conn, [row["agent"] for row, _changes in moves])
    for row, _changes in moves:
        was = current[AGENT.key(row)]
        if was["agent"] in on_the_way:
            raise _on_its_way(was, on_the_way[was["agent"]])
        if row["host"] != was["host"] and was["observed"] is not None:
            raise TenancyError(
                f"Agent {was['agent']} stays on host {was['host']}, it can't be recorded on {row['host']}",
                cause=f"its container and its models are on {was['host']}",
                remedy=f"Move it with its data: ansible-playbook move_agent.yml -e tenant={was['tenant']}"
                f" -e agent={was['agent']} -e to_host={row['host']}. Or leave host (agent_host) out",
                kind="agent_has_host",
            )


def moving(conn: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Where those of these agents that are on their way to another host come ``from`` and go ``to``."""
    rows = conn.execute(
        "SELECT agent, CASE WHEN m.switched THEN m.host ELSE a.host END AS \"from\","
        " CASE WHEN m.switched THEN a.host ELSE m.host END AS \"to\""
        " FROM llmops.moves m JOIN llmops.agents a USING (agent) WHERE agent = ANY(%s)",
        (list(names),),
    ).fetchall() if names else []
    return {row.pop("agent"): row for row in rows}


def on_their_way(conn: Any, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """These agents, those that are on their way to another host with their ``move``, as :func:`moving` tells it."""
    ways = moving(conn, [row["agent"] for row in rows])
    return [{**row, **({"move": ways[row["agent"]]} if row["agent"] in ways else {})} for row in rows]


def _on_its_way(was: Row, way: Mapping[str, str]) -> TenancyError:
    """The rule ``check_move`` of the database, told before anything else that may be wrong with the other place."""
    return TenancyError(
        f"Agent {was['agent']} can't be recorded on another host or port",
        cause=f"it is on its way from {way['from']} to {way['to']}",
        remedy=f"Finish its move first: ansible-playbook move_agent.yml -e tenant={was['tenant']} -e agent={was['agent']}. "
        f"A file that names its host has to name {way['to']} then",
        kind="agent_moves",
    )


def _place_again(update: Update, placement: Placement, rooms: Rooms) -> Update:
    """The update with the place that the agent gets: another host means another port, unless one is asked for."""
    row, changes = update
    placement.check_host(row["host"], row["agent"])
    asked = {change.field for change in changes}
    old = {change.field: change.before for change in changes}
    port = row["port"] if "port" in asked else None
    placed = {**row, **rooms.place({**row, "port": port}, leaves=old.get("host", row["host"]))}
    rest = tuple(change for change in changes if change.field not in ("host", "port"))
    where = tuple(
        Change(name, old.get(name, row[name]), placed[name])
        for name in ("host", "port")
        if old.get(name, row[name]) != placed[name]
    )
    return placed, where + rest


def read_rooms(conn: Any, rows: Sequence[Row], placement: Placement) -> Rooms:
    """What is taken of the hosts that these agents may go to. Without agents, nothing is read."""
    names = {host.name for host in placement.hosts} | {row["host"] for row in rows if row["host"]}
    places = conn.execute(
        "SELECT agent, tenant, host, port, memory_limit, cpu_limit, disk_limit, gpus, anti_affinity"
        " FROM llmops.places WHERE host = ANY(%s)",
        (sorted(names),),
    ).fetchall() if rows else []
    return Rooms(placement, places)


def _explicit_first(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Rows that ask for a port before those that take any, lest these take it."""
    return tuple(sorted(rows, key=lambda row: (row["port"] is None, row["host"] is None)))


def _placed(row: dict[str, Any], placement: Placement, rooms: Rooms) -> dict[str, Any]:
    if row["host"]:
        placement.check_host(row["host"], row["agent"])
    return {**row, **rooms.place(row)}


def _check_room(grown: Sequence[Row], rooms: Rooms) -> None:
    """A host must have room for what its agents grow by; new and moved agents were placed where there is room.

    :raises TenancyError: ``no_room``, with the sum.
    """
    for row in grown:
        refusals = rooms.outgrown(row)
        if refusals:
            raise TenancyError(
                f"Agent host {row['host']} has no room for what agent {row['agent']} asks for",
                cause=", ".join(refusals),
                remedy="Ask for less, raise the capacity or overcommit the host is given, or move the agent (move_agent)",
                kind="no_room",
            )


def _grows(change: Change) -> bool:
    if change.field == "affinity":
        return bool(set(change.after) - set(change.before))
    return change.field in _ROOM and change.after > change.before


def _observed_now(conn: Any, wishes: Sequence[Mapping[str, Any]]) -> dict[records.Key, Row]:
    """Note when the given observations were made, also those that say nothing new."""
    seen = [each["agent"] for each in wishes if each["state"] == "present" and each["observed"] is not None]
    if not seen:
        return {}
    return tables.by_key(
        AGENT,
        conn.execute(
            "UPDATE llmops.agents SET observed_at = CASE WHEN observed IS NOT NULL THEN now() END"
            " WHERE agent = ANY(%s) RETURNING *",
            (seen,),
        ).fetchall(),
    )
