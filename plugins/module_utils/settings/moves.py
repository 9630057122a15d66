# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves of agents between the steps of a playbook: who does what next, and what came of it. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

Record = Mapping[str, Any]
# What the tasks of a move register on its hosts.
_RESULTS = (
    "_move_looked", "_agent_before", "_agent_store", "_agent_engine", "_move_stopped", "_move_packed", "_move_brought", "_move_unpacked",
    "_move_cleaned", "_move_emptied",
)


def hosts(moves: Iterable[Record], side: str, states: Sequence[str]) -> list[str]:
    """The agent hosts that moves in these states leave (``from``) or go to (``to``), each once."""
    return sorted({move[f"{side}_host"] for move in moves if move["state"] in states})


def records(
    moves: Iterable[Record], side: str, host: str, states: Sequence[str], desired_state: str | None = None,
    looks: Iterable[Record] | None = None,
) -> list[dict[str, Any]]:
    """Records of the agents that leave a host or come to it, as they are to be there.

    :param desired_state: instead of that of the record.
    :param looks: as :func:`refused` takes them. Only agents that they found then, each with what it brings: whether its volume lays
        ``own_models`` over ``shared`` ones.
    """
    brought = None if looks is None else _brought(looks)
    return [
        {
            **move["record"],
            "host": host,
            "port": move[f"{side}_port"],
            "desired_state": desired_state or move["record"]["desired_state"],
            **(brought or {}).get(move["agent"], {}),
        }
        for move in moves
        if move["state"] in states and move[f"{side}_host"] == host and (brought is None or move["agent"] in brought)
    ]


def _brought(looks: Iterable[Record]) -> dict[str, dict[str, Any]]:
    found = {}
    for look in looks:
        own = {each["agent"]: each["models"] for each in look["_move_looked"]["directories"]}
        for volume in look["_move_looked"]["volumes"]:
            found[volume["agent"]] = {"shared": volume["shared"], "own_models": own.get(volume["agent"], [])}
    return found


def refused(moves: Iterable[Record], looks: Sequence[Record]) -> list[dict[str, Any]]:
    """The failures of agents that have nothing on their host that could be moved. They are left as they are.

    :param looks: variables of the hosts that agents leave and that told what they have, with ``_move_looked`` as ``ollama_agent_info`` returned it.
    """
    seen = {look["inventory_hostname"]: {agent["agent"] for agent in look["_move_looked"]["agents"]} for look in looks}
    brought = _brought(looks)
    return [
        {"agent": move["agent"], "tenant": move["tenant"], **_immovable(move, move["agent"] in seen[move["from_host"]]).as_result()}
        for move in moves
        if move["state"] == "begun" and move["from_host"] in seen and move["agent"] not in brought
    ]


def _immovable(move: Record, there: bool) -> TenancyError:
    agent, old = move["agent"], there and move["record"].get("adopted")
    return TenancyError(
        f"Agent {agent} can't move",
        cause="it is in its old container, and its models are in no volume of its own" if old
        else f"the engine of {move['from_host']} has no volume of it",
        remedy=f"Cancel its move, make it anew and move it then: move_agent.yml -e tenant={move['tenant']} -e agent={agent} -e to_host={move['from_host']}"
        f", onboard_tenant.yml -e tenant={move['tenant']} -e agent_renew={agent}" if old
        else "Look whether the catalog names the right host (drift)",
        kind="not_renewed" if old else "data_missing",
    )


def switched(moves: Iterable[Record], now: Iterable[Record]) -> list[dict[str, Any]]:
    """Moves whose record names the new place: those that had been switched before, and those just now.

    None of one host to itself, which no run makes: what it would remove at its end is the agent itself.
    """
    found = [*(move for move in moves if move["state"] == "switched"), *now]
    return [dict(move) for move in found if move["from_host"] != move["to_host"]]


def staying(moves: Iterable[Record], others: Iterable[Record]) -> list[dict[str, Any]]:
    """Moves that were begun and don't go on in this run: their agents have to run where they are.

    :param others: moves that go on, and agents that nobody touched.
    """
    names = {other["agent"] for other in others}
    return [dict(move) for move in moves if move["state"] == "begun" and move["agent"] not in names]


def arrived(moves: Iterable[Record], observed: Iterable[Record]) -> list[dict[str, Any]]:
    """Moves whose agent is as it should be where it went, so that what it left can be removed.

    :param observed: agents of the hosts that they went to, as ``ollama_agent`` returned them.
    """
    seen = {agent["agent"]: agent for agent in observed}
    return [dict(move) for move in moves if _is_up(move["record"], seen.get(move["agent"]))]


def _is_up(record: Record, seen: Record | None) -> bool:
    if seen is None:
        return False
    health = seen.get("health") or {}
    # The engine has no check of its own for a container of an older system.
    up = health.get("status") == "healthy" or (health.get("status") == "none" and health.get("api"))
    return record["desired_state"] == "stopped" or bool(seen.get("state") == "running" and up)


def causes(reports: Iterable[Record]) -> dict[str, str]:
    """Why hosts did not do all that was asked for, by host.

    :param reports: variables of the hosts, with what their tasks returned.
    """
    found = {}
    for report in reports:
        results = [report.get(name) or {} for name in _RESULTS]
        lost = [result for result in results if result.get("unreachable")]
        # What fails after an unreachable host's silence is no cause.
        cause = lost[0].get("msg") if lost else report.get("_move_cause")
        if cause:
            found[report["inventory_hostname"]] = str(cause).strip().rstrip(".")
    return found


def outcome(
    moves: Iterable[Record], failures: Iterable[Record], finished: Iterable[str], causes: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """What a run says at its end, a line for each agent.

    :param failures: of all steps, with ``agent`` and ``msg``. :param finished: names of the agents that have moved.
    :param causes: as :func:`causes` tells them; why no record could be switched has an empty name.
    """
    told = {failure["agent"]: f"{failure['agent']}: {failure['msg']}" for failure in failures}
    done, why = set(finished), causes or {}
    lines = []
    for move in moves:
        path = f"{move['agent']}: {move['from_host']} -> {move['to_host']}:{move['to_port']}"
        if move["agent"] in done:
            lines.append(path)
        elif move["state"] != "finished":
            ends = [f"{host}: {why[host]}" for host in (move["to_host"], move["from_host"]) if host in why]
            ends += [why[""].rstrip(".")] if "" in why else []
            begins = f"{path} is not finished. "
            told.setdefault(move["agent"], begins + "".join(f"{end}. " for end in ends) + "Run it again when that host is well: it goes on.")
    return {"moved": lines, "failed": [told[name] for name in sorted(told)]}
