# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: a few agents of a host at a time, and whether the next may follow. Pure."""

from __future__ import annotations

from typing import Any, Collection, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.names import some

Values = Mapping[str, Any]
WAVE_SIZE = 20
_NAMED = 5


def waves(agents: Sequence[Values], size: int) -> list[list[Values]]:
    """The agents in waves. Those that shall stop come first: they make room for the others."""
    ordered = sorted(agents, key=lambda agent: agent["state"] not in ("absent", "stopped"))
    return [list(ordered[start:start + size]) for start in range(0, len(ordered), size)]


def unhealthy(result: Values) -> list[str]:
    """The agents of a wave that were changed and do not get healthy; other faults say nothing about the next wave."""
    return [failure["agent"] for failure in result.get("failures") or () if "log" in failure["error"]]


def mostly_sick(result: Values, wave: Sequence[Values]) -> set[str]:
    """The tenants of the agents that do not get healthy, when these are more than half of a wave; else none."""
    sick = set(unhealthy(result))
    return {agent["tenant"] for agent in wave if agent["agent"] in sick} if 2 * len(sick) > len(wave) else set()


def in_a_row(before: set[str], tenants: set[str]) -> set[str]:
    """The tenants of all waves in a row that were mostly sick. :param before: up to the last one. :param tenants: of the wave after it."""
    return before | tenants if tenants else set()


def fails_health(result: Values, answered: Iterable[str], tenants: Collection[str]) -> bool:
    """Whether a wave failed its health, so that no further one may follow, on no host: the next would fare alike.

    It did when one that was healthy before is not after it, or when most of it are not, of several tenants. What never was
    healthy is its tenant's trouble, however many agents that one has and however small a wave is.

    :param answered: agents that were healthy when the plan was made.
    :param tenants: see :func:`in_a_row`, with this wave.
    """
    return bool(set(unhealthy(result)) & set(answered)) or len(tenants) > 1


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
    names = some(stop["agents"], _NAMED)
    return f"wave {stop['wave']} on {stop['host']}, which {f'failed its health ({names})' if names else 'could not be carried out'}"


def progress(done: int, failed: int, left: int, seconds: float) -> str:
    """``40 of 120 agents done, 2 failed, 78 left, 3.1/s``."""
    rate = f", {(done + failed) / seconds:.1f}/s" if seconds > 0 else ""
    return f"{done} of {done + failed + left} agents done, {failed} failed, {left} left{rate}"
