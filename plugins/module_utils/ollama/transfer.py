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


def transfer(
    step: Step, settings: TransferSettings, watcher: Watcher, retrying: Callable[[int, str], None]
) -> None:
    """Bring the model. An attempt that gained bytes gives all retries back: a slow line may break a hundred times.

    :param retrying: is told the number of the next attempt and why there is one.
    :raises TenancyError: why it can't be brought. :raises Cancelled: it was told to end.
    """
    # A small disk beside a fast registry is full before Ollama tells the first size.
    check_before(step, OllamaClient(step.endpoint, settings.timeout, step.agent), settings)
    attempt, furthest = 1, 0
    waits = delays(settings.retries, random.random)
    while True:
        try:
            bring(step, settings, watcher)
            return
        except TenancyError as error:
            if not faults.may_pass(error):
                raise _explained(error, step, settings) from error
            if attempt > 1 and watcher.last.completed > furthest:
                waits = delays(settings.retries, random.random)
            furthest = max(furthest, watcher.last.completed)
            wait = next(waits, None)
            if wait is None:
                raise _given_up(error, attempt) from error
            attempt += 1
            retrying(attempt, error.cause)
            if watcher.cancel.wait(wait):
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
