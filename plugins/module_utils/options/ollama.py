# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules that reach Ollama's API. Documented in doc_fragments/ollama.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_limit, parse_size

_PASSWORD = re.compile(r"^(?:[a-z]+://)?[^/@]*?:([^/@]+)@")

SPEC = {
    "timeout": {"type": "int", "default": 30},
}

# One agent, as ollama_model_info takes it.
AGENT = {
    "agent": {"type": "str"},
    "endpoint": {"type": "str", "required": True},
}

# One model on one agent, as ollama_model takes it.
MODEL = {
    "agent": {"type": "str"},
    "endpoint": {"type": "str"},
    "model": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "mirror": {"type": "str"},
    "insecure": {"type": "bool"},
    "path": {"type": "path"},
    "checksum": {"type": "str"},
    "models_dir": {"type": "path"},
    # Filled in by the action plugin: what it knows of a file that is on the controller still.
    "file": {"type": "dict"},
}
SHARED = ("agent", "endpoint", "mirror", "insecure", "models_dir")

TRANSFER = {
    "remote_src": {"type": "bool", "default": False},
    "stall_timeout": {"type": "int", "default": 60},
    "retries": {"type": "int", "default": 5},
    "parallel": {"type": "int", "default": 4},
    "min_free": {"type": "str", "default": "256m"},
    "private_limit": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    # How the action plugin follows a pull: the job to go on with, and the seconds to wait before it reports back.
    "job": {"type": "str"},
    "patience": {"type": "float"},
}


@dataclass(frozen=True)
class TransferSettings:
    """How long to try, and how much at once.

    :param timeout: seconds for one answer of the API. :param stall_timeout: seconds without a byte.
    :param retries: attempts in a row that gain nothing. :param parallel: agents that are served at once.
    :param min_free: bytes that stay free beside the models.
    :param private_limit: bytes that an agent may have of its own; None for no limit.
    """

    timeout: float
    stall_timeout: float
    retries: int
    parallel: int
    min_free: int
    private_limit: int | None = None


def _secrets(params: Mapping[str, Any]) -> list[str]:
    """Passwords in URLs that must not hold any: they are refused, and the refusal must not show them."""
    entities = [params, *(params.get("models") or ()), *(params.get("agents") or ())]
    urls = [str(entity.get(name) or "") for entity in entities for name in ("endpoint", "mirror")]
    return [match[1] for url in urls if (match := _PASSWORD.search(url))]


GROUP = OptionGroup(spec=SPEC, secrets=_secrets)


def read_transfer(params: Mapping[str, Any]) -> TransferSettings:
    """Typed settings of the options.

    :raises TenancyError: ``invalid_size``.
    """
    return TransferSettings(
        timeout=params["timeout"],
        stall_timeout=params["stall_timeout"],
        retries=params["retries"],
        parallel=max(params["parallel"], 1),
        min_free=parse_size(params["min_free"], "min_free"),
        private_limit=parse_limit(params["private_limit"], "private_limit"),
    )
