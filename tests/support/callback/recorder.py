# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the result of each task to the file that ``LLMOPS_TEST_TASKS`` names, one JSON line each, for tests to read."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorder
type: notification
short_description: Record the results of tasks
description: One JSON line for each task and host, in the file that the environment variable LLMOPS_TEST_TASKS names.
"""


class CallbackModule(CallbackBase):
    """Records results."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    _began = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins."""
        self._began = time.monotonic()

    def _write(self, status: str, outcome: Any) -> None:
        result = json.loads(self._dump_results(outcome._result, indent=0))
        line = {
            "task": outcome._task.get_name(), "action": outcome._task.action, "host": outcome._host.get_name(),
            "status": status, "result": result, "seconds": round(time.monotonic() - self._began, 3),
        }
        with open(os.environ["LLMOPS_TEST_TASKS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that did not fail."""
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task that failed."""
        self._write("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task that was skipped."""
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host that did not answer."""
        self._write("unreachable", result)
