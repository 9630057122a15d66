# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What agents have: models, which of them are in memory, and how far the pulls in the background are. Reads only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import jobs
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import Loaded, Model, OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.outcomes import READINGS

_ASKERS = 8
Key = tuple[str, str]


@dataclass(frozen=True)
class Seen:
    """What one agent answered, or why it did not."""

    agent: str
    endpoint: str
    version: str = ""
    models: tuple[Model, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    error: TenancyError | None = None

    def as_result(self) -> dict[str, Any]:
        """The agent as the module returns it."""
        error = self.error.as_result()["error"] if self.error else None
        return {"agent": self.agent or None, "endpoint": self.endpoint, "version": self.version or None, "error": error}


def list_models(
    agents: Sequence[tuple[str, str]], model: str | None, timeout: float, warn: Callable[[str], None]
) -> dict[str, Any]:
    """``agents`` and ``models`` of the agents, each given as name and endpoint.

    :param model: full reference of the one that is asked for; None for all.
    :raises TenancyError: no agent answers.
    """
    # Before the agents: a pull that ends in between is shown as one that goes on, and not as none with no model.
    pulls = _pulls()
    with ThreadPoolExecutor(_ASKERS) as pool:
        seen = list(pool.map(lambda agent: _ask(*agent, timeout), agents))
    silent = [one for one in seen if one.error]
    if silent and len(silent) == len(seen):
        raise silent[0].error or TenancyError("No agent answers")
    for one in silent:
        warn(str(one.error))
    models = [entry for one in seen for entry in _entries(one, model, pulls)]
    return {"changed": False, "agents": [one.as_result() for one in seen], "models": models}


def _ask(agent: str, endpoint: str, timeout: float) -> Seen:
    client = OllamaClient(endpoint, timeout, f"agent {agent}" if agent else "")
    try:
        return Seen(agent, endpoint, client.version(), tuple(client.tags()), tuple(client.ps()))
    except TenancyError as error:
        return Seen(agent, endpoint, error=error)


def _pulls() -> dict[Key, dict[str, Any]]:
    """The last pull of each model that a worker on this host did or does, unless it went well."""
    found: dict[Key, dict[str, Any]] = {}
    for job in jobs.every():
        # First whether it lives: one that ends in between has written how.
        alive, status = job.alive(), job.status()
        for line in status.get("steps", ()):
            state = line["state"] if status["finished"] or alive else "died"
            found[line["endpoint"], line["model"]] = {**line, "state": state, "job": job.name}
    return {key: line for key, line in found.items() if line["state"] != "done"}


def _entries(seen: Seen, wanted: str | None, pulls: Mapping[Key, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The models of one agent: those that it has, those that are on their way, and the one that is asked for."""
    if seen.error:
        return []
    present = {model.name: model for model in seen.models}
    coming = {model for endpoint, model in pulls if endpoint == seen.endpoint}
    names = [wanted] if wanted else sorted({*present, *coming})
    loaded = {model.name: model for model in seen.loaded}
    return [_entry(seen, name, present.get(name), loaded.get(name), pulls.get((seen.endpoint, name))) for name in names]


def _entry(
    seen: Seen, name: str, model: Model | None, loaded: Loaded | None, pull: Mapping[str, Any] | None
) -> dict[str, Any]:
    running = pull is not None and pull["state"] in ("waiting", "running")
    if running:
        status = "pulling"
    elif model:
        status = "present"
    else:
        status = "failed" if pull else "absent"
    return {
        "agent": seen.agent or None,
        "endpoint": seen.endpoint,
        "model": name,
        "status": status,
        "digest": model.digest if model else None,
        "size": model.size if model else None,
        "modified_at": model.modified_at if model else None,
        "percent": pull["percent"] if pull and running else (100 if model else 0),
        "progress": {key: pull[key] for key in READINGS} if pull and running else None,
        "job": pull["job"] if pull else None,
        "error": _error(pull) if pull and not running else None,
        "loaded": _memory(loaded) if loaded else None,
    }


def _memory(loaded: Loaded) -> dict[str, Any]:
    return {
        "size": loaded.size,
        "size_vram": loaded.size_vram,
        "context_length": loaded.context_length,
        "expires_at": loaded.expires_at,
    }


def _error(pull: Mapping[str, Any]) -> dict[str, Any]:
    if pull["error"]:
        return dict(pull["error"])
    cause = "it was cancelled" if pull["state"] == "cancelled" else "its process was killed, or the host restarted"
    error = TenancyError(
        f"The pull of {pull['model']} for {pull['agent']} did not come to its end",
        cause=cause,
        remedy="Run ollama_model again: what was pulled is kept",
        kind="pull_ended",
    )
    return error.as_result()["error"]
