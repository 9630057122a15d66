# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress where the run was started: a line that is rewritten for a person at a terminal, lines that stay elsewhere."""

from __future__ import annotations

import sys

from ansible import constants as C
from ansible.utils.display import Display

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.display import rewritten

_PEOPLE = ("default", "ansible.builtin.default", "ansible.builtin.minimal", "minimal", "community.general.yaml")
# Whether a person looks at the output. Workers are cut off from it, so this is asked while the plugin loads.
PERSON = sys.stdout is not None and sys.stdout.isatty() and C.DEFAULT_STDOUT_CALLBACK in _PEOPLE

display = Display()


def rewrite(text: str) -> None:
    """Put a text over the terminal's current line; an empty one wipes it. For a person only."""
    display.display(rewritten(text, display.columns), screen_only=True, newline=False)


def show(text: str) -> None:
    """Print a line; beside a callback that prints JSON it goes to the error stream."""
    display.display(text, stderr=C.DEFAULT_STDOUT_CALLBACK not in _PEOPLE)
