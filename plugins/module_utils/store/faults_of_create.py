# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ollama's own words mean when it can't make a model. Pure. The texts are those of release 0.24."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# First match counts: pattern, kind, cause, remedy.
_MEANINGS = (
    (
        r"no space left on device|disk quota exceeded",
        "disk_full", "the disk of the store is full", "Free space on it, or move the store to a larger one, and run again",
    ),
    (
        r"\(line \d+\)|no FROM line|unknown parameter|invalid (?:int|float|bool) value|template error|message role|semver",
        "bad_modelfile", "{text}", "Correct the Modelfile",
    ),
    (
        r"unsupported (?:architecture|content)|invalid file magic|unknown type|invalid magic|unsupported (?:GGUF|gguf)|EOF",
        "bad_model_file", "a file is none that this Ollama can read: {text}",
        "Give GGUF files of a model that this Ollama knows, whole and undamaged",
    ),
    (
        r"pull model manifest|dial tcp|lookup .* on|server misbehaving|network is unreachable",
        "unknown_base", "it is made of a model that the store does not have: {text}",
        "Name that model before it in 'models', or put its file beside the Modelfile",
    ),
    (
        r"requires a newer version",
        "ollama_too_old", "{text}", "Make it with a newer image of Ollama: set builder_image",
    ),
    (
        r"permission denied",
        "builder_denied", "Ollama may not write in the store's staging folder: {text}",
        "An engine with user namespaces (userns-remap) can't make models: make it on another host and import it",
    ),
)


def meaning_of(lines: Sequence[str], model: str, origin: str) -> TenancyError:
    """The error for what ``ollama create`` wrote.

    :param lines: its output. :param origin: what the model was to be made of.
    """
    said = [line for line in lines if line.startswith("Error")] or list(lines[-3:]) or ["it said nothing"]
    text = " ".join(" ".join(said).removeprefix("Error:").split())[:500]
    what = f"Model {model} could not be made of {origin}"
    for pattern, kind, cause, remedy in _MEANINGS:
        if re.search(pattern, text):
            return TenancyError(what, cause=cause.format(text=text), remedy=remedy, kind=kind)
    return TenancyError(
        what, cause=text, remedy="Check the Modelfile and the files that it names", kind="create_failed"
    )
