# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents get the models they shall have: look, decide, and let a worker bring what is missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import jobs, worker
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import Model, OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.outcomes import (
    ModelsFailed,
    Outcome,
    predicted,
    reached,
    result,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.wishes import Finding, Wish, look, require_room
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings

_LOOKERS = 8


@dataclass(frozen=True)
class Call:
    """How one call of the module goes about it.

    :param check: predict only. :param wait: the models are wanted before the call ends.
    :param patience: seconds after which the call reports back with the job's name; None for "when it is finished".
    """

    check: bool
    wait: bool
    patience: float | None


def ensure_models(
    wishes: Sequence[Wish], settings: TransferSettings, call: Call, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Give the agents the models they shall have.

    :returns: ``changed``, ``actions``, ``diff``, ``models``; with ``job`` while a worker is still at it, or only
        ``needs`` with the paths of files that have to be brought to this host first.
    :raises TenancyError: what failed, with what became of the other models.
    """
    findings = _look(wishes, settings, call)
    for finding in findings:
        for text in finding.warnings:
            warn(text)
    if call.check:
        return _finish([predicted(finding) for finding in findings])
    needs = [finding.wish.path for finding in findings if _needs_file(finding, settings)]
    if needs:
        return {"changed": False, "needs": needs}
    outcomes = [_remove(finding, settings) for finding in findings]
    running = _running_elsewhere() if not call.wait else {}
    steps = [finding.step for finding in findings if finding.step and _key(finding.step) not in running]
    if not steps:
        return _finish([_attached(outcome, running) for outcome in outcomes])
    jobs.tidy()
    job = jobs.create({"outcomes": [_remember(outcome) for outcome in outcomes]})
    lifeline = worker.start(job, steps, settings, leased=call.wait)
    reached_so_far = follow(job, wishes, settings, call)
    lifeline.let_go()
    return reached_so_far


def follow(job: jobs.Job, wishes: Sequence[Wish], settings: TransferSettings, call: Call) -> dict[str, Any]:
    """Wait for a job, for as long as the call has patience, and tell what became of it.

    :param wishes: the same as those of the call that started it.
    """
    status = jobs.wait(job, call.patience if call.wait else 0.0)
    outcomes = [_recall(wish, kept) for wish, kept in zip(wishes, job.context()["outcomes"])]
    lines = {(line["endpoint"], line["model"]): line for line in status.get("steps", ())}
    if not status.get("finished"):
        jobs.check_alive(job)
        outcomes = [_in_progress(outcome, lines) for outcome in outcomes]
        return {**result(outcomes), "job": {"name": job.name, "path": job.path}}
    if call.wait:
        job.remove()
    return _finish(_settled(outcomes, lines, settings))


def _look(wishes: Sequence[Wish], settings: TransferSettings, call: Call) -> list[Finding]:
    with ThreadPoolExecutor(_LOOKERS) as pool:
        findings = list(pool.map(lambda wish: look(wish, settings, check=call.check), wishes))
        if call.check:
            agents = dict.fromkeys(wish.endpoint for wish in wishes)
            of_agents = [[each for each in findings if each.wish.endpoint == endpoint] for endpoint in agents]
            list(pool.map(lambda found: require_room(found, settings), of_agents))
        return findings


def _needs_file(finding: Finding, settings: TransferSettings) -> bool:
    """Whether a file that is on the controller only has to come here: not if the agent has its bytes already."""
    file = finding.wish.file
    if not finding.step or not file or file.path:
        return False
    return not OllamaClient(finding.wish.endpoint, settings.timeout, finding.wish.label).has_blob(file.digest)


def _remove(finding: Finding, settings: TransferSettings) -> Outcome:
    """Take away what shall go; all else is for the worker."""
    outcome = predicted(finding)
    unwanted = [finding.leftover] if finding.leftover else []
    if finding.verb == "remove":
        unwanted.append(finding.wish.model)
    client = OllamaClient(finding.wish.endpoint, settings.timeout, finding.wish.label)
    try:
        for name in unwanted:
            client.delete(name)
    except TenancyError as error:
        if error.kind != "model_missing":
            return replace(outcome, status="failed", verb="", after=finding.before, error=error.as_result()["error"])
    return outcome


def _settled(
    outcomes: Sequence[Outcome], lines: Mapping[tuple[str, str], Mapping[str, Any]], settings: TransferSettings
) -> list[Outcome]:
    """The outcomes of a finished job, with the models as the agents list them now."""
    listed: dict[str, dict[str, Model]] = {}
    settled = []
    for outcome in outcomes:
        wish = outcome.wish
        line = lines.get((wish.endpoint, wish.model)) if outcome.verb in ("pull", "create", "update") else None
        if line is None:
            settled.append(outcome)
        elif line["state"] != "done":
            error = line["error"] or _cancelled(wish)
            settled.append(replace(outcome, status="failed", verb="", after=outcome.before, error=error))
        else:
            if wish.endpoint not in listed:
                client = OllamaClient(wish.endpoint, settings.timeout, wish.label)
                listed[wish.endpoint] = {model.name: model for model in client.tags()}
            settled.append(reached(outcome, listed[wish.endpoint].get(wish.model)))
    return settled


def _cancelled(wish: Wish) -> dict[str, Any]:
    return TenancyError(
        f"The pull of {wish.model} for {wish.label} was cancelled",
        remedy="Run again: what was pulled is kept",
        kind="cancelled",
    ).as_result()["error"]


def _finish(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if any(outcome.error for outcome in outcomes):
        raise ModelsFailed(outcomes)
    return result(outcomes)


def _key(step: worker.Step) -> tuple[str, str]:
    return step.endpoint, step.model


def _running_elsewhere() -> dict[tuple[str, str], dict[str, Any]]:
    """What workers bring already, so that a second call that does not wait starts no second one."""
    return {
        (line["endpoint"], line["model"]): line
        for job in jobs.every()
        if job.alive()
        for line in job.status().get("steps", ())
        if line["state"] in ("waiting", "running")
    }


def _attached(outcome: Outcome, running: Mapping[tuple[str, str], Mapping[str, Any]]) -> Outcome:
    line = running.get((outcome.wish.endpoint, outcome.wish.model))
    if line is None or not outcome.verb or outcome.verb == "remove":
        return outcome
    return replace(outcome, status="pulling", verb="", after=outcome.before, progress=line)


def _in_progress(outcome: Outcome, lines: Mapping[tuple[str, str], Mapping[str, Any]]) -> Outcome:
    if outcome.verb in ("pull", "create", "update"):
        return replace(outcome, status="pulling", progress=lines.get((outcome.wish.endpoint, outcome.wish.model)))
    return outcome


def _remember(outcome: Outcome) -> dict[str, Any]:
    """What a later call has to know of this outcome."""
    return {
        "status": outcome.status,
        "verb": outcome.verb,
        "before": asdict(outcome.before) if outcome.before else None,
        "after": asdict(outcome.after) if outcome.after else None,
        "leftover": outcome.leftover,
        "error": dict(outcome.error) if outcome.error else None,
    }


def _recall(wish: Wish, kept: Mapping[str, Any]) -> Outcome:
    models = {side: Model(**kept[side]) if kept[side] else None for side in ("before", "after")}
    return Outcome(wish, kept["status"], kept["verb"], leftover=kept["leftover"], error=kept["error"], **models)
