# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which agents are asked what they use before their limits are lowered, how often, and who is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, AgentAction, Observation, Usage
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.shrinking import check_shrinks
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change


class Values:
    """An engine that is asked one thing, and what its agents use."""

    def __init__(self, **used):
        self.used, self.asked = used, []

    def usages(self, agents):
        self.asked.append(sorted(agent.agent for agent in agents))
        return {agent.agent: Usage(self.used[agent.agent], 0, 0.0) for agent in agents if agent.agent in self.used}


def update(name, before, after, verb="update"):
    return AgentAction(verb, "container", name, agent=name, changes=(Change("cpu_limit", 1, 2), Change("memory_limit", before, after)))


RUNNING = ActualAgent("", "acme", "", "id", "running", DEFAULTS, "sha256:1")
OBSERVED = Observation({
    **{name: replace(RUNNING, agent=name) for name in ("lower", "least", "higher", "anew", "open", "gone")},
    "off": replace(RUNNING, agent="off", state="exited"),
})
ACTIONS = [
    update("lower", 9, 5), update("least", 9, 2), update("higher", 5, 9), update("anew", 9, 1, "recreate"), update("off", 9, 1),
    # One without a limit until now, and one that ends before it is asked.
    update("open", 0, 5), update("gone", 9, 1),
]


def test_all_are_asked_at_once_and_once():
    engine, used = Values(lower=5, least=2), {}
    check_shrinks(engine, ACTIONS, OBSERVED, used)
    check_shrinks(engine, ACTIONS, OBSERVED, used)
    assert engine.asked == [["gone", "least", "lower"]]
    check_shrinks(engine, ACTIONS[2:3], OBSERVED, used)
    assert len(engine.asked) == 1


def test_one_that_uses_more_is_refused():
    engine = Values(lower=6, least=3)
    with pytest.raises(TenancyError, match="memory_limit of agent 'lower' can't be lowered") as error:
        check_shrinks(engine, ACTIONS, OBSERVED, {})
    assert (error.value.kind, error.value.details["agent"]) == ("memory_in_use", "lower")
