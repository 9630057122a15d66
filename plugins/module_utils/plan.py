# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans: what would be done, known before anything is done. Pure values, no I/O.

A domain function computes a plan from desired and current state; check mode is the plan not applied. Results, diffs
and the brake on disruption all read the same plan, so check mode and the real run can't tell different stories.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Mapping


class Impact(str, Enum):
    """What an action does to a service that runs, from harmless to final."""

    IN_PLACE = "in_place"
    RESTART = "restart"
    RECREATE = "recreate"
    DATA_LOSS = "data_loss"


@dataclass(frozen=True)
class Change:
    """One field that differs."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Action:
    """One step of a plan.

    :param verb: create, update, start, stop, recreate, remove, pull…
    :param kind: of what: container, network, volume, model…
    :param name: of which one.
    :param impact: what it does to what runs now.
    :param changes: the fields that differ, for update and recreate.
    """

    verb: str
    kind: str
    name: str
    impact: Impact = Impact.IN_PLACE
    changes: tuple[Change, ...] = ()

    def as_result(self) -> dict[str, Any]:
        """The action as a module returns it."""
        fields = {change.field: {"before": change.before, "after": change.after} for change in self.changes}
        return {
            "action": self.verb, "kind": self.kind, "name": self.name, "impact": self.impact.value, "fields": fields
        }


@dataclass(frozen=True)
class Plan:
    """Ordered actions with the state before and after them.

    :param before: state by entity name, without secrets, as the diff shows it.
    :param after: the same once the actions are applied.
    """

    actions: tuple[Action, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """True when there is anything to do."""
        return bool(self.actions)

    def as_result(self) -> dict[str, Any]:
        """``changed``, ``actions`` and ``diff`` of a module's result."""
        return {
            "changed": self.changed,
            "actions": [action.as_result() for action in self.actions],
            "diff": {"before": dict(self.before), "after": dict(self.after)},
        }


def differences(desired: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields of ``desired`` that ``current`` does not have so. A desired None means "not given": it is kept."""
    return tuple(
        Change(name, current.get(name), value)
        for name, value in desired.items()
        if value is not None and value != current.get(name)
    )
