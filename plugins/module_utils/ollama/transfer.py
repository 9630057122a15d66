# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a model with patience: attempt after attempt, as long as that may help."""

from __future__ import annotations

import random
from typing import Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import faults, registry
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Cancelled, Watcher, bring
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.patience import delays
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.room import check_before
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.step import Step
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings

# A registry that names a time to come back is obeyed up to this.
_LONGEST_PAUSE = 300.0


def transfer(
    step: Step, settings: TransferSettings, watcher: Watcher, retrying: Callable[[int, str], None]
) -> None:
    """Bring the model.

    :param retrying: is told the number of the next attempt and why there is one.
    :raises TenancyError: why it can't be brought. :raises Cancelled: it was told to end.
    """
    # A small disk beside a fast registry is full before Ollama tells the first size.
    check_before(step, OllamaClient(step.endpoint, settings.timeout, step.agent), settings, {})
    try:
        patiently(lambda: bring(step, settings, watcher), settings, watcher, retrying)
    except TenancyError as error:
        raise _explained(error, step, settings) from error


def patiently(
    act: Callable[[], None], settings: TransferSettings, watcher: Watcher, retrying: Callable[[int, str], None]
) -> None:
    """Try until it is done. An attempt that gained bytes gives all retries back: a slow line may break a hundred times.

    :param act: one attempt, which goes on from where the last one ended. Its error tells in ``lasting`` whether another
        may help, and in ``after`` for how many seconds it won't.
    :raises TenancyError: the last error. :raises Cancelled: it was told to end.
    """
    attempt, furthest = 1, 0
    waits = delays(settings.retries, random.random)
    while True:
        try:
            act()
            return
        except TenancyError as error:
            if not faults.may_pass(error):
                raise
            if attempt > 1 and watcher.last.completed > furthest:
                waits = delays(settings.retries, random.random)
            furthest = max(furthest, watcher.last.completed)
            wait = next(waits, None)
            if wait is None:
                raise _given_up(error, attempt) from error
            attempt += 1
            retrying(attempt, error.cause)
            if watcher.cancel.wait(max(wait, min(error.details.get("after", 0.0), _LONGEST_PAUSE))):
                raise Cancelled from error


def _explained(error: TenancyError, step: Step, settings: TransferSettings) -> TenancyError:
    """A missing model, with the nearest name that the registry has."""
    if error.kind == "model_not_in_registry" and isinstance(step.source, Reference):
        return registry.not_found(step.source, min(settings.timeout, 5.0))
    return error


def _given_up(error: TenancyError, attempts: int) -> TenancyError:
    """The last error, saying how often it was tried."""
    tries = f" (given up after {attempts} attempts)" if attempts > 1 else ""
    return TenancyError(
        error.what, cause=error.cause + tries, remedy=error.remedy, kind=error.kind, attempts=attempts, **error.details
    )
