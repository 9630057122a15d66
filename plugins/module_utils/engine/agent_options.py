# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of one agent on its host, from what operators write to an AgentSpec. Documented in modules/ollama_agent.py."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import STATES, AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import PRIVATE, SHARED, UPDATES
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_cpus, parse_size

ENTITY: dict[str, Any] = {
    "agent": {"type": "str", "required": True},
    "tenant": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES)},
    "image": {"type": "str"},
    "port": {"type": "int"},
    "bind_address": {"type": "str"},
    "memory_limit": {"type": "str"},
    "memory_reservation": {"type": "str"},
    "cpu_limit": {"type": "str"},
    "context_length": {"type": "int"},
    "num_parallel": {"type": "int"},
    "keep_alive": {"type": "str"},
    "model": {"type": "str"},
    "models": {"type": "list", "elements": "str"},
    "own_models": {"type": "list", "elements": "str"},
    "migrate": {"type": "str", "choices": [SHARED, PRIVATE]},
    "model_update": {"type": "str", "choices": list(UPDATES)},
    "environment": {"type": "dict", "no_log": True},
    "remove_volume": {"type": "bool"},
    "only_stopped": {"type": "bool"},
    "adopted": {"type": "bool"},
    "renew": {"type": "bool"},
}
SHARED = tuple(name for name in ENTITY if name not in ("agent", "port"))
_HIDDEN = "********"
# Ansible hides a secret wherever its text occurs: one of "1" or "true" would blank every number of the result.
_SHORTEST_SECRET = 6


def read(entity: Mapping[str, Any]) -> AgentSpec:
    """The spec of one agent, without its models. An option given as ``''`` goes back to its default.

    :raises TenancyError: for a size or a number of CPUs that is none.
    """
    given = {name: value for name, value in entity.items() if value is not None and name != "models"}
    for name in ("image", "bind_address", "keep_alive", "memory_limit", "cpu_limit"):
        if given.get(name) == "":
            given[name] = getattr(DEFAULTS, name)
    for name in ("memory_limit", "memory_reservation"):
        if name in given:
            given[name] = given[name] if isinstance(given[name], int) else parse_size(given[name] or 0, name)
    if isinstance(given.get("cpu_limit"), str):
        given["cpu_limit"] = parse_cpus(given["cpu_limit"], "cpu_limit")
    if "model_update" in given:
        given["update"] = given.pop("model_update")
    if "environment" in given:
        given["environment"] = {name: text(value) for name, value in given["environment"].items()}
    return AgentSpec(**given)


def text(value: Any) -> str:
    """The value of a variable as a process gets it: YAML's ``true`` is ``true`` and not Python's ``True``."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def hide_environment(params: Mapping[str, Any]) -> None:
    """Replace the values of variables in the options, which Ansible returns with ``-vvv``."""
    for entity in (params, *(params.get("agents") or ())):
        for name in entity.get("environment") or {}:
            entity["environment"][name] = _HIDDEN


def ordinary_values(params: Mapping[str, Any]) -> Iterable[str]:
    """Values of variables that are too short to be masked by their text; :func:`hide_environment` hides them by name."""
    for entity in (params, *(params.get("agents") or ())):
        for value in (entity.get("environment") or {}).values():
            if len(str(value)) < _SHORTEST_SECRET:
                yield str(value)
