# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents as they shall be: observe, plan, apply, wait until healthy, and tell. The same path in check mode, up to apply."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agent_plan import AgentPlan, check_specs, plan_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.apply import apply_phases
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentAction,
    AgentSpec,
    Engine,
    Observation,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.conflicts import next_free_port, port_error
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.diagnose import LOG_LINES, diagnosis
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.failures import combined
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.health import Answer, Probe, ask, wait_healthy
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import PROXY, HostFacts, read_host
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import agent_view, volume_path
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size

# Another run, or what a killed one had begun, took a subnet, made or removed an object meanwhile: what is there now
# decides again.
RACES = frozenset({"subnet_taken", "docker_conflict", "docker_missing"})
_ATTEMPTS = 4
_MOMENT = 0.5


@dataclass(frozen=True)
class Options:
    """How agents are brought about. :param healthy_timeout: seconds for all of them to answer."""

    pool: PoolOptions = PoolOptions()
    healthy_timeout: float = 60


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be. :param agents: in the order they were asked for."""

    plan: AgentPlan
    agents: list[dict[str, Any]]


def ensure_agents(
    engine: Engine, specs: Sequence[AgentSpec], probe: Probe, options: Options = Options(), *, check: bool = False
) -> Outcome:
    """Bring the agents of ``specs`` about.

    :param probe: asks an endpoint for its models. :param check: plan only.
    :raises TenancyError: before any change for what is known to fail; after it, for each agent that could not be
        brought about or does not get healthy. Other agents of the call are finished first.
    """
    check_specs(specs)
    if check:
        observed, plan = _planned(engine, specs, options)
        for action in plan.actions:
            if action.verb == "pull":
                engine.require_image(action.name)
        return Outcome(plan, _predicted(engine, specs, observed, plan, probe))
    first, plan, failures = _applied(engine, specs, options)
    observed = first[0] if not plan.changed and not failures else engine.observe([spec.agent for spec in specs])
    running = [observed.agents[name] for name in sorted(plan.running - set(failures)) if name in observed.agents]
    answers = wait_healthy(engine, running, probe, options.healthy_timeout)
    for agent in running:
        if not answers[agent.agent].api:
            log = engine.logs(agent, LOG_LINES)
            failures[agent.agent] = diagnosis(
                agent.agent, agent.settings, engine.details(agent), log, options.healthy_timeout
            )
    if failures:
        raise combined(list(failures.values()), "agents")
    return Outcome(first[1], _actual(specs, observed, plan, answers))


def _applied(
    engine: Engine, specs: Sequence[AgentSpec], options: Options
) -> tuple[tuple[Observation, AgentPlan], AgentPlan, dict[str, TenancyError]]:
    """The first observation and plan, the plan that was applied, and what failed of it, by agent."""
    first = _planned(engine, specs, options)
    observed, plan = first
    for attempt in range(_ATTEMPTS):
        try:
            failures = apply_phases(engine, plan.phases, RACES, lambda action, error: _named(engine, action, error))
            break
        except TenancyError as error:
            if error.kind not in RACES or attempt == _ATTEMPTS - 1:
                raise
        time.sleep(_MOMENT)
        observed, plan = _planned(engine, specs, options)
    return first, plan, failures


def _planned(engine: Engine, specs: Sequence[AgentSpec], options: Options) -> tuple[Observation, AgentPlan]:
    for attempt in range(_ATTEMPTS - 1):
        try:
            return _plan_once(engine, specs, options)
        except TenancyError as error:
            # Docker's proxy is up before its container is listed as running: a moment later it has a name, or is an orphan.
            if error.kind != "port_in_use" or PROXY not in error.cause:
                raise
        time.sleep(_MOMENT)
    return _plan_once(engine, specs, options)


def _plan_once(engine: Engine, specs: Sequence[AgentSpec], options: Options) -> tuple[Observation, AgentPlan]:
    images = {spec.image or DEFAULTS.image for spec in specs if spec.state != "absent"}
    observed = engine.observe([spec.agent for spec in specs], sorted(images))
    host = read_host() if engine.local else HostFacts()
    plan = plan_agents(specs, observed, host, options.pool)
    for action in plan.actions:
        if action.agent in plan.running:
            _check_shrink(engine, action, observed)
    return observed, plan


def _check_shrink(engine: Engine, action: AgentAction, observed: Observation) -> None:
    """Refuse a limit below what the agent uses: a cgroup of version 2 would kill it instead."""
    agent = observed.agents.get(action.agent)
    limit = next((change for change in action.changes if change.field == "memory_limit"), None)
    if action.verb != "update" or limit is None or agent is None or not agent.running or limit.after >= limit.before:
        return
    usage = engine.usages([agent]).get(agent.agent)
    used = usage.memory if usage else 0
    if used > limit.after:
        raise TenancyError(
            f"The memory_limit of agent '{action.agent}' can't be lowered to {human_size(limit.after)}",
            cause=f"it uses {human_size(used)} now",
            remedy="Choose a higher memory_limit, unload its models, or stop the agent first",
            kind="memory_in_use",
            agent=action.agent, used=used,
        )


def _named(engine: Engine, action: AgentAction, error: TenancyError) -> TenancyError:
    """A port that was taken between plan and start is told like one that was found in the plan."""
    settings = action.settings
    if error.kind != "port_in_use" or settings is None or not settings.port:
        return error
    observed, host = engine.observe([]), read_host() if engine.local else HostFacts()
    holders = [f"container {use.container}" for use in observed.ports if use.port == settings.port]
    holders += [host.process_of(listener.inode) for listener in host.listeners if listener.port == settings.port]
    return port_error(
        action.agent, settings, holders[0] if holders else "something", next_free_port(settings.port, [], observed, host)
    )


def _predicted(
    engine: Engine, specs: Sequence[AgentSpec], observed: Observation, plan: AgentPlan, probe: Probe
) -> list[dict[str, Any]]:
    """Agents as they will be. The models of one that does not run can't be asked for: they are None, unless it is new."""
    agents = []
    for spec in specs:
        view, actual = dict(plan.after[spec.agent]), observed.agents.get(spec.agent)
        if spec.state == "absent":
            agents.append(view)
            continue
        answer = ask(engine, actual, probe) if actual else Answer()
        runs = spec.agent in plan.running
        models = [] if spec.agent in plan.fresh and runs else answer.models if runs else None
        health = _predicted_health(plan, spec.agent, actual, answer)
        agents.append({**view, "volume_path": volume_path(spec.agent, observed), "health": health, "models": models})
    return agents


def _predicted_health(plan: AgentPlan, agent: str, actual: ActualAgent | None, answer: Answer) -> dict[str, Any]:
    runs = agent in plan.running
    actions = [action for action in plan.actions if action.agent == agent and action.kind == "container"]
    verbs = {action.verb for action in actions}
    if actual is None or "recreate" in verbs or ("start" in verbs and actual.state != "paused"):
        return {"status": "healthy" if runs else "stopped", "api": runs, "oom_killed": False, "restart_count": 0}
    # One that does not answer because of what is about to be put right will answer.
    return health_view(runs, actual, Answer(answer.api or bool(actions)))


def health_view(runs: bool, actual: ActualAgent, answer: Answer) -> dict[str, Any]:
    """Health as results show it. An API that answers is healthy before the engine's first own check of it is due."""
    status = "healthy" if answer.api and actual.health.status == "starting" else actual.health.status
    return {
        "status": status if runs else "stopped",
        "api": runs and answer.api,
        "oom_killed": actual.health.oom_killed,
        "restart_count": actual.health.restart_count,
    }


def _actual(
    specs: Sequence[AgentSpec], observed: Observation, plan: AgentPlan, answers: Mapping[str, Answer]
) -> list[dict[str, Any]]:
    """Agents as they are. One that is gone is told from the plan, which knows what stayed of it."""
    agents = []
    for spec in specs:
        actual = observed.agents.get(spec.agent)
        if actual is None or spec.state == "absent":
            agents.append(dict(plan.after[spec.agent]))
            continue
        answer = answers.get(spec.agent, Answer())
        health = health_view(actual.running, actual, answer)
        view = {**agent_view(actual, observed), "volume_path": volume_path(spec.agent, observed)}
        agents.append({**view, "health": health, "models": answer.models})
    return agents
