# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going on without the agents that fail: which ones an error is about, and a plan of the others. Pure."""

from __future__ import annotations

from typing import Any, Callable, Sequence, TypeVar

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import check_spec
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

Planned = TypeVar("Planned")
Failures = dict[str, TenancyError]


def blamed(error: TenancyError) -> Failures:
    """The error by the agent it is about; each part of a combined one by its own. Empty when it names none."""
    parts = error.details.get("errors")
    if parts is None:
        return {str(error.details["agent"]): error} if error.details.get("agent") else {}
    return {str(part["agent"]): _part(part) for part in parts if part.get("agent")}


def _part(part: dict[str, Any]) -> TenancyError:
    values = dict(part)
    return TenancyError(values.pop("what"), **values)


def plan_sound(specs: Sequence[AgentSpec], plan: Callable[[Sequence[AgentSpec]], Planned]) -> tuple[Planned, Failures]:
    """Plan all agents that can be planned: those that an error names are left out, and the rest is planned again.

    :raises TenancyError: one that names no agent of ``specs``.
    """
    failures = unsound(specs)
    left = [spec for spec in specs if spec.agent not in failures]
    while True:
        try:
            return plan(left), failures
        except TenancyError as error:
            found = blamed(error)
            kept = [spec for spec in left if spec.agent not in found]
            if len(kept) == len(left):
                raise
            failures |= found
            left = kept


def unsound(specs: Sequence[AgentSpec]) -> Failures:
    """The errors of specs that no engine could bring about."""
    failures: Failures = {}
    for spec in specs:
        try:
            check_spec(spec)
        except TenancyError as error:
            failures[spec.agent] = error
    return failures


def sharers(actions: Sequence[AgentAction], shared: AgentAction) -> list[str]:
    """The agents that need what an action on an image or a network brings."""
    return sorted({
        action.agent
        for action in actions
        if action.agent and (
            action.tenant == shared.tenant if shared.kind == "network"
            else action.settings is not None and action.settings.image == shared.name
        )
    })
