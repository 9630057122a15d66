# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an agent does not get healthy: the cause out of its state and the last lines of its log. Pure."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size

LOG_LINES = 20
_QUOTED_LINES = 5
_HIDDEN = "********"
_SECRETS = re.compile(r"((?:password|passwd|token|secret|api_?key|authorization)\s*[=:]\s*)\S+", re.IGNORECASE)
# Exit codes of a shell's conventions that say what happened.
_EXIT_CODES = {
    126: "its program can't be executed: the image is broken or for another processor",
    127: "its program is not in the image",
    137: "it was killed",
    139: "it crashed (segmentation fault)",
}
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to allocate", "signal: killed")
_BAD_IMAGE = ("exec format error", "executable file not found", "no such file or directory", "unknown command")


def diagnosis(
    agent: str, settings: AgentSettings, state: Mapping[str, Any], log: Sequence[str], timeout: float
) -> TenancyError:
    """The error for an agent that does not answer.

    :param state: its state as the engine tells it (ExitCode, OOMKilled, Error, Status, RestartCount).
    :param log: the last lines of its log. :param timeout: seconds that were waited.
    """
    lines = redacted(log, settings.environment.values())
    kind, cause, remedy = _cause(settings, state, " ".join(lines).lower(), timeout)
    quoted = f"; its log ends with: {' | '.join(lines[-_QUOTED_LINES:])}" if lines else "; its log is empty"
    return TenancyError(
        f"Agent '{agent}' does not get healthy", cause=cause + quoted, remedy=remedy, kind=kind, agent=agent, log=lines
    )


def redacted(lines: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Log lines without the values of the operator's variables and without what looks like a secret."""
    hidden = sorted((secret for secret in secrets if len(secret) > 3), key=len, reverse=True)
    clean = []
    for line in lines:
        for secret in hidden:
            line = line.replace(secret, _HIDDEN)
        clean.append(_SECRETS.sub(rf"\g<1>{_HIDDEN}", line))
    return clean[-LOG_LINES:]


def _cause(settings: AgentSettings, state: Mapping[str, Any], log: str, timeout: float) -> tuple[str, str, str]:
    """kind, cause and remedy; the surest signs first."""
    code, error = int(state.get("ExitCode") or 0), str(state.get("Error") or "")
    memory = f"its memory_limit of {human_size(settings.memory_limit)} is too small"
    if state.get("OOMKilled") or any(sign in log for sign in _OUT_OF_MEMORY):
        return "memory_too_small", f"{memory}: the kernel killed it", "Raise memory_limit, or choose a smaller model"
    if "address already in use" in log or "port is already allocated" in error:
        return "port_in_use", "its port is in use", "Give the agent another port, or stop what holds it"
    if code in (126, 127) or any(sign in text for sign in _BAD_IMAGE for text in (error.lower(), log)):
        reason = error or _EXIT_CODES.get(code, "its program does not start")
        return "bad_image", f"image {settings.image} does not run Ollama: {reason}", "Give an image of Ollama"
    if state.get("Status") in ("exited", "dead", "restarting") or int(state.get("RestartCount") or 0):
        restarts = int(state.get("RestartCount") or 0)
        ended = _EXIT_CODES.get(code, f"it ends with exit code {code}")
        again = f" and was restarted {restarts} times" if restarts else ""
        return "agent_exits", f"{ended}{again}{f' ({error})' if error else ''}", "Read its log; check image and environment"
    return (
        "agent_silent",
        f"it runs, but its API did not answer within {timeout:g} s",
        "Look at the load of the host and raise healthy_timeout or cpu_limit",
    )
