# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else of this collection an engine has."""

from __future__ import annotations

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSpec, Listed, Network, Observation, Volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.others import others_of

OBSERVED = Observation(
    networks={
        "bridge": Network("bridge"), "ollama-tenant-acme": Network("ollama-tenant-acme", (), "acme"),
        "ollama-tenant-gone": Network("ollama-tenant-gone", (), "gone"),
    },
    volumes={
        "ollama-agent-a": Volume("ollama-agent-a", "a", "acme"), "ollama-agent-kept": Volume("ollama-agent-kept", "kept", "gone"),
    },
    containers=(Listed("a", "acme", "ollama-agent-a", "running"), Listed("old", "acme", "renamed", "exited")),
    places={"kept": "gone", "lost": "gone"},
)


def test_what_no_agent_of_the_call_owns_is_told():
    found = [(item["kind"], item["name"], item["agent"], item["tenant"], item["state"]) for item in others_of(
        OBSERVED, [AgentSpec("a", "acme")]
    )]
    assert found == [
        ("container", "renamed", "old", "acme", "exited"),
        ("network", "ollama-tenant-gone", None, "gone", None),
        ("upper", "lost", "lost", "gone", None),
        ("volume", "ollama-agent-kept", "kept", "gone", None),
    ]


def test_without_agents_all_of_ours_is_told():
    assert {item["name"] for item in others_of(OBSERVED, [])} == {
        "ollama-agent-a", "renamed", "ollama-tenant-acme", "ollama-tenant-gone", "ollama-agent-kept", "lost"
    }
