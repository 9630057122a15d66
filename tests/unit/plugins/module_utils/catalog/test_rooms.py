# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where agents go: counted from what is taken, on from each one that was placed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import AgentHost, Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.rooms import Rooms
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

GIB = 1024**3


def row(agent: str, tenant: str = "acme", host: str | None = None, port: int | None = None, **more: Any) -> dict[str, Any]:
    """An agent's record, or its place."""
    return {
        "agent": agent, "tenant": tenant, "host": host, "port": port, "memory_limit": GIB, "cpu_limit": 1000, "disk_limit": GIB,
        "gpus": 0, "affinity": [], "anti_affinity": False, **more,
    }


def rooms(*hosts: AgentHost, places: tuple[dict[str, Any], ...] = (), strategy: str = "spread", named: bool = True) -> Rooms:
    """These hosts, with ports from 100 to 102."""
    return Rooms(Placement(hosts, named, 100, 102, strategy), places)


def error_of(found: Rooms, wanted: dict[str, Any]) -> TenancyError:
    """Why an agent can't be placed."""
    with pytest.raises(TenancyError) as caught:
        found.place(wanted)
    return caught.value


def test_each_one_placed_counts_for_the_next() -> None:
    found = rooms(AgentHost("a", agents=2), AgentHost("b"), places=(row("old", "globex", "a", 100),))
    placed = [found.place(row(f"agent-{number}")) for number in range(4)]
    assert [(each["host"], each["port"]) for each in placed] == [("b", 100), ("a", 101), ("b", 101), ("b", 102)]
    error = error_of(found, row("more"))
    assert error.kind == "no_room" and error.cause == "a: agents 2 used + 1 asked > 2; b: ports 3 used + 1 asked > 3"
    assert found.place(row("elsewhere", host="b", port=7)) == {"host": "b", "port": 7}


def test_a_port_that_is_taken_names_its_holder_and_the_next_free_one() -> None:
    found = rooms(AgentHost("a"), places=(row("old", "globex", "a", 100),))
    error = error_of(found, row("new", host="a", port=100))
    assert (error.kind, error.cause) == ("port_taken", "agent old of tenant globex has it")
    assert error.remedy == "Choose another: the next free port is 101"


def test_one_that_leaves_gives_its_place_back() -> None:
    places = (row("old", host="a", port=100), row("old", host="b", port=100), row("held", "globex", "a", 101))
    found = rooms(AgentHost("a", memory=2 * GIB), AgentHost("b"), places=places)
    assert found.place(row("old", host="a", port=102), leaves="a") == {"host": "a", "port": 102}
    assert found.place(row("new", host="b")) == {"host": "b", "port": 101}, "the place that it moves to stays its own"
    assert "memory 2g used + 1g asked > 2g" in error_of(found, row("third", host="a")).cause


def test_what_grows_must_find_room_without_itself() -> None:
    found = rooms(AgentHost("a", memory=3 * GIB), places=(row("one", host="a", port=100), row("two", host="a", port=101)))
    assert found.outgrown(row("one", host="a", port=100, memory_limit=2 * GIB)) == []
    assert found.outgrown(row("one", host="a", port=100, memory_limit=3 * GIB)) == ["memory 1g used + 3g asked > 3g"]
    assert found.outgrown(row("one", host="unknown", port=100, memory_limit=9 * GIB)) == []


@pytest.mark.parametrize(
    ("limit", "factor", "fits"), [(100, 0.29, 29), (1000, 1.1, 1100), (3000, 0.9, 2700), (10, 1.0, 10)],
)
def test_overcommit_is_exact(limit: int, factor: float, fits: int) -> None:
    for asked, told in ((fits, []), (fits + 1, ["a"])):
        found = rooms(AgentHost("a", cpus=limit, cpus_overcommit=factor))
        assert bool(found.outgrown(row("one", host="a", port=1, cpu_limit=asked))) is bool(told)


def test_any_host_may_be_asked_for_when_none_is_given() -> None:
    found = rooms(AgentHost("localhost"), named=False)
    assert [found.place(row(name, host="far"))["port"] for name in ("one", "two")] == [100, 101]
    assert found.place(row("three")) == {"host": "localhost", "port": 100}


def test_a_refusal_tells_twenty_hosts() -> None:
    error = error_of(rooms(*(AgentHost(f"h{number}", agents=0) for number in range(25))), row("one", gpus=1, affinity=["ssd"]))
    assert error.what == "No agent host has room for agent one (1g memory, 1 CPUs, 1g disk, 1 GPUs, ssd)"
    assert error.cause.count(";") == 20 and error.cause.endswith("; and 5 more")
