# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order actions are carried out, and whom an error stops. The engine here only takes note."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.apply import apply_phases
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.tolerance import sharers
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

AGENTS = {"a1": "acme", "a2": "acme", "b1": "blue", "c1": "cyan"}
TENANTS = sorted(set(AGENTS.values()))
FATAL = frozenset({"subnet_taken"})


class Recorder:
    """Takes note of what it is told to do, and refuses some of it. :param refused: kind of error by name of the object."""

    def __init__(self, **refused: str) -> None:
        self.done: list[str] = []
        self.tried: list[str] = []
        self._refused = refused
        self._noting = threading.Lock()

    def apply(self, action: AgentAction) -> None:
        label = f"{action.verb} {action.name}"
        with self._noting:
            self.tried.append(label)
        if action.name in self._refused:
            raise TenancyError(f"{label} failed", kind=self._refused[action.name])
        with self._noting:
            self.done.append(label)

    def place(self, label: str) -> int:
        """When something was done. :raises ValueError: if it was not, or twice."""
        assert self.done.count(label) == 1, self.done
        return self.done.index(label)


def phases() -> list[list[AgentAction]]:
    """An image, then for each tenant a network and for each agent two steps, then the removal of a network."""
    made = [AgentAction(verb, "container", agent, agent=agent, tenant=AGENTS[agent]) for agent in AGENTS for verb in ("create", "start")]
    networks = [AgentAction("create", "network", tenant, tenant=tenant) for tenant in TENANTS]
    return [[AgentAction("pull", "image", "ollama")], [*networks, *made], [AgentAction("remove", "network", "old", tenant="old")]]


def applied(engine: Recorder, keep_going: bool = True) -> dict[str, TenancyError]:
    """Apply all phases; the failures."""
    planned = phases()
    actions = [action for phase in planned for action in phase]
    sharing = (lambda action: sharers(actions, action)) if keep_going else (lambda action: ())
    return apply_phases(engine, planned, FATAL, lambda action, error: error, sharing)


def test_everything_once_and_in_order() -> None:
    engine = Recorder()
    assert applied(engine) == {}
    assert engine.done[0] == "pull ollama" and engine.done[-1] == "remove old"
    assert len(engine.done) == 2 + len(TENANTS) + 2 * len(AGENTS)
    for agent, tenant in AGENTS.items():
        assert engine.place(f"create {tenant}") < engine.place(f"create {agent}") < engine.place(f"start {agent}")


def test_a_network_that_no_agent_waits_for() -> None:
    engine = Recorder()
    apply_phases(engine, [phases()[1][:1]], FATAL, lambda action, error: error)
    assert engine.done == ["create acme"]


def test_an_agent_that_fails_stops_itself_only() -> None:
    engine = Recorder(a1="oom")
    assert {agent: error.kind for agent, error in applied(engine).items()} == {"a1": "oom"}
    assert "start a1" not in engine.tried
    assert {"start a2", "start b1", "start c1", "remove old"} <= set(engine.done)


def test_a_network_that_fails_is_the_failure_of_its_tenants_agents() -> None:
    engine = Recorder(acme="disk_full")
    assert {agent: error.kind for agent, error in applied(engine).items()} == {"a1": "disk_full", "a2": "disk_full"}
    assert engine.tried.count("create acme") == 1
    assert not {"create a1", "create a2"} & set(engine.tried)
    assert {"start b1", "start c1", "remove old"} <= set(engine.done)


@pytest.mark.parametrize(("kind", "keep_going"), [("subnet_taken", True), ("disk_full", False)])
def test_a_network_whose_error_ends_the_run(kind: str, keep_going: bool) -> None:
    """The agents of other tenants are finished first; no later phase begins."""
    engine = Recorder(acme=kind, blue=kind)
    with pytest.raises(TenancyError) as raised:
        applied(engine, keep_going)
    assert raised.value.kind == kind
    assert raised.value.details["tenants"] == ["acme", "blue"]
    assert not {"create a1", "create a2", "create b1", "remove old"} & set(engine.tried)
    assert "start c1" in engine.done


def test_an_image_that_fails_ends_the_run_before_anything_else() -> None:
    engine = Recorder(ollama="docker_unreachable")
    with pytest.raises(TenancyError):
        applied(engine, keep_going=False)
    assert engine.tried == ["pull ollama"]
