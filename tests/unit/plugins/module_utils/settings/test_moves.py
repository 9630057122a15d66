# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who does what next in a move, and what is said at its end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import moves


def move(agent: str, state: str, source: str = "a", target: str = "b", desired: str = "started") -> dict[str, Any]:
    record = {"agent": agent, "host": target, "port": 2, "desired_state": desired}
    return {
        "agent": agent, "state": state, "from_host": source, "from_port": 1, "to_host": target, "to_port": 2, "record": record,
    }


MOVES = [move("x", "begun"), move("y", "switched", target="c"), move("z", "finished", source="c", target="c")]


def test_hosts_and_records_are_those_of_a_side() -> None:
    assert moves.hosts(MOVES, "from", ["begun", "switched"]) == ["a"]
    assert moves.hosts(MOVES, "to", ["switched"]) == ["c"]
    assert moves.records(MOVES, "from", "a", ["begun"], "stopped") == [
        {"agent": "x", "host": "a", "port": 1, "desired_state": "stopped"}
    ]
    assert moves.records(MOVES, "to", "b", ["begun", "switched"])[0]["port"] == 2
    assert moves.records(MOVES, "from", "c", ["begun", "switched"]) == [], "what does not move is left alone"


def looked(host: str, agents: list[str], volumes: dict[str, bool], own: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "inventory_hostname": host,
        "_move_looked": {
            "agents": [{"agent": name} for name in agents],
            "volumes": [{"agent": name, "shared": shared} for name, shared in volumes.items()],
            "directories": [{"agent": name, "models": models} for name, models in own.items()],
        },
    }


def test_what_an_agent_brings_is_what_its_host_told() -> None:
    looks = [looked("a", ["x", "v"], {"x": True, "v": False}, {"x": ["own:latest"]})]
    moving = [move("x", "begun"), move("v", "begun"), move("w", "begun")]
    coming = moves.records(moving, "to", "b", ["begun"], None, looks)
    assert [(each["agent"], each["shared"], each["own_models"]) for each in coming] == [
        ("x", True, ["own:latest"]), ("v", False, [])
    ], "one that its host has nothing of is not made elsewhere"


def test_an_agent_that_has_nothing_to_move_is_refused() -> None:
    old = move("o", "begun")
    old["record"]["adopted"] = True
    moving = [{**each, "tenant": "t"} for each in (old, move("w", "begun"), move("u", "begun", source="c"), move("y", "switched"))]
    failures = moves.refused(moving, [looked("a", ["o"], {}, {})])
    assert [(failure["agent"], failure["error"]["kind"]) for failure in failures] == [("o", "not_renewed"), ("w", "data_missing")]
    assert "move_agent.yml -e tenant=t -e agent=o -e to_host=a, onboard_tenant.yml -e tenant=t -e agent_renew=o" in failures[0]["msg"]
    assert moves.refused(moving, []) == [], "of a host that told nothing, nothing is known"


def test_what_goes_on_and_what_stays() -> None:
    assert [each["agent"] for each in moves.switched(MOVES, [])] == ["y"]
    assert [each["agent"] for each in moves.switched(MOVES, [move("x", "switched")])] == ["y", "x"]
    assert [each["agent"] for each in moves.staying(MOVES, moves.switched(MOVES, []))] == ["x"]
    assert moves.staying(MOVES, [move("x", "switched")]) == []
    itself = move("x", "switched", target="a")
    assert moves.switched([itself], [itself]) == [], "what it would remove is the agent"


HEALTHY = {"agent": "x", "state": "running", "health": {"status": "healthy"}}
SEEN = [
    ("started", [HEALTHY], True),
    ("started", [], False),
    ("started", [{**HEALTHY, "agent": "other"}], False),
    ("started", [{**HEALTHY, "health": {"status": "starting"}}], False),
    ("started", [{"agent": "x", "state": "created", "health": None}], False),
    # A container of an older system that the engine does not check.
    ("started", [{**HEALTHY, "health": {"status": "none", "api": True}}], True),
    ("started", [{**HEALTHY, "health": {"status": "none", "api": False}}], False),
    ("stopped", [{"agent": "x", "state": "created"}], True),
    ("stopped", [], False),
]


@pytest.mark.parametrize(("desired", "seen", "up"), SEEN)
def test_nothing_is_removed_before_the_agent_is_well_elsewhere(desired: str, seen: list[dict[str, Any]], up: bool) -> None:
    assert bool(moves.arrived([move("x", "switched", desired=desired)], seen)) is up


def test_the_end_names_each_agent_once() -> None:
    told = moves.outcome(MOVES, [{"agent": "w", "msg": "No room."}, {"agent": "w", "msg": "Again."}], ["y"])
    assert told["moved"] == ["y: a -> c:2"]
    assert told["failed"][0] == "w: Again." and told["failed"][1].startswith("x: a -> b:2 is not finished.")


def test_the_end_tells_why_a_host_did_not_do_its_part() -> None:
    reports = [
        {"inventory_hostname": "a", "_move_looked": {"agents": []}},
        {"inventory_hostname": "b", "_agent_engine": {"unreachable": True, "msg": "No route to host."}, "_move_cause": "no attribute 'agents'"},
        {"inventory_hostname": "c", "_move_cause": "The engine can't be reached. Start it."},
    ]
    why = moves.causes(reports)
    assert why == {"b": "No route to host", "c": "The engine can't be reached. Start it"}
    [line] = moves.outcome([move("x", "begun")], [], [], why)["failed"]
    assert "is not finished. b: No route to host. Run it again" in line
    [line] = moves.outcome([move("x", "begun")], [], [], {"": "The catalog does not answer."})["failed"]
    assert "is not finished. The catalog does not answer. Run it again" in line
