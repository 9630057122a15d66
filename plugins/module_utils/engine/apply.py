# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying a plan: phase after phase, several agents at a time, and one that fails does not stop the others."""

from __future__ import annotations

from typing import AbstractSet, Callable, Iterable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, Engine
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# An engine waits for the kernel most of a start or stop. More at a time gained nothing on 2 cores (20 starts: 11 s one
# by one, 7.9 s by 4, 7.8 s by 8).
_AT_A_TIME = 4
Naming = Callable[[AgentAction, TenancyError], TenancyError]
# The agents that need something shared; none to end the whole run when it fails.
Sharing = Callable[[AgentAction], Iterable[str]]


def apply_phases(
    engine: Engine, phases: Sequence[Sequence[AgentAction]], fatal: AbstractSet[str], named: Naming,
    sharing: Sharing = lambda action: (),
) -> dict[str, TenancyError]:
    """Apply all actions; the errors by agent. An agent that fails is left where it is.

    :param fatal: kinds of error that end everything. :param named: tells an agent's error in more detail.
    :param sharing: whom an error of something shared is put down to.
    :raises TenancyError: one of a fatal kind, or one of something that agents share; of a network, ``details["tenants"]``
        are all those whose networks were refused alike.
    """
    failures: dict[str, TenancyError] = {}
    for phase in phases:
        chains: dict[str, list[AgentAction]] = {}
        for action in phase:
            if action.agent not in failures:
                chains.setdefault(action.agent or action.name, []).append(action)
        failed = _run(engine, list(chains.values()))
        for action, error in failed:
            agents = [action.agent] if action.agent else list(sharing(action))
            if not agents or error.kind in fatal:
                raise _of_all(failed, action, error)
            failures |= dict.fromkeys(agents, named(action, error))
    return failures


def _of_all(
    failed: Sequence[tuple[AgentAction, TenancyError]], action: AgentAction, error: TenancyError
) -> TenancyError:
    """The error of an action, with the tenants whose networks failed of the same kind."""
    if action.kind == "network":
        alike = {other.tenant for other, found in failed if other.kind == "network" and found.kind == error.kind}
        error.details["tenants"] = sorted(alike)
    return error


def _run(engine: Engine, chains: list[list[AgentAction]]) -> list[tuple[AgentAction, TenancyError]]:
    """Run chains side by side; what failed, and with what."""

    def run(chain: list[AgentAction]) -> tuple[AgentAction, TenancyError] | None:
        for action in chain:
            try:
                engine.apply(action)
            except TenancyError as error:
                return action, error
        return None

    if len(chains) < 2:
        results = [run(chain) for chain in chains]
    else:
        # Its import takes longer than the rest of a run with one agent.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            results = list(pool.map(run, chains))
    return [result for result in results if result]
