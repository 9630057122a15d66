# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A word by which one host of a task has the others begin nothing more.

Each host has a process of its own on the controller. What they share is the folder that Ansible makes for a run and
erases at its end, so a word is never older than its run: what a killed run said is in another folder.
"""

from __future__ import annotations

import json
import os
from typing import Any, Mapping


class Halt:
    """The word of one task.

    :param folder: of this run alone. :param task: names one of its tasks, the same for all hosts.
    """

    def __init__(self, folder: str, task: str) -> None:
        self._path = os.path.join(folder, f"halt-{task}.json")

    def call(self, why: Mapping[str, Any]) -> None:
        """Say it. :param why: for the ones who hear it."""
        part = f"{self._path}.{os.getpid()}"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(why, file)
        # Whole at once: whoever hears it hears all of it.
        os.replace(part, self._path)

    def heard(self) -> dict[str, Any] | None:
        """Why to begin nothing more; None as long as nobody said so."""
        try:
            with open(self._path, encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return None
        return found
