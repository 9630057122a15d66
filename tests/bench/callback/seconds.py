# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callback that notes what each task took, on the controller's clock."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: seconds
type: notification
short_description: Note what each task took
description: One JSON line for each task, in the file that the environment variable LLMOPS_BENCH_PROFILE names.
"""


class CallbackModule(CallbackBase):
    """Times tasks, from the start of each to the start of the next."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "seconds"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        # The process began before this file was loaded.
        with open(f"/proc/{os.getpid()}/stat", encoding="ascii") as file:
            started = int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        self._task, self._since = "starting", time.clock_gettime(time.CLOCK_BOOTTIME) - started
        self._since = time.monotonic() - self._since

    def _next(self, task: str) -> None:
        now = time.monotonic()
        with open(os.environ["LLMOPS_BENCH_PROFILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps({"task": self._task, "seconds": round(now - self._since, 2)}) + "\n")
        self._task, self._since = task, now

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins."""
        self._next(task.get_name())

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play begins: its hosts are worked out after this."""
        self._next(f"play: {play.get_name()}")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end."""
        self._next("")
