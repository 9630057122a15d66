# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containers use: memory that can't be given back, page cache, CPU time; and whether they answer somebody."""

from __future__ import annotations

import time
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, Usage
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.drain import Sample, connections
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import API_PORT

_NANOSECONDS = 1_000_000_000
# As many connections as the SDK keeps.
_AT_A_TIME = 10


def read_usages(client: Any, agents: Sequence[ActualAgent]) -> dict[str, Usage]:
    """Usage by agent name, from one sample each. One that ended is left out.

    The engine answers with its next sample, one a second; those who ask side by side wait for it together.
    """
    from docker.errors import NotFound

    def read(agent: ActualAgent) -> Usage | None:
        try:
            return read_usage(client.stats(agent.id, stream=False, one_shot=True))
        except NotFound:
            return None

    if len(agents) < 2:
        found = [read(agent) for agent in agents]
    else:
        # Its import takes longer than the rest of a run with one agent.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            found = list(pool.map(read, agents))
    return {agent.agent: usage for agent, usage in zip(agents, found) if usage}


def read_usage(stats: Mapping[str, Any]) -> Usage:
    """Usage out of the engine's counters. cgroup v1 counts total_rss and total_cache, v2 anon and file."""
    memory = stats.get("memory_stats") or {}
    parts = memory.get("stats") or {}
    spent = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage") or 0
    return Usage(
        memory=int(parts.get("total_rss", parts.get("anon", memory.get("usage", 0)))),
        cache=int(parts.get("total_cache", parts.get("file", 0))),
        cpu_seconds=round(int(spent) / _NANOSECONDS, 3),
    )


def read_sample(client: Any, name: str, local: bool) -> Sample:
    """What a container is doing. :param local: whether it is on this host; of another one, only its load is seen."""
    state = client.inspect_container(name)["State"]
    # One that is paused answers nobody, however long it is waited for.
    pid = 0 if state["Paused"] else state["Pid"]
    clients, queued = connections(pid, API_PORT) if local else (1, 0)
    used = read_usage(client.stats(name, stream=False, one_shot=True)) if pid and clients else Usage(0, 0, 0.0)
    return Sample(clients if pid else 0, queued, used.cpu_seconds, time.monotonic())
