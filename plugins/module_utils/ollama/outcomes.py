# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call about models returns: the same shape in check mode, while a pull goes on, and at the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import Model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.wishes import Finding, Wish
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change, Impact, Plan

# What the status of a worker tells of a pull that goes on.
READINGS = ("phase", "total", "completed", "moved", "percent", "rate", "remaining", "attempt", "note")


@dataclass(frozen=True)
class Outcome:
    """What became of one wish.

    :param status: present, absent, pulling, failed or cancelled.
    :param verb: what was done, or would be; empty for nothing.
    :param progress: the worker's last reading while it is pulling.
    """

    wish: Wish
    status: str
    verb: str = ""
    before: Model | None = None
    after: Model | None = None
    leftover: str = ""
    progress: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    def as_result(self) -> dict[str, Any]:
        """The model as the module returns it."""
        model = self.after
        percent = 100 if self.status == "present" else int((self.progress or {}).get("percent", 0))
        return {
            "agent": self.wish.agent or None,
            "endpoint": self.wish.endpoint,
            "model": self.wish.model,
            "status": self.status,
            "digest": (model.digest or None) if model else None,
            "size": (model.size or None) if model else None,
            "percent": percent,
            "progress": {key: self.progress[key] for key in READINGS} if self.progress else None,
            "error": dict(self.error) if self.error else None,
        }


class ModelsFailed(TenancyError):
    """Some models could not be brought. What became of the others is in the result, too."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        failed = [outcome for outcome in outcomes if outcome.error]
        errors = [outcome.error or {} for outcome in failed]
        self._result = result(outcomes)
        if len(failed) == 1:
            super().__init__(**_sentences(errors[0]), kind=errors[0]["kind"])
            return
        causes = (f"{number}) {_line(error)}" for number, error in enumerate(errors, start=1))
        super().__init__(
            f"{len(failed)} of {len(outcomes)} models failed",
            cause=" ".join(causes),
            kind="models_failed",
        )

    def as_result(self) -> dict[str, Any]:
        """The error beside what was done."""
        return {**self._result, **super().as_result()}


def result(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """``changed``, ``actions``, ``diff`` and ``models``."""
    known = list(outcomes)
    actions: list[Action] = []
    for outcome in known:
        actions.extend(_actions(outcome))
    plan = Plan(tuple(actions), _state(known, before=True), _state(known, before=False))
    return {**plan.as_result(), "models": [outcome.as_result() for outcome in known]}


def predicted(finding: Finding) -> Outcome:
    """The outcome of check mode: the plan, not applied."""
    if finding.error:
        return Outcome(
            finding.wish, "failed", before=finding.before, after=finding.after, error=finding.error.as_result()["error"]
        )
    status = "present" if finding.after else "absent"
    return Outcome(finding.wish, status, finding.verb, finding.before, finding.after, finding.leftover)


def reached(outcome: Outcome, now: Model | None) -> Outcome:
    """``outcome`` with the model as the agent has it now. A pull that brought nothing new was no change."""
    same = outcome.before is not None and now is not None and outcome.before.digest == now.digest
    return replace(outcome, after=now, status="present" if now else "absent", verb="" if same else outcome.verb)


def _actions(outcome: Outcome) -> list[Action]:
    agent = outcome.wish.agent or outcome.wish.endpoint
    actions = []
    if outcome.leftover:
        actions.append(Action("remove", "model", f"{outcome.leftover} on {agent}"))
    if outcome.verb:
        before = outcome.before.digest if outcome.before else None
        after = (outcome.after.digest or None) if outcome.after else None
        impact = Impact.DATA_LOSS if outcome.verb == "remove" else Impact.IN_PLACE
        changes = (Change("digest", before, after),) if outcome.verb == "update" else ()
        actions.append(Action(outcome.verb, "model", f"{outcome.wish.model} on {agent}", impact, changes))
    return actions


def _state(outcomes: Iterable[Outcome], *, before: bool) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for outcome in outcomes:
        models = state.setdefault(outcome.wish.agent or outcome.wish.endpoint, {})
        model = outcome.before if before else outcome.after
        if model:
            models[outcome.wish.model] = {"digest": model.digest or None, "size": model.size or None}
        if outcome.leftover and before:
            models[outcome.leftover] = {"digest": outcome.before.digest if outcome.before else None}
    return state


def _sentences(error: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(error.get(key, "")) for key in ("what", "cause", "remedy")}


def _line(error: Mapping[str, Any]) -> str:
    return str(TenancyError(**_sentences(error)))
