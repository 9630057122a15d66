# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One model to bring to one agent."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference


@dataclass(frozen=True)
class Step:
    """One model to bring to one agent.

    :param agent: how to call the agent. :param endpoint: its URL. :param model: the model's plain name, with its tag.
    :param source: where a registry has it, or the file that it is made of.
    :param models_dir: directory on this machine where the agent keeps its models, to measure the room there.
    :param known: what is known of it before it begins.
    """

    agent: str
    endpoint: str
    model: str
    source: Reference | ModelFile
    models_dir: str = ""
    known: Progress = Progress()

    def source_words(self) -> dict[str, str]:
        """Where it comes from, as :func:`faults.meaning_of` takes it."""
        if isinstance(self.source, ModelFile):
            return {"file": os.path.basename(self.source.path) or "the file"}
        return {"registry": self.source.host}
