# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call about a store returns: the same shape in check mode, while a pull goes on, and at the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.outcomes import READINGS
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change, Plan
from ansible_collections.llmops.tenancy.plugins.module_utils.store.garbage import Garbage
from ansible_collections.llmops.tenancy.plugins.module_utils.store.wishes import Finding


@dataclass(frozen=True)
class Outcome:
    """What became of one model.

    :param verb: pull, update, repair or remove; empty for nothing. ``verify`` while that is not known yet.
    :param before: digest and size, as the store had it. :param after: as it has it now, or would.
    :param mended: blobs whose bytes were wrong.
    """

    model: str
    status: str
    verb: str = ""
    before: tuple[str, int] | None = None
    after: tuple[str, int] | None = None
    mended: tuple[str, ...] = ()
    progress: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    def as_result(self) -> dict[str, Any]:
        """The model as the module returns it."""
        digest, size = self.after or (None, None)
        return {
            "model": self.model,
            "status": self.status,
            "digest": digest or None,
            "size": size or None,
            "mended": list(self.mended),
            "progress": {key: self.progress[key] for key in READINGS} if self.progress else None,
            "error": dict(self.error) if self.error else None,
        }

    def as_action(self) -> Action:
        """What was done to it, or would be. Nothing that runs is touched: agents have views of their own."""
        changes: tuple[Change, ...] = ()
        if self.verb == "update" and self.before:
            changes = (Change("digest", self.before[0], self.after[0] if self.after else None),)
        elif self.mended:
            changes = (Change("damaged blobs", len(self.mended), 0),)
        return Action(self.verb, "model", self.model, changes=changes)


@dataclass(frozen=True)
class Bytes:
    """What a call moved.

    :param came: over the wire. :param seeded: out of directories of agents of this host. :param added: that the store takes more.
    """

    came: int = 0
    seeded: int = 0
    added: int = 0


class StoreFailed(TenancyError):
    """Some models could not be brought. What became of the others is in the result, too."""

    def __init__(self, outcomes: Sequence[Outcome], result: Mapping[str, Any]) -> None:
        errors = [outcome.error for outcome in outcomes if outcome.error]
        self._result = dict(result)
        if len(errors) == 1:
            super().__init__(**_sentences(errors[0]), kind=errors[0]["kind"])
            return
        causes = (f"{number}) {TenancyError(**_sentences(error))}" for number, error in enumerate(errors, start=1))
        super().__init__(
            f"{len(errors)} of {len(outcomes)} models failed", cause=" ".join(causes), kind="models_failed"
        )

    def as_result(self) -> dict[str, Any]:
        """The error beside what was done."""
        return {**self._result, **super().as_result()}


def predicted(finding: Finding) -> Outcome:
    """The outcome of check mode: the plan, not applied."""
    before = (finding.before.digest, finding.before.size) if finding.before else None
    after = (finding.after.digest, finding.after.size) if finding.after else None
    if finding.error:
        error = finding.error.as_result()["error"]
        return Outcome(finding.wish.model, "failed", before=before, after=after, error=error)
    gone = finding.verb == "remove" or not (finding.verb or finding.before)
    return Outcome(finding.wish.model, "absent" if gone else "present", finding.verb, before, after)


def failed(outcome: Outcome, error: Mapping[str, Any]) -> Outcome:
    """``outcome`` of a model that could not be brought."""
    return replace(outcome, status="failed", verb="", after=outcome.before, error=error)


def result(
    root: str,
    made: bool,
    outcomes: Sequence[Outcome],
    garbage: Sequence[Garbage],
    moved: Bytes = Bytes(),
    orphans: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """``changed``, ``actions``, ``diff``, ``models``, ``garbage`` and ``orphans``.

    :param made: the store itself was made, or would be. :param moved: bytes. :param orphans: what agents that are gone have left.
    :raises StoreFailed: when there is an error in an outcome.
    """
    actions = [Action("create", "store", root)] if made else []
    actions += [outcome.as_action() for outcome in outcomes if outcome.verb and outcome.verb != "verify"]
    actions += [each.as_action() for each in garbage]
    before = {outcome.model: _shown(outcome.before, outcome.mended) for outcome in outcomes if outcome.before}
    after = {outcome.model: _shown(outcome.after) for outcome in outcomes if outcome.after}
    before.update({each.name: {"size": each.size} for each in garbage})
    for each in garbage:
        after.pop(each.name, None)
    plan = Plan(tuple(actions), before, after)
    values = {
        **plan.as_result(),
        "models": [outcome.as_result() for outcome in outcomes],
        "garbage": [each.as_result() for each in garbage],
        "orphans": list(orphans),
        "freed": sum(each.size for each in garbage),
        "downloaded": moved.came,
        "seeded": moved.seeded,
        "added": moved.added,
    }
    if any(outcome.error for outcome in outcomes):
        raise StoreFailed(outcomes, values)
    return values


def _shown(state: tuple[str, int], mended: Sequence[str] = ()) -> dict[str, Any]:
    """A model in the diff."""
    return {"digest": state[0], "size": state[1], **({"damaged": list(mended)} if mended else {})}


def _sentences(error: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(error.get(key, "")) for key in ("what", "cause", "remedy")}
