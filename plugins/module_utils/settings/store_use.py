# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run brought into model stores, what agents see of them, and who was moved. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size

Values = Mapping[str, Any]


def use_of(reports: Iterable[Values]) -> list[dict[str, Any]]:
    """What a run brought into the stores of its hosts, and what its agents see of them.

    :param reports: variables of agent hosts, with what the role ``agent`` registered.
    """
    return [use for use in map(_use, reports) if use["agents"] or use["migrated"]]


def _use(report: Values) -> dict[str, Any]:
    engine, store = report.get("_agent_engine") or {}, report.get("_agent_store") or {}
    sharing = [agent for agent in engine.get("agents") or () if (agent.get("store") or {}).get("shared")]
    sizes = {
        model["digest"]: model["size"] or 0
        for agent in sharing for model in agent.get("models") or () if model["name"] in agent["store"]["shared"]
    }
    return {
        "host": report.get("inventory_hostname"), "agents": len(sharing), "shared_bytes": sum(sizes.values()),
        "downloaded": store.get("downloaded") or 0, "added": store.get("added") or 0, "migrated": engine.get("migrated") or [],
        "seconds": store.get("seconds"),
    }


def told(uses: Iterable[Values], check: bool) -> list[tuple[str, str]]:
    """The same as labels and texts of a summary."""
    lines = []
    for use in uses:
        came, disk = human_size(use["downloaded"]), human_size(use["added"])
        shared = f"{human_size(use['shared_bytes'])} shared by " if use["shared_bytes"] else ""
        agents = f"{use['agents']} agent{'' if use['agents'] == 1 else 's'}"
        words = "would come over the wire" if check else "came over the wire"
        # What a check takes says nothing of a run.
        took = f", in {use['seconds']:.2f} s" if use.get("seconds") is not None and not check else ""
        lines.append(("Store", f"{use['host']}: {shared}{agents}, {came} {words}, {disk} more on its disk{took}"))
        lines += [("  Moved", _moved(each)) for each in use["migrated"]]
    return lines


def _moved(each: Values) -> str:
    what = (
        f"{human_size(each['shared_bytes'])} shared, {human_size(each['freed_bytes'])} of its volume freed" if each["models"] == "shared"
        else f"{human_size(each['copied_bytes'])} copied"
    )
    return f"{each['agent']} to {each['models']} models: {what}, {human_size(each['own_bytes'])} its own ({', '.join(each['names']) or '-'})"
