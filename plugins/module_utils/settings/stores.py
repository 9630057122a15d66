# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Model stores of agent hosts: what an operator asked for, and the table of what they hold. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.names import some
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.report import table

Values = Mapping[str, Any]


def model_entries(
    models: str | Iterable[str | Values], latest: bool = False, foretold: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Entities for the module model_store.

    :param models: names, entities, or names in one text with commas, as a survey gives them.
    :param latest: whether those without a state of their own are compared with their registry.
    :param foretold: instead of them all, manifests by name of an archive that a check can't read, since it would be written only now.
    """
    if foretold:
        return [{"model": name, "file": {"path": "", "manifest": body}} for name, body in foretold.items()]
    listed = models.split(",") if isinstance(models, str) else models
    state = {"state": "latest"} if latest else {}
    entries = [{"model": item.strip()} if isinstance(item, str) else dict(item) for item in listed]
    return [{**state, **entry} for entry in entries if entry.get("model") != ""]


def orphan_told(orphan: Values) -> str:
    """What an agent that is gone left, and what becomes of it. :param orphan: as model_store returned it."""
    return f"{orphan['agent']} ({human_size(orphan['size'])}, {'kept: ' + orphan['kept'] if orphan['kept'] else 'erased'})"


def stores_table(stores: Mapping[str, Values]) -> list[str]:
    """What the stores of all hosts hold, as an aligned table, and a line on each host.

    :param stores: what model_store_info returned, by host; empty for one that could not be asked.
    """
    head = ["HOST", "MODEL", "DIGEST", "SIZE", "STATE", "AGENTS", "ALONE"]
    rows = [
        [host, model["model"], model["digest"][:12], human_size(model["size"]), _state(model),
         _agents(model["agents"]), human_size(model["own_bytes"])]
        for host, store in stores.items()
        for model in store.get("models") or []
    ]
    lines = table([head, *rows]) if rows else []
    return [*lines, *(_sentence(host, store) for host, store in stores.items())] or ["No agent host."]


def _state(model: Values) -> str:
    if not model["complete"]:
        return f"damaged, {len(model['missing'])} blobs missing"
    return "complete" + (f", {len(model['older_digests'])} older in use" if model["older_digests"] else "")


def _agents(names: list[str]) -> str:
    return some(names, 3) or "-"


def _sentence(host: str, store: Values) -> str:
    if not store.get("totals"):
        return f"{host}: can't be asked"
    if not store["exists"]:
        return f"{host}: no model store yet"
    totals, garbage = store["totals"], store["garbage"]
    over = [agent["agent"] for agent in store["agents"] if agent["over_limit"]]
    orphans = [f"{agent['agent']} ({human_size(agent['private_bytes'])})" for agent in store["agents"] if agent.get("orphan")]
    parts = [
        f"{human_size(totals['disk_bytes'])} on disk",
        f"{len(store['agents'])} agents see {human_size(totals['agents_see_bytes'])} ({totals['dedup_ratio']:g}x)",
        f"{human_size(totals['free_bytes'])} free",
        f"garbage {human_size(totals['garbage_bytes'])} in {len(garbage)} items" if garbage else "no garbage",
        *([f"over their limit: {', '.join(over)}"] if over else []),
        *([f"of agents that are gone (offboard_tenant with remove_data or prune_uppers erases it): {', '.join(orphans)}"] if orphans else []),
    ]
    return f"{host}: {', '.join(parts)}"
