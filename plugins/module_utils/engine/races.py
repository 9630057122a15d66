# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals that look at the engine anew may mend: another run came first, or the engine keeps what nobody can see. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# Another run, or what a killed one had begun, took a subnet, made or removed an object meanwhile: what is there now
# decides again.
RACES = frozenset({"subnet_taken", "docker_conflict", "docker_missing"})
ATTEMPTS = 6
# As often a network is refused its usual place before another run can't be the cause any more: by then that one's would
# be listed.
_OF_OTHERS = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 2.0


def pause(attempt: int) -> float:
    """Seconds until the next attempt. :param attempt: the one that was refused, from 0."""
    return min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)


def mends(error: TenancyError, attempt: int) -> bool:
    """Whether another attempt may end otherwise."""
    return error.kind in RACES and attempt < ATTEMPTS - 1


class Refusals:
    """How often each tenant's network was refused by an engine.

    Docker's bridge driver keeps a network that it could not write to a full disk: nothing lists it, nothing but a restart
    removes it, and no other may have its interface or overlap its subnet.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, error: TenancyError) -> None:
        """Count a refusal, as ``apply_phases`` raised it."""
        if error.kind == "subnet_taken":
            for tenant in error.details.get("tenants") or ():
                self._counts[tenant] = self._counts.get(tenant, 0) + 1

    def elsewhere(self, pool: PoolOptions) -> PoolOptions:
        """The pool, with another place for the networks that were refused too often."""
        return replace(pool, turns=self._turns())

    def _turns(self) -> Mapping[str, int]:
        turns = {tenant: count - _OF_OTHERS + 1 for tenant, count in self._counts.items()}
        return {tenant: turn for tenant, turn in turns.items() if turn > 0}
