# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store gets the models that it shall have: look, decide, and let a worker bring what is missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import some
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import jobs, worker
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ensure import Call
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, garbage, locks, orphans, source, space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.care import Care, recalled
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Stored
from ansible_collections.llmops.tenancy.plugins.module_utils.store.errand import Errand, carry, damaged
from ansible_collections.llmops.tenancy.plugins.module_utils.store.garbage import Garbage
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.outcomes import Bytes, Outcome, failed, predicted, result
from ansible_collections.llmops.tenancy.plugins.module_utils.store.usage import Usage, blob_bytes, survey
from ansible_collections.llmops.tenancy.plugins.module_utils.store.wishes import (
    BRINGING,
    Finding,
    Wish,
    asked_for,
    incoming,
    look,
    making,
    offered,
    room,
)

_LOOKERS = 8


def ensure_store(
    layout: Layout,
    wishes: Sequence[Wish],
    settings: TransferSettings,
    call: Call,
    care: Care,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Give the store the models that it shall have, and take away what shall go.

    :returns: ``changed``, ``actions``, ``diff``, ``models``, ``garbage``, and ``job`` while a worker is still at it.
    :raises TenancyError: what failed, with what became of the other models.
    """
    made = not layout.exists()
    usage = survey(layout, {orphan.agent for orphan in care.uppers})
    findings = _look(usage, wishes, call, care)
    for text in (text for finding in findings for text in finding.warnings):
        warn(text)
    space.check(f"There is no room for {_names(findings)}", layout.root, room(layout, findings), settings.min_free)
    if call.check:
        return _predict(layout, usage, findings, care, made)
    layout.prepare()
    outcomes = [predicted(finding) for finding in findings]
    care = replace(care, orphans=orphans.erase(layout, care.orphans))
    _remove(layout, [outcome.model for outcome in outcomes if outcome.verb == "remove"])
    errands = _errands(layout, findings)
    jobs.tidy()
    context = {"made": made, "took": blob_bytes(layout), "care": asdict(care), "outcomes": [asdict(outcome) for outcome in outcomes]}
    if not errands:
        return _finish(layout, outcomes, care, made, Bytes())
    job = jobs.create(context)
    lifeline = worker.start(job, errands, settings, leased=call.wait, carry=carry)
    reached = follow(layout, job, call)
    lifeline.let_go()
    return reached


def follow(layout: Layout, job: jobs.Job, call: Call) -> dict[str, Any]:
    """Wait for a job, for as long as the call has patience, and tell what became of it."""
    status = jobs.wait(job, call.patience if call.wait else 0.0)
    context = job.context()
    outcomes = [_recall(kept) for kept in context["outcomes"]]
    lines = {line["model"]: line for line in status.get("steps", ())}
    if not status.get("finished"):
        jobs.check_alive(job)
        outcomes = [_in_progress(outcome, lines) for outcome in outcomes]
        return {
            **result(layout.root, context["made"], outcomes, ()), "job": {"name": job.name, "path": job.path}
        }
    if call.wait:
        job.remove()
    found = [line["found"] for line in lines.values() if line["found"]]
    added = max(blob_bytes(layout) - context["took"], 0)
    moved = Bytes(sum(each["moved"] for each in found), sum(each["seeded"] for each in found), added)
    settled = [_settled(layout, outcome, lines.get(outcome.model)) for outcome in outcomes]
    return _finish(layout, settled, recalled(context["care"]), context["made"], moved)


def _look(usage: Usage, wishes: Sequence[Wish], call: Call, care: Care) -> list[Finding]:
    with ThreadPoolExecutor(_LOOKERS) as pool:
        return list(
            pool.map(lambda wish: look(usage, wish, check=call.check, verify=care.verify), wishes)
        )


def _names(findings: Sequence[Finding]) -> str:
    coming = [finding.wish.model for finding in findings if finding.verb in BRINGING]
    return f"model {coming[0]}" if len(coming) == 1 else f"{len(coming)} models ({some(coming)})"


def _errands(layout: Layout, findings: Sequence[Finding]) -> list[Errand]:
    sound: dict[str, bool] = {}
    return [
        Errand(layout, finding.wish.model, finding.wish.source, finding.verb == "verify", _known(layout, finding), sound)
        for finding in findings
        if finding.verb in (*BRINGING, "verify")
    ]


def _known(layout: Layout, finding: Finding) -> Progress:
    """How much is to come, so that the sum over all models stands from the beginning on."""
    if not finding.after:
        return Progress()
    total = finding.after.size
    completed = 0 if finding.verb == "verify" else total - source.missing_bytes(layout, finding.after.blobs)
    return Progress(total=total, completed=completed, percent=completed * 100 // total if total else 0)


def _remove(layout: Layout, names: Sequence[str]) -> None:
    if names:
        with locks.exclusive(layout):
            garbage.sweep(layout, garbage.of_models(survey(layout), names))


def _predict(
    layout: Layout, usage: Usage, findings: Sequence[Finding], care: Care, made: bool
) -> dict[str, Any]:
    sound: dict[str, bool] = {}
    seeded = offered(layout, findings)
    added, coming = incoming(layout, findings) + making(findings), max(asked_for(layout, findings) - seeded, 0)
    outcomes = []
    for finding in findings:
        outcome = predicted(finding)
        if finding.verb == "verify" and finding.before:
            wrong = damaged(layout, finding.before, sound, lambda phase, blob, read: None)
            coming += sum(blob.size for blob in wrong) if isinstance(finding.wish.source, source.RegistrySource) else 0
            sound.update({blob.digest: True for blob in wrong})
            outcome = _mended(outcome, [blob.digest for blob in wrong])
        outcomes.append(outcome)
    unused = _unused(_afterwards(usage, findings), outcomes, care) if layout.exists() else []
    return _told(layout, outcomes, care, made, unused, Bytes(coming, seeded, added))


def _afterwards(usage: Usage, findings: Sequence[Finding]) -> Usage:
    """The store as it will be."""
    changed = {finding.wish.model: finding for finding in findings if finding.verb in (*BRINGING, "remove")}
    gone = garbage.of_models(usage, {name for name, finding in changed.items() if finding.verb == "remove"})
    lost = {digest for each in gone for digest in each.blobs}
    coming = [
        Stored(name, finding.after.digest, finding.after.size, finding.after.blobs, (), 0.0)
        for name, finding in changed.items()
        if finding.after and finding.verb != "remove"
    ]
    kept = [model for model in usage.models if model.name not in changed]
    return replace(
        usage,
        models=(*kept, *coming),
        ages={**{model.name: 0.0 for model in coming}, **usage.ages},
        blobs={digest: piece for digest, piece in usage.blobs.items() if digest not in lost},
        partial={digest: piece for digest, piece in usage.partial.items()
                 if digest not in {blob.digest for model in coming for blob in model.blobs}},
    )


def _unused(usage: Usage, outcomes: Sequence[Outcome], care: Care) -> list[Garbage]:
    if care.grace is None:
        return []
    keep = {outcome.model for outcome in outcomes if outcome.status != "absent"}
    return garbage.decide(usage, keep, care.grace)


def _finish(layout: Layout, outcomes: Sequence[Outcome], care: Care, made: bool, moved: Bytes) -> dict[str, Any]:
    if care.grace is None:
        return _told(layout, outcomes, care, made, (), moved)
    with locks.exclusive(layout), locks.alone(layout, locks.ARRIVALS) as nothing_comes:
        unused = garbage.settled(_unused(survey(layout), outcomes, care), nothing_comes)
        garbage.sweep(layout, unused)
    return _told(layout, outcomes, care, made, unused, moved)


def _told(
    layout: Layout, outcomes: Sequence[Outcome], care: Care, made: bool, unused: Sequence[Garbage], moved: Bytes
) -> dict[str, Any]:
    gone = [*(orphan.as_garbage() for orphan in care.uppers), *unused]
    return result(layout.root, made, outcomes, gone, moved, [orphan.as_result() for orphan in care.orphans])


def _settled(layout: Layout, outcome: Outcome, line: Mapping[str, Any] | None) -> Outcome:
    """The outcome of a finished job, with the model as the store has it now."""
    if line is None:
        return outcome
    if line["state"] != "done":
        return failed(outcome, line["error"] or _cancelled(outcome.model))
    now = content.find(layout, outcome.model)
    settled = replace(outcome, after=(now.digest, now.size) if now else None, status="present" if now else "absent")
    if outcome.verb == "verify":
        return _mended(settled, line["found"]["mended"])
    same = outcome.verb == "update" and settled.after == outcome.before
    return replace(settled, verb="" if same else outcome.verb)


def _mended(outcome: Outcome, digests: Sequence[str]) -> Outcome:
    return replace(outcome, verb="repair" if digests else "", mended=tuple(digests))


def _in_progress(outcome: Outcome, lines: Mapping[str, Mapping[str, Any]]) -> Outcome:
    line = lines.get(outcome.model)
    return replace(outcome, status="pulling", progress=line) if line else outcome


def _cancelled(model: str) -> Mapping[str, Any]:
    return TenancyError(
        f"The pull of {model} was cancelled", remedy="Run again: what was pulled is kept", kind="cancelled"
    ).as_result()["error"]


def _recall(kept: Mapping[str, Any]) -> Outcome:
    """An outcome out of a job's memory, where a tuple has become a list."""
    sides = {side: tuple(kept[side]) if kept[side] else None for side in ("before", "after")}
    return Outcome(**{**kept, **sides, "mended": tuple(kept["mended"])})
