# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: a few agents of a host at a time, and whether the next may follow. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import agent_of

Values = Mapping[str, Any]
WAVE_SIZE = 20
_NAMED = 5


def waves(agents: Sequence[Values], size: int) -> list[list[Values]]:
    """The agents in waves. Those that shall stop come first: they make room for the others."""
    ordered = sorted(agents, key=lambda agent: agent["state"] not in ("absent", "stopped"))
    return [list(ordered[start:start + size]) for start in range(0, len(ordered), size)]


def ran_before(compared: Values) -> set[str]:
    """The agents that ran when the plan was made. :param compared: the plan, as ``ollama_agent`` returned it."""
    verbs: dict[str, set[str]] = {}
    for action in compared["actions"]:
        if action["kind"] == "container":
            verbs.setdefault(agent_of(action), set()).add(action["action"])
    started = {name for name, done in verbs.items() if "create" in done or ("start" in done and "recreate" not in done)}
    return {agent["agent"] for agent in compared["agents"] if agent["state"] == "running"} - started


def unhealthy(result: Values) -> list[str]:
    """The agents of a wave that were changed and do not get healthy; other faults say nothing about the next wave."""
    return [failure["agent"] for failure in result.get("failures") or () if "log" in failure["error"]]


def fails_health(result: Values, wave: Sequence[Values], ran: Iterable[str], size: int) -> bool:
    """Whether a wave failed its health, so that no further one may follow, on no host: the next would fare alike.

    It did when one that ran before does not get healthy, or more than half of all. One new agent that never gets healthy
    is its tenant's trouble, also where a host has nothing else to do.

    :param ran: agents that ran before the wave. :param size: of a full wave.
    """
    sick = set(unhealthy(result))
    tenants = {agent["tenant"] for agent in wave if agent["agent"] in sick}
    most = 2 * len(sick) > len(wave) and (len(wave) >= size or len(tenants) > 1)
    return bool(sick & set(ran)) or most


def failed_whole(result: Values, wave: Sequence[Values]) -> list[dict[str, Any]]:
    """A failure for each agent of a wave whose call failed: the engine, or the way to it, is broken."""
    message = str(result.get("msg") or "the host did not answer")
    error = result.get("error") or {"kind": "host_failed", "what": message, "cause": "", "remedy": "Mend the host and run again"}
    return [{"agent": agent["agent"], "tenant": agent["tenant"], "msg": message, "error": error} for agent in wave]


def stopped_by(host: str, number: int, result: Values) -> dict[str, Any]:
    """The wave after which agents were left. :param number: from 1, of its host. :param result: of the wave."""
    return {"host": host, "wave": number, "agents": unhealthy(result)}


def described(stop: Values) -> str:
    """Such a wave in words: ``wave 1 on gpu-01, which failed its health (acme)``."""
    names = ", ".join(stop["agents"][:_NAMED]) + (f" and {len(stop['agents']) - _NAMED} more" if len(stop["agents"]) > _NAMED else "")
    return f"wave {stop['wave']} on {stop['host']}, which {f'failed its health ({names})' if names else 'could not be carried out'}"


def progress(done: int, failed: int, left: int, seconds: float) -> str:
    """``40 of 120 agents done, 2 failed, 78 left, 3.1/s``."""
    rate = f", {(done + failed) / seconds:.1f}/s" if seconds > 0 else ""
    return f"{done} of {done + failed + left} agents done, {failed} failed, {left} left{rate}"
