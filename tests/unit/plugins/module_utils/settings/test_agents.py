# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents as an operator gives them: lists, short variables, and both together."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import agents


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"agent": "chat"}], [{"agent": "chat"}]),
        ({"agent": "chat", "port": "11500"}, [{"agent": "chat", "port": 11500}]),
        ('[{"agent": "chat", "model": "demo"}]', [{"agent": "chat", "models": ["demo"]}]),
        ([{"agent": "chat", "model": "demo", "models": ["other", "demo"]}], [{"agent": "chat", "models": ["demo", "other"]}]),
        ([{"agent": "chat", "context_length": 16777216}], [{"agent": "chat", "context_length": 16777216}]),
        ([{"agent": "chat", "models": "demo,other"}], [{"agent": "chat", "models": ["demo", "other"]}]),
        (
            [{"agent": "chat", "memory_limit": "1g", "memory_reservation": "1g", "cpu_limit": 0.5, "image": ""}],
            [{"agent": "chat", "memory_limit": "1g", "memory_reservation": "1g", "cpu_limit": "0.5"}],
        ),
    ],
)
def test_lists(value, expected):
    assert agents.parse_agents(value) == expected


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("chat", "invalid_value", "agents[0] 'chat' is not a mapping"),
        ([{"agent": "chat"}, {"agent": "chat"}], "duplicate_agent", "names the agent 'chat' twice"),
        ([{"port": 1}, {"port": 2}], "duplicate_agent", "has no agent"),
        ([{"agent": "Chat"}], "invalid_slug", "agents[0].agent 'Chat'"),
        ([{"models": ["demo", None]}], "empty_entry", "agents[0].models[1] is empty"),
        ([{"agent": "chat"}, None], "empty_entry", "agents[1] is empty"),
        ([{"agent": "chat", "memory": "1g"}], "unknown_key", "Did you mean 'memory_limit'?"),
        ([{"agent": "chat", "memory_limit": "1g", "memory_reservation": "2g"}], "invalid_size", "is more than"),
        ([{"agent": "chat", "model": "a b"}], "invalid_model", "not a model reference"),
        ([{"agent": "chat", "context_length": 16777217}], "invalid_number", "1 to 16777216"),
        ([{"agent": "chat", "desired_state": "running"}], "invalid_choice", "started, stopped"),
    ],
)
def test_wrong_lists_name_the_entry(value, kind, said):
    with pytest.raises(TenancyError) as caught:
        agents.parse_agents(value)
    assert caught.value.kind == kind
    assert said in str(caught.value)


def test_short_variables():
    given = {"model": "demo", "agent_port": 11500, "agent_host": "gpu-01", "tenant": "x"}
    assert agents.parse_short(given) == {"models": ["demo"], "port": 11500, "host": "gpu-01"}
    with pytest.raises(TenancyError, match="memory_reservation 2g is more than memory_limit 1g"):
        agents.parse_short({"memory_limit": "1g", "memory_reservation": "2g"})


@pytest.mark.parametrize(
    ("listed", "short", "expected"),
    [
        ([], {}, []),
        ([], {"memory_limit": "1g"}, [{"memory_limit": "1g"}]),
        ([{"agent": "a"}], {}, [{"agent": "a"}]),
        ([{"agent": "a", "memory_limit": "1g"}], {"memory_limit": "2g"}, [{"agent": "a", "memory_limit": "2g"}]),
        ([{}], {"agent": "a"}, [{"agent": "a"}]),
        ([{"agent": "a"}, {"agent": "b"}], {"agent": "b", "port": 1}, [{"agent": "a"}, {"agent": "b", "port": 1}]),
        ([{"agent": "a"}], {"agent": "b"}, [{"agent": "a"}, {"agent": "b"}]),
        ([{"agent": "a"}, {"agent": "b"}], {"agent": "c"}, [{"agent": "a"}, {"agent": "b"}, {"agent": "c"}]),
    ],
)
def test_short_variables_and_a_list(listed, short, expected):
    assert agents.combine(listed, short) == expected


def test_short_variables_that_could_mean_several_agents_are_refused():
    with pytest.raises(TenancyError, match="model, memory_limit could mean|memory_limit, model could mean any of 2 agents") as caught:
        agents.combine([{"agent": "a"}, {"agent": "b"}], {"memory_limit": "1g", "models": ["demo"]})
    assert caught.value.kind == "ambiguous_agent"


def test_a_merged_agent_is_checked_again():
    with pytest.raises(TenancyError, match="memory_reservation 2g is more"):
        agents.combine([{"agent": "a", "memory_reservation": "2g"}], {"memory_limit": "1g"})
