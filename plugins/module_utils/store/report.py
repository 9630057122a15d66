# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store holds and what it spares, for people and for monitoring. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import existing, free_bytes, used
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size
from ansible_collections.llmops.tenancy.plugins.module_utils.store import garbage, origins
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.usage import Usage, ViewUse, survey


@dataclass(frozen=True)
class Limits:
    """What counts as too much.

    :param grace: seconds after which the unused is garbage. :param private: bytes that an agent may have of its own;
        None for no limit.
    :param known: agents that there are; others that have something here are orphans. None when that is not known.
    """

    grace: float
    private: int | None = None
    known: Collection[str] | None = None


def report(layout: Layout, limits: Limits) -> tuple[dict[str, Any], list[str]]:
    """What is in the store, who uses it, and what of it is garbage; with warnings."""
    usage = survey(layout)
    views = {view.id: view for view in usage.views}
    agents = [_agent(layout, name, views, limits) for name in layout.agent_names()]
    unused = garbage.decide(usage, (), limits.grace)
    taken = sum(piece.size for piece in usage.blobs.values())
    seen = sum(agent["shared_bytes"] for agent in agents)
    values = {
        "exists": layout.exists(),
        "models": [_model(layout, usage, model) for model in usage.models],
        "agents": agents,
        "garbage": [each.as_result() for each in unused],
        "totals": {
            "disk_bytes": taken,
            "agents_see_bytes": seen,
            "spared_bytes": max(seen - taken, 0),
            "dedup_ratio": round(seen / taken, 2) if taken else 0.0,
            "garbage_bytes": sum(each.size for each in unused),
            "free_bytes": free_bytes(existing(layout.root)) or 0,
        },
    }
    return values, [_over(agent, limits.private or 0) for agent in agents if agent["over_limit"]]


def _model(layout: Layout, usage: Usage, model: Any) -> dict[str, Any]:
    """A model of the store: what it takes, alone and with others, and who has which version of it."""
    others = {blob.digest for other in usage.models if other.name != model.name for blob in other.blobs}
    older = sorted(
        {each.digest for view in usage.views for each in view.models if each.name == model.name} - {model.digest}
    )
    return {
        "model": model.name,
        "digest": model.digest,
        "size": model.size,
        "origin": origins.told(layout, model.name, model.digest) or None,
        "complete": model.complete,
        "missing": [blob.digest for blob in model.missing],
        "agents": usage.agents_of(model.name),
        "older_digests": older,
        "own_bytes": sum(blob.size for blob in model.blobs if blob.digest not in others),
        "modified": int(model.modified),
    }


def _agent(layout: Layout, name: str, views: dict[str, ViewUse], limits: Limits) -> dict[str, Any]:
    """An agent: what it sees of the store, and what it has of its own."""
    view = views.get(layout.view_of(name))
    models = view.models if view else ()
    blobs = {blob.digest: blob.size for model in models for blob in model.blobs}
    # What it pulled, made or changed beside its view.
    private = used(layout.agent(name).upper)
    return {
        "agent": name,
        "view": view.id if view else None,
        "models": [model.name for model in models],
        "shared_bytes": sum(blobs.values()),
        "private_bytes": private,
        "over_limit": limits.private is not None and private > limits.private,
        "orphan": None if limits.known is None else name not in limits.known,
    }


def _over(agent: dict[str, Any], limit: int) -> str:
    return (
        f"Agent {agent['agent']} has {human_size(agent['private_bytes'])} of its own, more than the {human_size(limit)}"
        " that it may have: remove models that it pulled itself, or raise the limit"
    )
