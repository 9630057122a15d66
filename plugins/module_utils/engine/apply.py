# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying a plan: phase after phase, several agents at a time, and one that fails does not stop the others.

What agents share, a network or an image, is an action of no agent. Within a phase, whoever needs their tenant's network first
makes it: an engine makes one network at a time, so the other agents are best brought about meanwhile.
"""

from __future__ import annotations

import threading
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
    :raises TenancyError: one of a fatal kind, or one of something that agents share, once its phase has ended; of a network,
        ``details["tenants"]`` are all those whose networks were refused alike.
    """
    failures: dict[str, TenancyError] = {}
    for phase in phases:
        failed = _run(engine, [action for action in phase if action.agent not in failures])
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


class _Shared:
    """An action that whoever comes first carries out, while the others wait for its end."""

    def __init__(self, engine: Engine, action: AgentAction) -> None:
        self.action = action
        self._engine = engine
        self._lock = threading.Lock()
        self._ended = False
        self._error: TenancyError | None = None

    def apply(self) -> TenancyError | None:
        """Have it carried out; its error."""
        with self._lock:
            if not self._ended:
                self._error = _error_of(self._engine, self.action)
                self._ended = True
        return self._error


def _error_of(engine: Engine, action: AgentAction) -> TenancyError | None:
    try:
        engine.apply(action)
    except TenancyError as error:
        return error
    return None


def _run(engine: Engine, actions: Iterable[AgentAction]) -> list[tuple[AgentAction, TenancyError]]:
    """Run each agent's actions in their order, and the agents side by side; what failed, and with what."""
    chains: dict[str, list[AgentAction]] = {}
    shared: list[_Shared] = []
    for action in actions:
        if action.agent:
            chains.setdefault(action.agent, []).append(action)
        else:
            shared.append(_Shared(engine, action))
    of_tenant = {each.action.tenant: each for each in shared if each.action.tenant}

    def run(chain: list[AgentAction]) -> tuple[AgentAction, TenancyError] | None:
        needed = of_tenant.get(chain[0].tenant)
        if needed and needed.apply():
            return None
        for action in chain:
            if error := _error_of(engine, action):
                return action, error
        return None

    def finish(each: _Shared) -> tuple[AgentAction, TenancyError] | None:
        error = each.apply()
        return (each.action, error) if error else None

    if max(len(chains), len(shared)) < 2:
        results = [*map(run, chains.values()), *map(finish, shared)]
    else:
        # Its import takes longer than the rest of a run with one agent.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            results = [*pool.map(run, chains.values()), *pool.map(finish, shared)]
    return [result for result in results if result]
