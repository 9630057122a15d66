# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory limits that are lowered while agents run."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, Engine, Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size


def check_shrinks(engine: Engine, actions: Iterable[AgentAction], observed: Observation, used: dict[str, int]) -> None:
    """Refuse a limit below what an agent uses: a cgroup of version 2 would kill it instead.

    :param used: bytes by agent, of those that were asked; all others are asked at once, and are in it then.
    :raises TenancyError: ``memory_in_use``, of the first one.
    """
    limits = {action.agent: limit for action in actions if (limit := _lowered(action, observed))}
    asked = [observed.agents[name] for name in limits if name not in used]
    if asked:
        usages = engine.usages(asked)
        used |= {agent.agent: usages[agent.agent].memory if agent.agent in usages else 0 for agent in asked}
    for name, limit in limits.items():
        if used[name] > limit.after:
            raise TenancyError(
                f"The memory_limit of agent '{name}' can't be lowered to {human_size(limit.after)}",
                cause=f"it uses {human_size(used[name])} now",
                remedy="Choose a higher memory_limit, unload its models, or stop the agent first",
                kind="memory_in_use",
                agent=name, used=used[name],
            )


def _lowered(action: AgentAction, observed: Observation) -> Change | None:
    """The change of a limit that an agent which runs has to get by with."""
    agent = observed.agents.get(action.agent)
    if action.verb != "update" or agent is None or not agent.running:
        return None
    return next((change for change in action.changes if change.field == "memory_limit" and change.after < change.before), None)
