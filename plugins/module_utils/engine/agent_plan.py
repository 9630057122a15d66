# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of agents: desired and actual state in, ordered actions and the state after them out. Pure, for every engine.

Order of the actions: images, so that a missing one stops the run before anything else; what goes and frees ports and
names; new networks; then each agent; then networks that nobody needs any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.adoption import keeps_models, left_behind, settle, stays, unshared
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentAction,
    AgentSettings,
    AgentSpec,
    Observation,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.changes import container_changes
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.conflicts import ownership_errors, port_errors, running_errors
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.failures import combined
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import HostFacts
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import NetworkPlan, PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import check_specs, resolve
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import PRIVATE
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.view_plan import (
    ViewStep,
    broken_models,
    missing_models,
    store_then,
    unnamed_models,
    view_step,
    visible,
    volume_change,
    volume_of,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import absent_view, agent_view, settings_view
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact, Plan


@dataclass(frozen=True)
class AgentPlan(Plan):
    """A plan whose ``after`` is the predicted state of each agent.

    :param phases: the actions again, in steps that have to follow each other; within one, agents are independent.
    :param running: agents that run once it is applied. :param fresh: those whose models volume is new, so empty.
    :param visible: the models that agents with shared models list then; of an agent that goes on as it is, None.
    :param warnings: what an operator should know besides.
    """

    phases: tuple[tuple[AgentAction, ...], ...] = ()
    running: frozenset[str] = frozenset()
    fresh: frozenset[str] = frozenset()
    visible: Mapping[str, list[dict[str, Any]] | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """One agent on its way: what is wanted, what is there, and the complete settings it ends with."""

    spec: AgentSpec
    actual: ActualAgent | None
    settings: AgentSettings

    @property
    def runs(self) -> bool:
        """Whether it runs in the end."""
        if self.spec.state == "present":
            return self.actual is not None and self.actual.running
        return self.spec.state == "started"


@dataclass
class _Draft:
    """The plan while it grows, by phase."""

    removals: list[AgentAction] = field(default_factory=list)
    stops: list[AgentAction] = field(default_factory=list)
    images: dict[str, AgentAction] = field(default_factory=dict)
    changes: list[AgentAction] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    recreated: set[str] = field(default_factory=set)
    views: dict[str, ViewStep] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)


def plan_agents(
    specs: Sequence[AgentSpec], observed: Observation, host: HostFacts, pool: PoolOptions
) -> AgentPlan:
    """The plan that brings ``specs`` about.

    :param specs: one for each agent. :param observed: the engine. :param host: listening ports and routes.
    :param pool: where subnets of new networks come from.
    :raises TenancyError: everything that is known to fail, before anything is done; of several agents in one error.
    """
    check_specs(specs)
    specs = unshared(specs, observed)
    errors = ownership_errors(specs, observed) or running_errors(specs, observed)
    targets = [] if errors else [_target(spec, observed) for spec in specs]
    wanted = [target for target in targets if target.spec.state != "absent"]
    if not errors:
        errors = missing_models(specs, observed)
        errors += port_errors([(t.spec, t.settings) for t in wanted if t.runs], _releasing(targets), observed, host)
    if errors:
        raise combined(errors, "agents")
    networks = NetworkPlan(observed, pool, host.routes)
    draft = _Draft()
    for target in targets:
        _warn_of_strangers(target.spec.agent, observed, draft)
        if target.spec.state == "absent":
            _plan_removal(target, observed, networks, draft)
        else:
            if not stays(target.actual):
                _join(target.spec, networks)
            _plan_agent(target, observed, draft)
            draft.warnings += unnamed_models(target.spec, observed.views.get(target.spec.agent))
    phases = (
        tuple(draft.images.values()), (*draft.removals, *draft.stops), (*networks.creations(), *draft.changes),
        networks.removals(),
    )
    return AgentPlan(
        actions=tuple(action for phase in phases for action in phase),
        phases=phases,
        before={t.spec.agent: _before(t, observed) for t in targets},
        after={
            t.spec.agent: _after(t, observed, networks.subnet(t.spec.tenant), draft) for t in targets
        },
        running=frozenset(t.spec.agent for t in wanted if t.runs),
        fresh=frozenset(t.spec.agent for t in wanted if volume_of(t.spec, observed) is None and not keeps_models(t.actual)),
        visible={t.spec.agent: _visible(t, observed, draft) for t in wanted},
        warnings=tuple((*draft.warnings, *networks.warnings)),
    )


def _target(spec: AgentSpec, observed: Observation) -> Target:
    actual = observed.agents.get(spec.agent)
    settings = resolve(spec, actual.settings if actual else None)
    return Target(spec, *settle(spec, actual, settings, observed.images))


def _join(spec: AgentSpec, networks: NetworkPlan) -> None:
    """Have the agent in its tenant's network; an error names the agent, too."""
    try:
        networks.join(spec.tenant, container_name(spec.agent))
    except TenancyError as error:
        error.details["agent"] = spec.agent
        raise


def _releasing(targets: Sequence[Target]) -> frozenset[str]:
    """Agents that give their port back before any other is started."""
    return frozenset(target.spec.agent for target in targets if not target.runs)


def _warn_of_strangers(agent: str, observed: Observation, draft: _Draft) -> None:
    """Of containers that carry the agent's labels, as those of an image made from its container do."""
    for foreign in observed.foreign.values():
        if foreign.agent == agent and foreign.name != container_name(agent):
            draft.warnings.append(
                f"Container {foreign.name} carries the labels of agent '{agent}' and is not that agent ({foreign.origin}); "
                "it was left alone"
            )


def _plan_removal(target: Target, observed: Observation, networks: NetworkPlan, draft: _Draft) -> None:
    spec, name = target.spec, container_name(target.spec.agent)
    foreign = observed.foreign.get(("container", name))
    if foreign:
        draft.warnings.append(f"Container {name} is not an agent of this collection ({foreign.origin}) and was left alone")
    volume = observed.volumes.get(name)
    if target.actual:
        draft.removals.append(_action("remove", "container", target, Impact.RECREATE))
        networks.leave(target.actual.tenant or spec.tenant, target.actual.name)
    draft.warnings += left_behind(target.actual, volume if spec.remove_volume else None)
    linked = observed.views.get(spec.agent)
    if linked and spec.remove_volume:
        erased = Change("private_bytes", linked.private_bytes, 0)
        draft.removals.append(replace(_action("remove", "upper", target, Impact.DATA_LOSS, (erased,)), mount=linked.mount))
    if volume and spec.remove_volume:
        draft.removals.append(replace(_action("remove", "volume", target, Impact.DATA_LOSS), mount=volume.mount))
    networks.leave(spec.tenant, name)


def _plan_agent(target: Target, observed: Observation, draft: _Draft) -> None:
    name, volume = container_name(target.spec.agent), volume_of(target.spec, observed)
    if target.actual is None and volume is None:
        _plan_view(target, observed, draft)
    if volume is None:
        if not stays(target.actual):
            draft.changes.append(_action("create", "volume", target))
    elif anew := volume_change(target.spec, volume, observed.views.get(target.spec.agent)):
        action = _action("replace", "volume", target, Impact.RECREATE, (anew,))
        draft.changes.append(replace(action, volume=volume, mount=None if target.spec.migrate == PRIVATE else action.mount))
        draft.replaced.add(target.spec.agent)
    elif not volume.labelled:
        draft.warnings.append(f"Volume {name} has lost its labels; they can't be put back without losing its data")
    if target.actual is None:
        if volume is not None:
            _plan_view(target, observed, draft)
        _pull_missing(target, observed, draft)
        draft.changes.append(_action("create", "container", target))
        started = False
    else:
        started = _plan_existing(target, target.actual, observed, draft)
        _plan_view(target, observed, draft)
    if target.runs and not started:
        draft.changes.append(_action("start", "container", target))


def _plan_existing(target: Target, actual: ActualAgent, observed: Observation, draft: _Draft) -> bool:
    """Actions of an agent that is there; tells whether it runs after them without being started."""
    spec, settings = target.spec, target.settings
    changes, impact = container_changes(actual, spec.tenant, settings, observed.images)
    if impact is Impact.RECREATE or actual.state == "dead" or spec.agent in draft.replaced:
        _pull_missing(target, observed, draft)
        # Models that an older system kept inside of the container go with it.
        loses = actual.adopted and not keeps_models(actual)
        draft.changes.append(_action("recreate", "container", target, Impact.DATA_LOSS if loses else Impact.RECREATE, changes))
        draft.recreated.add(spec.agent)
        return False
    if not target.runs and actual.running:
        draft.stops.append(_action("stop", "container", target, Impact.RESTART))
    if changes or actual.leftovers:
        draft.changes.append(_action("update", "container", target, impact, changes))
    # One that restarts counts as started: why it does not stay up is for the health check to find.
    return actual.state in ("running", "restarting")


def _plan_view(target: Target, observed: Observation, draft: _Draft) -> None:
    spec, volume = target.spec, observed.volumes.get(container_name(target.spec.agent))
    restarts = not target.runs or spec.agent in draft.recreated
    step = view_step(spec, volume, observed.views.get(spec.agent), target.actual, restarts)
    if step:
        draft.views[spec.agent] = step
        draft.changes.append(_action(step.verb, "view", target, step.impact, step.changes))
        draft.warnings += broken_models(spec)


def _pull_missing(target: Target, observed: Observation, draft: _Draft) -> None:
    image = target.settings.image
    if not observed.images.get(image):
        draft.images[image] = AgentAction("pull", "image", image)


def _action(
    verb: str, kind: str, target: Target, impact: Impact = Impact.IN_PLACE, changes: tuple[Change, ...] = ()
) -> AgentAction:
    return AgentAction(
        verb=verb, kind=kind, name=container_name(target.spec.agent), impact=impact, changes=changes,
        agent=target.spec.agent, tenant=target.spec.tenant, settings=target.settings,
        current=target.actual.name if target.actual else "", mount=target.spec.mount, view=target.spec.view,
        source=target.actual.source if target.actual else "",
    )


def _before(target: Target, observed: Observation) -> Mapping[str, Any]:
    if target.actual is None:
        return absent_view(target.spec, observed.volumes.get(container_name(target.spec.agent)))
    return agent_view(target.actual, observed)


def _after(target: Target, observed: Observation, subnet: str | None, draft: _Draft) -> Mapping[str, Any]:
    spec, actual = target.spec, target.actual
    volume, linked = observed.volumes.get(container_name(spec.agent)), observed.views.get(spec.agent)
    if spec.state == "absent":
        return absent_view(spec, None if spec.remove_volume else volume, linked if spec.remove_volume else None)
    kept = actual if actual and spec.agent not in draft.recreated else None
    # Another name of the same image is no change, so a container keeps the name it was created with.
    settings = replace(target.settings, image=kept.settings.image) if kept else target.settings
    image_id = kept.image_id if kept else observed.images.get(settings.image) or ""
    address = kept.address if kept and target.runs else ""
    runs_on = bool(kept and kept.running and target.runs)
    store = store_then(spec, volume, linked, draft.views.get(spec.agent), runs_on)
    return settings_view(spec.agent, spec.tenant, _state(target, kept), settings, image_id, address, subnet, store)


def _visible(target: Target, observed: Observation, draft: _Draft) -> list[dict[str, Any]] | None:
    spec, actual = target.spec, target.actual
    step = draft.views.get(spec.agent)
    goes_on = actual and actual.state == "running" and spec.agent not in draft.recreated
    if goes_on and (step is None or step.impact is Impact.IN_PLACE):
        return None
    return visible(spec, observed.volumes.get(container_name(spec.agent)), observed.views.get(spec.agent))


def _state(target: Target, kept: ActualAgent | None) -> str:
    if target.runs:
        return "running"
    if kept is None:
        return "created"
    return "exited" if kept.running else kept.state
