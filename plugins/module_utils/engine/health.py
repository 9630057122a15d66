# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until agents are healthy. More than "running": the process, the API, out-of-memory kills and restarts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Protocol, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, Engine
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import endpoint
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# The first polls are close together, since an agent is up 30 ms after its start.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.03, 0.2
# Every so often the engine is asked, too: an agent that has ended will never answer.
_INSPECT_EVERY = 0.5
_GIVE_UP_RESTARTS = 3


class Model(Protocol):
    """A model as an agent's API lists it."""

    name: str
    digest: str
    size: int


# Asks an endpoint for its models; raises TenancyError when it does not answer.
Probe = Callable[[str], Sequence[Model]]


@dataclass(frozen=True)
class Answer:
    """What an agent's API said.

    :param api: whether it answered. :param models: what it has; None when that is not known.
    """

    api: bool = False
    models: list[dict[str, Any]] | None = None


def ask(engine: Engine, agent: ActualAgent, probe: Probe) -> Answer:
    """One question to an agent's API: through its port, or through a remote engine, whose ports can't be reached from here."""
    # One that is paused takes connections and says nothing until the time is up.
    if agent.state not in ("running", "restarting"):
        return Answer()
    try:
        if not engine.local:
            return Answer(api=engine.answers(agent))
        url = endpoint(agent.settings, agent.address)
        models = probe(url) if url else None
    except TenancyError:
        return Answer()
    if models is None:
        return Answer()
    # By name: Ollama lists the newest first, which can't be told before.
    by_name = sorted(models, key=lambda model: model.name)
    return Answer(True, [{"name": model.name, "digest": model.digest, "size": model.size} for model in by_name])


def wait_healthy(engine: Engine, agents: Sequence[ActualAgent], probe: Probe, timeout: float) -> dict[str, Answer]:
    """Ask all agents until each answers or is beyond hope.

    :param timeout: seconds for all of them together.
    """
    answers: dict[str, Answer] = {}
    waiting = list(agents)
    deadline = time.monotonic() + timeout
    pause, inspected = _FIRST_PAUSE, time.monotonic()
    while waiting:
        for agent in waiting:
            answers[agent.agent] = ask(engine, agent, probe)
        waiting = [agent for agent in waiting if not answers[agent.agent].api]
        now = time.monotonic()
        if not waiting or now >= deadline:
            break
        if now - inspected >= _INSPECT_EVERY:
            inspected = now
            waiting = [agent for agent in waiting if not _hopeless(engine.details(agent))]
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return answers


def _hopeless(state: Mapping[str, Any]) -> bool:
    ended = state.get("Status") in ("exited", "dead", "created")
    return ended or int(state.get("RestartCount") or 0) >= _GIVE_UP_RESTARTS
