# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going on without the agents that fail."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.failures import combined
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.tolerance import blamed, plan_sound, sharers
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

SPECS = [AgentSpec(name, "acme") for name in ("a1", "a2", "a3")]


def fault(agent: str) -> TenancyError:
    return TenancyError(f"{agent} can't be", cause="it is taken", remedy="Choose another", kind="name_taken", agent=agent)


def names(specs):
    return [spec.agent for spec in specs]


@pytest.mark.parametrize(
    ("error", "agents"),
    [
        (fault("a1"), ["a1"]),
        (combined([fault("a1"), fault("a3")]), ["a1", "a3"]),
        (TenancyError("the engine is gone", kind="docker_unreachable"), []),
        (combined([fault("a2"), TenancyError("of nobody")]), ["a2"]),
    ],
)
def test_blamed(error, agents):
    found = blamed(error)
    assert list(found) == agents
    assert all(str(found[agent]) == str(fault(agent)) and found[agent].kind == "name_taken" for agent in agents)


def test_the_sound_ones_are_planned():
    """One after the other turns out to be bad, one of them needs no plan to know it."""

    def plan(specs):
        for bad in ("a1", "a3"):
            if bad in names(specs):
                raise fault(bad)
        return names(specs)

    planned, failures = plan_sound([*SPECS, AgentSpec("a4", "acme", port=70_000)], plan)
    assert planned == ["a2"]
    assert {agent: error.kind for agent, error in failures.items()} == {
        "a1": "name_taken", "a3": "name_taken", "a4": "invalid_port"
    }


@pytest.mark.parametrize("error", [TenancyError("the engine is gone"), fault("elsewhere")])
def test_an_error_of_no_agent_of_the_call_ends_it(error):
    def plan(specs):
        raise error

    with pytest.raises(TenancyError) as caught:
        plan_sound(SPECS, plan)
    assert caught.value is error


def test_sharers():
    actions = [
        AgentAction("create", "container", "ollama-agent-a1", agent="a1", tenant="acme", settings=DEFAULTS),
        AgentAction("start", "container", "ollama-agent-a1", agent="a1", tenant="acme", settings=DEFAULTS),
        AgentAction("stop", "container", "ollama-agent-b1", agent="b1", tenant="blue"),
    ]
    assert sharers(actions, AgentAction("pull", "image", DEFAULTS.image)) == ["a1"]
    assert sharers(actions, AgentAction("create", "network", "ollama-tenant-blue", tenant="blue")) == ["b1"]
    assert sharers(actions, AgentAction("pull", "image", "another")) == []
