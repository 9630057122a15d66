# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents that move from host to host: their second place, from the reservation until the first one is empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

try:
    import psycopg
except ImportError:
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import agents, faults, records, tables
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.agent_wishes import AGENT
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import Row
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change, Plan

STATES = ("begun", "switched", "finished", "cancelled", "reversed")


@dataclass(frozen=True)
class Wish:
    """Which agents move, how far, and where to.

    :param tenant: :param names: :param from_host: the agents that are meant by all that is given.
    :param to_host: None for any but the one they are on.
    """

    state: str
    tenant: str | None = None
    names: tuple[str, ...] | None = None
    from_host: str | None = None
    to_host: str | None = None


Moved = tuple[Plan, dict[str, Any]]


def ensure(
    conn: Any, wish: Wish, placement: Placement, *, keep_going: bool, check: bool
) -> tuple[Plan, list[dict[str, Any]], list[dict[str, Any]]]:
    """Bring the moves of agents as far as wished, one agent after the other.

    :param check: count what an earlier task of the play would have done as done.
    :returns: the plan carried out, the moves, and a failure for each agent that stays where it is.
    :raises TenancyError: ``agent_missing``, ``no_room``, ``move_missing`` or ``move_unfinished``.
    """
    done: list[Moved] = []
    failures = []
    for row in _chosen(conn, wish):
        try:
            with conn.transaction():
                done.append(_advance(conn, wish, row, placement, check))
        except (TenancyError, psycopg.Error) as error:
            fault = error if isinstance(error, TenancyError) else _fault(conn, error)
            if not keep_going:
                raise fault from None
            failures.append({"agent": row["agent"], "tenant": row["tenant"], **fault.as_result()})
    return records.merge(*(plan for plan, _move in done)), [move for _plan, move in done], failures


def _fault(conn: Any, error: Any) -> TenancyError:
    if not faults.of_a_value(error):
        raise error
    return faults.translate(error, f"catalog '{conn.info.dbname}'")


def _chosen(conn: Any, wish: Wish) -> list[dict[str, Any]]:
    """The agents that are meant, each with the ``move`` it is on."""
    rows = conn.execute(
        "SELECT a.*, to_jsonb(m) AS move FROM llmops.agents a LEFT JOIN llmops.moves m USING (agent)"
        " WHERE (%(tenant)s::text IS NULL OR a.tenant = %(tenant)s)"
        " AND (%(names)s::text[] IS NULL OR a.agent = ANY(%(names)s))"
        " AND (%(host)s::text IS NULL OR a.host = %(host)s OR m.host = %(host)s AND m.switched) ORDER BY a.agent",
        {"tenant": wish.tenant, "names": None if wish.names is None else list(wish.names), "host": wish.from_host},
    ).fetchall()
    missing = sorted(set(wish.names or ()) - {row["agent"] for row in rows})
    if missing or not rows and wish.tenant:
        whose = f" of tenant {wish.tenant}" if wish.tenant else ""
        raise TenancyError(
            f"There is no agent {', '.join(missing)}{whose}" if missing else f"There is no agent{whose}",
            cause="the catalog has no such record" + (f" on host {wish.from_host}" if wish.from_host else ""),
            remedy="Correct the name; tenant_status lists what is there",
            kind="agent_missing",
        )
    return rows


def _advance(conn: Any, wish: Wish, row: Row, placement: Placement, check: bool) -> Moved:
    move = row["move"]
    if wish.state == "begun":
        return _begin(conn, wish, row, placement)
    if wish.state == "cancelled":
        return _cancel(conn, row)
    if wish.state == "reversed":
        return _reverse(conn, wish, row)
    if move is None and (wish.to_host == row["host"] or wish.state == "finished" and not check):
        return Plan(), _result(row, None)
    if move is None or (not move["switched"] and wish.state == "finished"):
        if not check:
            raise _not_ready(row, wish.state)
        # What an earlier task of the play would have done.
        earlier = replace(wish, state="begun" if move is None or wish.to_host == row["host"] else "switched")
        _advance(conn, earlier, row, placement, check)
        [row] = _chosen(conn, Wish("begun", names=(row["agent"],)))
        return _advance(conn, wish, row, placement, check) if row["move"] else (Plan(), _result(row, None))
    if wish.state == "switched":
        return (Plan(), _result(row, move)) if move["switched"] else _switch(conn, row)
    conn.execute("DELETE FROM llmops.moves WHERE agent = %s", (row["agent"],))
    return _plan("finish", row, move["host"], row["host"]), _result(row, None)


def _begin(conn: Any, wish: Wish, row: Row, placement: Placement) -> Moved:
    """Reserve the place that the agent goes to; one that is on its way keeps what it has."""
    move, agent = row["move"], row["agent"]
    goal = row["host"] if move is None or move["switched"] else move["host"]
    asked = wish.to_host or (None if wish.from_host == goal else goal)
    if asked == goal and move is not None:
        return Plan(), _result(row, move)
    if wish.to_host == row["host"]:
        if move is None:
            return Plan(), _result(row, None)
        # What was made there by now is to be removed, as what an agent leaves behind is.
        conn.execute("UPDATE llmops.moves SET switched = true WHERE agent = %s", (agent,))
        return _plan("cancel", row, move["host"], row["host"]), _result(row, {**move, "switched": True})
    if move is not None:
        raise _elsewhere(wish, row)
    if wish.to_host:
        placement.check_host(wish.to_host, agent)
    others = tuple(host for host in placement.hosts if host.name not in (row["host"], wish.from_host))
    wanted = {**row, "host": wish.to_host, "port": None}
    there = agents.read_rooms(conn, [wanted], replace(placement, hosts=others)).place(wanted)
    conn.execute(
        "INSERT INTO llmops.moves (agent, host, port) VALUES (%s, %s, %s)", (agent, there["host"], there["port"])
    )
    return _plan("move", row, row["host"], there["host"]), _result(row, {**there, "switched": False})


def _elsewhere(wish: Wish, row: Row) -> TenancyError:
    """Another place than the one that an agent is on its way to would leave what was made there to nobody."""
    here, other = row["host"], row["move"]["host"]
    left = row["move"]["switched"]
    return TenancyError(
        f"Agent {row['agent']} can't move {f'to {wish.to_host}' if wish.to_host else 'on'} yet",
        cause=f"it is on {here}, and what it has left on {other} is not removed" if left else f"it is on its way to {other}",
        remedy=f"Finish that first, with to_host={here} (if {here} is lost: docs/operations.md)" if left
        else f"Finish that with to_host={other}, or cancel it with to_host={here}",
        kind="move_unfinished",
    )


def _switch(conn: Any, row: Row) -> Moved:
    """From now on the agent is where it was copied to, and what it left is to be removed."""
    move = row["move"]
    conn.execute(
        "UPDATE llmops.moves SET host = %s, port = %s, switched = true WHERE agent = %s",
        (row["host"], row["port"], row["agent"]),
    )
    # What was seen of it stays: it says that its data is on its host, so that no other record than a move's changes that.
    now = {**row, "host": move["host"], "port": move["port"]}
    changes = tuple(Change(name, row[name], now[name]) for name in ("host", "port") if row[name] != now[name])
    steps = records.Steps(update=((now, changes),))
    written = tables.write(conn, AGENT, steps)
    left = {"host": row["host"], "port": row["port"], "switched": True}
    return records.plan(AGENT, steps, written), _result({**row, **written[AGENT.key(row)]}, left)


def _cancel(conn: Any, row: Row) -> Moved:
    move = row["move"]
    if move is None:
        return Plan(), _result(row, None)
    if move["switched"]:
        raise TenancyError(
            f"The move of agent {row['agent']} can't be cancelled any more",
            cause=f"it is on {row['host']} since the switch",
            remedy=f"Finish it, then move it back with to_host={move['host']}",
            kind="move_unfinished",
        )
    conn.execute("DELETE FROM llmops.moves WHERE agent = %s", (row["agent"],))
    return _plan("cancel", row, move["host"], row["host"]), _result(row, None)


def _reverse(conn: Any, wish: Wish, row: Row) -> Moved:
    """Back to the host that it left, with what is there; what it has where it went is to be removed from now on."""
    move = row["move"]
    if wish.to_host == row["host"]:
        return Plan(), _result(row, move)
    if move is None or not move["switched"] or move["host"] != wish.to_host:
        raise TenancyError(
            f"Agent {row['agent']} can't go back to {wish.to_host}",
            cause="it has no move from there whose record was switched and which is not finished",
            remedy=f"Move it there with its data: run move_agent.yml with to_host={wish.to_host}",
            kind="move_missing",
        )
    return _switch(conn, row)


def _plan(verb: str, row: Row, source: str, target: str) -> Plan:
    title = f"move of agent {row['agent']}"
    change = (Change("host", source, target),)
    return Plan((Action(verb, "move", row["agent"], changes=change),), {title: {"host": source}}, {title: {"host": target}})


def _result(row: Row, move: Row | None) -> dict[str, Any]:
    """A move as a result: the agent's record as it is on the host it goes to, and the host that it leaves."""
    here = {"host": row["host"], "port": row["port"]}
    there = here if move is None else {"host": move["host"], "port": move["port"]}
    switched = move is None or move["switched"]
    source, target = (there, here) if switched else (here, there)
    record = {name: value for name, value in row.items() if name != "move"}
    return {
        "agent": row["agent"],
        "tenant": row["tenant"],
        "state": "finished" if move is None else "switched" if switched else "begun",
        "from_host": source["host"],
        "from_port": source["port"],
        "to_host": target["host"],
        "to_port": target["port"],
        "record": records.as_result({**record, **target}, state="present"),
    }


def _not_ready(row: Row, state: str) -> TenancyError:
    return TenancyError(
        f"The move of agent {row['agent']} can't be {state}",
        cause="it has not begun" if row["move"] is None else "its record still names the host that it leaves",
        remedy="Run move_agent.yml, which does all steps in their order",
        kind="move_missing",
    )
