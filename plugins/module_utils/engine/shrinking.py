# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A memory limit that is lowered while an agent runs."""

from __future__ import annotations

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, Engine, Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size


def check_shrink(engine: Engine, action: AgentAction, observed: Observation) -> None:
    """Refuse a limit below what the agent uses: a cgroup of version 2 would kill it instead.

    :raises TenancyError: ``memory_in_use``.
    """
    agent = observed.agents.get(action.agent)
    limit = next((change for change in action.changes if change.field == "memory_limit"), None)
    if action.verb != "update" or limit is None or agent is None or not agent.running or limit.after >= limit.before:
        return
    usage = engine.usages([agent]).get(agent.agent)
    used = usage.memory if usage else 0
    if used > limit.after:
        raise TenancyError(
            f"The memory_limit of agent '{action.agent}' can't be lowered to {human_size(limit.after)}",
            cause=f"it uses {human_size(used)} now",
            remedy="Choose a higher memory_limit, unload its models, or stop the agent first",
            kind="memory_in_use",
            agent=action.agent, used=used,
        )
