# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents in the catalog: their records, and where they are placed."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence

try:
    from psycopg import sql
except ImportError:
    sql = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import records, tables
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.agent_wishes import AGENT, DEFAULT_MEMORY
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import CLEAR, Row
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
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
                cause=f"it has {', '.join(have[:10])}",
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
    :raises TenancyError: ``agent_taken``, ``agent_has_host``, ``unknown_host`` or ``no_room``.
    :raises psycopg.Error: of rules ``quota_exceeded``, ``no_room`` or ``port_taken``.
    """
    keys = [AGENT.key(each) for each in wishes]
    current = find(conn, [each["agent"] for each in wishes])
    _check_owners(wishes, current)
    steps = records.compare(AGENT, [_adapt(each, current.get(AGENT.key(each))) for each in wishes], current)
    # Removed first: their ports and their share of the quota are free for the others of the same call.
    written = tables.write(conn, AGENT, records.Steps(remove=steps.remove))
    moves, changes = _split(steps.update)
    _check_left(moves, current)
    written.update(tables.write(conn, AGENT, records.Steps(update=changes)))
    moved = []
    for move in moves:
        # One after the other: each finds the ports that those before have left and taken.
        moved.append(_place_again(conn, move, placement))
        written.update(tables.write(conn, AGENT, records.Steps(update=(moved[-1],))))
    written.update(
        tables.write(
            conn,
            AGENT,
            records.Steps(create=_explicit_first(steps.create)),
            lambda c, rows: _insert(c, rows, placement),
        )
    )
    _check_room(conn, changes, placement)
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
    moves = [update for update in updates if {change.field for change in update[1]} & {"host", "port"}]
    return tuple(moves), tuple(update for update in updates if update not in moves)


def _check_left(moves: Sequence[Update], current: Mapping[records.Key, Row]) -> None:
    """What was seen on its host stays there: a record of another host would leave container and models behind."""
    for row, changes in moves:
        was = current[AGENT.key(row)]
        if row["host"] != was["host"] and was["observed"] is not None:
            raise TenancyError(
                f"Agent {was['agent']} stays on host {was['host']}, it can't be recorded on {row['host']}",
                cause=f"its container and its models are on {was['host']}",
                remedy=f"Move it with its data: ansible-playbook move_agent.yml -e tenant={was['tenant']}"
                f" -e agent={was['agent']} -e to_host={row['host']}. Or leave host (agent_host) out",
                kind="agent_has_host",
            )


def _place_again(conn: Any, update: Update, placement: Placement) -> Update:
    """The update with the place that the agent gets: another host means another port, unless one is asked for."""
    row, changes = update
    placement.check_host(row["host"], row["agent"])
    asked = {change.field for change in changes}
    old = {change.field: change.before for change in changes}
    port = row["port"] if "port" in asked else None
    placed = {**row, **place(conn, {**row, "port": port}, placement)}
    rest = tuple(change for change in changes if change.field not in ("host", "port"))
    where = tuple(
        Change(name, old.get(name, row[name]), placed[name])
        for name in ("host", "port")
        if old.get(name, row[name]) != placed[name]
    )
    return placed, where + rest


def place(conn: Any, row: Row, placement: Placement) -> dict[str, Any]:
    """``host`` and ``port`` for an agent, those that its row asks for or others.

    :raises psycopg.Error: of rules ``no_room`` or ``port_taken``.
    """
    return conn.execute(
        f"SELECT p.* FROM jsonb_populate_record(NULL::llmops.agents, %(row)s) r CROSS JOIN LATERAL {_PLACE} p",
        {**_placing(placement), "row": json.dumps(_shape(row))},
    ).fetchone()


def _explicit_first(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Rows that ask for a port before those that take any, lest these take it."""
    return tuple(sorted(rows, key=lambda row: (row["port"] is None, row["host"] is None)))


# Without agent hosts in the options an agent may ask for any: the one it asks for is then the only candidate.
_HOSTS = (
    "CASE WHEN %(any_host)s AND r.host IS NOT NULL THEN jsonb_build_array(jsonb_build_object('name', r.host))"
    " ELSE %(hosts)s::jsonb END"
)
_PLACE = f"llmops.place_agent(r, {_HOSTS}, %(strategy)s, %(first)s, %(last)s)"


def _placing(placement: Placement) -> dict[str, Any]:
    return {
        "hosts": placement.as_json(),
        "any_host": not placement.named_hosts_only,
        "strategy": placement.strategy,
        "first": placement.first,
        "last": placement.last,
    }


def _shape(row: Row) -> dict[str, Any]:
    """What of a record the placement looks at."""
    return {name: row[name] for name in ("agent", "tenant", "host", "port", *_ROOM)}


def _insert(conn: Any, rows: Sequence[Row], placement: Placement) -> list[dict[str, Any]]:
    for row in rows:
        if row["host"]:
            placement.check_host(row["host"], row["agent"])
    columns = AGENT.keys + AGENT.fields
    sources = sql.SQL(", ").join(sql.Identifier("p" if name in ("host", "port") else "r", name) for name in columns)
    query = sql.SQL(
        "INSERT INTO llmops.agents ({columns})"
        " SELECT {sources} FROM jsonb_populate_recordset(NULL::llmops.agents, %(rows)s) r"
        f" CROSS JOIN LATERAL {_PLACE} p RETURNING *"
    ).format(columns=sql.SQL(", ").join(map(sql.Identifier, columns)), sources=sources)
    return conn.execute(query, {**_placing(placement), "rows": tables.as_json(rows, columns)}).fetchall()


def _check_room(conn: Any, changes: Sequence[Update], placement: Placement) -> None:
    """A host must have room for what its agents grow by; new and moved agents were placed where there is room.

    :raises TenancyError: ``no_room``, with the sum.
    """
    grown = [row for row, differences in changes if any(_grows(change) for change in differences)]
    if not grown:
        return
    refused = conn.execute(
        "SELECT r.agent, h.name, h.refusal FROM jsonb_populate_recordset(NULL::llmops.agents, %(rows)s) r"
        " CROSS JOIN LATERAL llmops.host_room(r, %(hosts)s::jsonb, %(first)s, %(last)s) h"
        " WHERE h.refusal IS NOT NULL LIMIT 1",
        {**_placing(placement), "rows": json.dumps([_shape(row) for row in grown])},
    ).fetchone()
    if refused:
        raise TenancyError(
            f"Agent host {refused['name']} has no room for what agent {refused['agent']} asks for",
            cause=refused["refusal"],
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
