# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents as they shall be: observe, plan, apply, wait until healthy, and tell. The same path in check mode, up to apply."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agent_plan import AgentPlan, plan_agents
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
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.races import ATTEMPTS, RACES, Refusals, mends, pause
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, check_specs
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.shrinking import check_shrinks
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.tolerance import Failures, plan_sound, sharers
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import absent_view, agent_view, volume_path
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Impact

# Seconds between looks at a port that only Docker's proxy holds; a host that is busy takes its time to start a container.
_MOMENTS = (0.5, 0.5, 0.5, 1.0, 2.0, 4.0, 4.0)


@dataclass(frozen=True)
class Options:
    """How agents are brought about.

    :param healthy_timeout: seconds for all of them to answer.
    :param keep_going: what fails of an agent is part of the outcome and stops no other.
    :param create_stopped: whether an agent that shall be stopped is made when it is not there.
    :param foresee: looks at what is about to be done, and raises when it is known to fail.
    """

    pool: PoolOptions = PoolOptions()
    healthy_timeout: float = 60
    keep_going: bool = False
    create_stopped: bool = True
    foresee: Callable[[Sequence[AgentAction]], None] = lambda actions: None


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be.

    :param agents: in the order they were asked for, without those that can't even be planned.
    :param failures: by agent, with ``keep_going``. :param observed: the engine as it was before.
    :param answered: in check mode, agents that answer now; of the others nobody knows.
    """

    plan: AgentPlan
    agents: list[dict[str, Any]]
    failures: Failures
    observed: Observation
    answered: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Planned:
    """A plan with the observation it was made from, and the agents it leaves out because they would fail."""

    observed: Observation
    plan: AgentPlan
    failures: Failures


def ensure_agents(
    engine: Engine, specs: Sequence[AgentSpec], probe: Probe, options: Options = Options(), *, check: bool = False
) -> Outcome:
    """Bring the agents of ``specs`` about.

    :param probe: asks an endpoint for its models. :param check: plan only.
    :raises TenancyError: before any change for what is known to fail; after it, for each agent that could not be
        brought about or does not get healthy. Other agents of the call are finished first.
    """
    if not options.keep_going:
        check_specs(specs)
    if check:
        planned = _planned(engine, specs, options)
        failures = {**planned.failures, **_missing_images(engine, planned.plan, options)}
        asked = {spec.agent for spec in specs if spec.state != "absent"} - set(planned.failures)
        answers = {name: ask(engine, actual, probe) for name, actual in planned.observed.agents.items() if name in asked}
        answered = frozenset(name for name, answer in answers.items() if answer.api)
        return Outcome(planned.plan, _predicted(specs, planned, answers), failures, planned.observed, answered)
    first, plan, failures = _applied(engine, specs, options)
    observed = first.observed if not plan.changed and not failures else engine.observe([spec.agent for spec in specs])
    running = [observed.agents[name] for name in sorted(plan.running - set(failures)) if name in observed.agents]
    answers = wait_healthy(engine, running, probe, options.healthy_timeout)
    for agent in running:
        if not answers[agent.agent].api:
            log = engine.logs(agent, LOG_LINES)
            failures[agent.agent] = diagnosis(
                agent.agent, agent.settings, engine.details(agent), log, options.healthy_timeout
            )
    if failures and not options.keep_going:
        raise combined(list(failures.values()), "agents")
    return Outcome(first.plan, _actual(specs, observed, plan, answers, failures), failures, first.observed)


def _missing_images(engine: Engine, plan: AgentPlan, options: Options) -> Failures:
    """What would fail because its image can't be pulled."""
    failures: Failures = {}
    for action in plan.actions:
        if action.verb == "pull":
            try:
                engine.require_image(action.name)
            except TenancyError as error:
                if not options.keep_going:
                    raise
                failures |= dict.fromkeys(sharers(plan.actions, action), error)
    return failures


def _applied(
    engine: Engine, specs: Sequence[AgentSpec], options: Options
) -> tuple[_Planned, AgentPlan, Failures]:
    """The first observation and plan, the plan that was applied, and what failed, by agent."""
    first = planned = _planned(engine, specs, options)
    refusals = Refusals()
    for attempt in range(ATTEMPTS):
        plan = planned.plan
        sharing = (lambda action, plan=plan: sharers(plan.actions, action)) if options.keep_going else (lambda action: ())
        # In the end, what one tenant lacks is that tenant's failure and no other's.
        fatal = frozenset[str]() if options.keep_going and attempt == ATTEMPTS - 1 else RACES
        try:
            failures = apply_phases(
                engine, plan.phases, fatal, lambda action, error: _named(engine, action, error), sharing
            )
            break
        except TenancyError as error:
            if not mends(error, attempt):
                raise
            refusals.note(error)
        time.sleep(pause(attempt))
        planned = _planned(engine, specs, replace(options, pool=refusals.elsewhere(options.pool)))
    return first, plan, {**planned.failures, **failures}


def _planned(engine: Engine, specs: Sequence[AgentSpec], options: Options) -> _Planned:
    for moment in _MOMENTS:
        try:
            planned = _plan_once(engine, specs, options)
            if not any(_of_proxy(error) for error in planned.failures.values()):
                return planned
        except TenancyError as error:
            if not _of_proxy(error):
                raise
        time.sleep(moment)
    return _plan_once(engine, specs, options)


def _of_proxy(error: TenancyError) -> bool:
    """Docker's proxy is up before its container is listed as running: a moment later it has a name, or is an orphan."""
    return error.kind == "port_in_use" and PROXY in error.cause


def _plan_once(engine: Engine, specs: Sequence[AgentSpec], options: Options) -> _Planned:
    """A plan in which a glance may only have found that nothing is to be done: the engine itself is asked about the rest."""
    names = [spec.agent for spec in specs]
    images = sorted({spec.image or DEFAULTS.image for spec in specs if spec.state != "absent"})
    sure: frozenset[str] = frozenset()
    used: dict[str, int] = {}
    while True:
        observed = engine.observe(names, images, sure)
        try:
            planned = _plan_of(engine, observed, specs, options, used)
        except TenancyError:
            if not observed.glanced:
                raise
            sure = frozenset(names)
            continue
        doubtful = observed.glanced & {*planned.failures, *(action.agent for action in planned.plan.actions)}
        if not doubtful:
            return planned
        sure |= doubtful


def _plan_of(
    engine: Engine, observed: Observation, specs: Sequence[AgentSpec], options: Options, used: dict[str, int]
) -> _Planned:
    host = read_host() if engine.local else HostFacts()

    def plan(wanted: Sequence[AgentSpec]) -> AgentPlan:
        found = plan_agents(wanted, observed, host, options.pool)
        options.foresee(found.actions)
        check_shrinks(engine, [action for action in found.actions if action.agent in found.running], observed, used)
        return found

    made = [spec for spec in specs if options.create_stopped or spec.state != "stopped" or spec.agent in observed.agents]
    if options.keep_going:
        return _Planned(observed, *plan_sound(made, plan))
    return _Planned(observed, plan(made), {})


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


def _predicted(specs: Sequence[AgentSpec], planned: _Planned, answers: Mapping[str, Answer]) -> list[dict[str, Any]]:
    """Agents as they will be. The models of one that does not run can't be asked for: they are None, unless it is new."""
    agents, observed, plan = [], planned.observed, planned.plan
    actions: dict[str, list[AgentAction]] = {}
    for action in plan.actions:
        actions.setdefault(action.agent, []).append(action)
    for spec in specs:
        if spec.agent in planned.failures:
            continue
        view, actual = _view_after(spec, observed, plan), observed.agents.get(spec.agent)
        if view["state"] == "absent":
            agents.append(view)
            continue
        answer = answers.get(spec.agent, Answer())
        runs = spec.agent in plan.running
        models = _predicted_models(plan, spec.agent, answer) if runs else None
        health = _predicted_health(actions.get(spec.agent, []), runs, actual, answer)
        agents.append({**view, "volume_path": volume_path(spec.agent, observed), "health": health, "models": models})
    return agents


def _view_after(spec: AgentSpec, observed: Observation, plan: AgentPlan) -> dict[str, Any]:
    """An agent as the plan leaves it; one that the plan is not about is not there and need not be."""
    return dict(plan.after.get(spec.agent) or absent_view(spec, observed.volumes.get(container_name(spec.agent))))


def _predicted_models(plan: AgentPlan, agent: str, answer: Answer) -> list[dict[str, Any]] | None:
    shared = plan.visible.get(agent)
    if shared is not None:
        return shared
    return [] if agent in plan.fresh else answer.models


def _predicted_health(planned: Sequence[AgentAction], runs: bool, actual: ActualAgent | None, answer: Answer) -> dict[str, Any]:
    """:param planned: all actions on the agent. :param runs: whether it runs after them."""
    actions = [action for action in planned if action.kind == "container"]
    verbs = {action.verb for action in actions}
    restarted = any(action.kind == "view" and action.impact is Impact.RESTART for action in planned)
    if actual is None or restarted or "recreate" in verbs or ("start" in verbs and actual.state != "paused"):
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
    specs: Sequence[AgentSpec], observed: Observation, plan: AgentPlan, answers: Mapping[str, Answer], failures: Failures
) -> list[dict[str, Any]]:
    """Agents as they are. One that is gone is told from the plan, which knows what stayed of it."""
    agents = []
    for spec in specs:
        actual = observed.agents.get(spec.agent)
        if actual is None and spec.agent in failures:
            continue
        if actual is None or spec.state == "absent":
            agents.append(_view_after(spec, observed, plan))
            continue
        answer = answers.get(spec.agent, Answer())
        health = health_view(actual.running, actual, answer)
        view = {**agent_view(actual, observed), "volume_path": volume_path(spec.agent, observed)}
        agents.append({**view, "health": health, "models": answer.models})
    return agents
