# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containers use: memory that can't be given back, page cache, CPU over a short moment."""

from __future__ import annotations

import time
from typing import Any, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, Usage

# Two samples of the CPU clock this far apart, in seconds, for all agents together.
_MOMENT = 0.2
_MILLICPUS = 1000
_NANOSECONDS = 1_000_000_000


def read_usages(client: Any, agents: Sequence[ActualAgent]) -> dict[str, Usage]:
    """Usage by agent name. One that ends meanwhile is left out."""
    first = {agent.agent: _sample(client, agent) for agent in agents}
    if first:
        time.sleep(_MOMENT)
    found = {}
    for agent in agents:
        before, after = first[agent.agent], _sample(client, agent)
        if before and after:
            memory, cache = read_memory(after["stats"])
            spent = (_cpu_time(after["stats"]) - _cpu_time(before["stats"])) / _NANOSECONDS
            found[agent.agent] = Usage(memory, cache, round(_MILLICPUS * spent / (after["at"] - before["at"])))
    return found


def read_memory(stats: dict[str, Any]) -> tuple[int, int]:
    """Bytes that can't be given back, and bytes of page cache, which models are read into.

    cgroup v1 counts them as total_rss and total_cache, v2 as anon and file.
    """
    memory = stats.get("memory_stats") or {}
    parts = memory.get("stats") or {}
    kept = parts.get("total_rss", parts.get("anon", memory.get("usage", 0)))
    return int(kept), int(parts.get("total_cache", parts.get("file", 0)))


def _counters(client: Any, agent: ActualAgent) -> dict[str, Any]:
    """The engine's counters of one container, without its own second of waiting."""
    return client.stats(agent.id, stream=False, one_shot=True)


def _sample(client: Any, agent: ActualAgent) -> dict[str, Any] | None:
    from docker.errors import NotFound

    try:
        stats = _counters(client, agent)
    except NotFound:
        return None
    return {"stats": stats, "at": time.monotonic()} if _cpu_time(stats) else None


def _cpu_time(stats: dict[str, Any]) -> int:
    return int(((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage") or 0)
