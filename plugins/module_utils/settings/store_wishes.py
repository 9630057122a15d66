# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the catalog's records of agents and what their host has to what its model store needs. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.names import each_once, full_model, has_registry
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import sources_of

Record = Mapping[str, Any]
_NO_ACCOUNT = {"username": "", "password": "", "ca_path": ""}


def store_models(
    agents: Iterable[Record],
    seen: Record,
    host: str,
    *,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    mirror: str = "",
    latest: str | None = None,
    migrate: str = "",
) -> list[dict[str, Any]]:
    """Entities for the module ``model_store``: the models that agents of one host share, each once.

    :param agents: records of the catalog, also of agents that are stopped. Of one that moves here, also what it brings (``moves.records``).
    :param seen: what the host has of them, as ``ollama_agent_info`` returned it. A volume that is plain stays so.
    :param sources: where a model comes from when not from a model registry, by its name (``{demo: {path: …}}``).
    :param mirror: where the module is told to get models from. One that names its own registry comes from there instead.
    :param latest: a model to compare with its source even where the store has it.
    :param migrate: ``shared`` when agents with plain volumes are about to share models, too.
    """
    plain = {volume["agent"] for volume in seen["volumes"] if not volume["shared"]}
    own = {each["agent"]: set(each["models"]) for each in seen["directories"]}
    told = sources_of(sources)
    newest = full_model(latest) if latest else None
    wanted: dict[str, dict[str, Any]] = {}
    for agent in agents:
        # One that was adopted has its models where an older system put them.
        elsewhere = agent.get("adopted") or not agent.get("shared", True)
        if agent["host"] != host or elsewhere or (agent["agent"] in plain and migrate != "shared"):
            continue
        mine = {*own.get(agent["agent"], ()), *agent.get("own_models", ())}
        for name, model in each_once(agent["models"]).items():
            # What a tenant made for itself has no other source.
            if name not in mine:
                source = told.get(name) or _source(name, mirror)
                # The account of the one mirror is none of another's.
                alone = {"insecure": False, **_NO_ACCOUNT} if source.get("mirror") else {}
                # What a volume alone has stays its agent's own.
                moving = {"optional": True} if migrate == "shared" and not source.get("path") else {}
                wanted.setdefault(name, {"model": model, "state": "latest" if name == newest else "present", **alone, **source, **moving})
    return list(wanted.values())


def _source(name: str, mirror: str) -> dict[str, Any]:
    """What a model needs that is said of no other. :param name: as Ollama lists it."""
    return {"mirror": "", **_NO_ACCOUNT} if mirror and has_registry(name) else {}


def seeds(seen: Record, migrate: str = "") -> list[str]:
    """Plain volumes of agents that are about to share models: what they have need not come over the wire again.

    :param seen: what the host has of the agents, as ``ollama_agent_info`` returned it.
    """
    plain = [volume["path"] for volume in seen["volumes"] if not volume["shared"] and volume["path"]]
    return sorted(plain) if migrate == "shared" else []
