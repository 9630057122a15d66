# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change about the models that an agent shares, and what that does to it. Pure.

A view is mounted when its agent starts, so what a running agent shall see takes a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentSpec,
    Observation,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import (
    NEXT_RESTART,
    PRIVATE,
    SHARED,
    Linked,
    ModelView,
    models_view,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name, some
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact

_SHOWN = 12
# Names in a warning; a tenant may have any number.
_TOLD = 5


@dataclass(frozen=True)
class ViewStep:
    """What is to be done. :param verb: create or switch. :param changes: the models, before and after."""

    verb: str
    impact: Impact
    changes: tuple[Change, ...]


def shares(spec: AgentSpec, volume: Volume | None) -> bool:
    """Whether the agent has shared models in the end. A volume is made once: a plain one stays so unless told otherwise."""
    return spec.view is not None and (volume is None or volume.mount is not None or spec.migrate == SHARED)


def volume_of(spec: AgentSpec, observed: Observation) -> Volume | None:
    """The agent's models volume; also one that a move back has removed and not made anew yet: its models are in their place still."""
    name, linked = container_name(spec.agent), observed.views.get(spec.agent)
    volume = observed.volumes.get(name)
    if volume is None and linked and spec.migrate == PRIVATE:
        return Volume(name, spec.agent, spec.tenant, mount=linked.mount)
    return volume


def volume_change(spec: AgentSpec, volume: Volume | None, linked: Linked | None) -> Change | None:
    """Why the models volume has to be made anew, of what it has; None when it can stay.

    :param linked: of an agent with a plain volume, what a move back has not brought yet.
    """
    if volume is None:
        return None
    if spec.migrate == PRIVATE:
        return Change("models", SHARED, PRIVATE) if volume.mount or linked else None
    if spec.mount is None or volume.mount == spec.mount:
        return None
    if volume.mount is None:
        return Change("models", PRIVATE, SHARED) if spec.migrate == SHARED else None
    return Change("path", volume.mount.upper, spec.mount.upper)


def missing_models(specs: Sequence[AgentSpec], observed: Observation) -> list[TenancyError]:
    """Models that agents shall share and that the store does not have; one error for each agent."""
    return [
        TenancyError(
            f"Agent '{spec.agent}' can't have the model{'s' if len(spec.view.missing) > 1 else ''} {', '.join(spec.view.missing)}",
            cause="the model store does not have it, or not whole, and the agent has none of its own",
            remedy="Bring it with module model_store (playbook prefetch_models), then run this again",
            kind="model_not_in_store",
            agent=spec.agent, models=list(spec.view.missing),
        )
        for spec in specs
        if spec.view and spec.view.missing and shares(spec, observed.volumes.get(container_name(spec.agent)))
    ]


def unnamed_models(spec: AgentSpec, linked: Linked | None) -> list[str]:
    """The warning of models that are left out."""
    count = (linked.unnamed if linked else 0) + (spec.view.unnamed if spec.view else 0)
    return [
        f"Agent '{spec.agent}' has {count} manifest{'s' if count > 1 else ''} of its own under names that no model can have; "
        "they are told nowhere, and are erased when its models move into a store"
    ] if count else []


def broken_models(spec: AgentSpec) -> list[str]:
    """The warning of what stops working with the view that an agent gets."""
    return [
        f"Agent '{spec.agent}' can no longer answer with {some(spec.view.broken, _TOLD)}: what its tenant named so (ollama cp, or a "
        "create that was cut) has parts of a model or version that it sees no more. Its tenant can name the new version so, or remove it"
    ] if spec.view and spec.view.broken else []


def view_step(
    spec: AgentSpec, volume: Volume | None, linked: Linked | None, actual: ActualAgent | None, restarts: bool
) -> ViewStep | None:
    """The step that brings the wanted view about; None when there is nothing to do.

    :param restarts: whether the agent is stopped or made anew by this plan anyway.
    """
    if spec.view is None or not shares(spec, volume):
        return None
    if linked is None or linked.mount != spec.mount:
        names = Change("models", [], sorted(spec.view.models))
        return ViewStep("create", _impact(actual, restarts), (names,))
    listed, newer = _listed(linked.view, spec.view), _newer(linked.view, spec.view)
    repairs = _repairs(linked)
    if not (listed or newer or repairs):
        return None
    waits = spec.update == NEXT_RESTART and not listed and not [c for c in repairs if c.field != "mounted"]
    if waits and not newer:
        return None
    return ViewStep("switch", Impact.IN_PLACE if waits else _impact(actual, restarts), (*listed, *newer, *repairs))


def _impact(actual: ActualAgent | None, restarts: bool) -> Impact:
    return Impact.RESTART if actual and actual.running and not restarts else Impact.IN_PLACE


def _listed(before: ModelView, after: ModelView) -> list[Change]:
    names = sorted(before.models), sorted(after.models)
    return [Change("models", *names)] if names[0] != names[1] else []


def _newer(before: ModelView, after: ModelView) -> list[Change]:
    """Models that are there in another version."""
    return [
        Change(name, before.models[name].digest[:_SHOWN], model.digest[:_SHOWN])
        for name, model in sorted(after.models.items())
        if name in before.models and before.models[name].digest != model.digest
    ]


def _repairs(linked: Linked) -> list[Change]:
    changes = []
    if linked.damage:
        changes.append(Change("view", linked.damage, "whole"))
    if linked.hidden:
        changes.append(Change("deleted by the tenant", list(linked.hidden), []))
    if linked.pending:
        changes.append(Change("mounted", "an older view", "as linked"))
    return changes


def store_view(view: ModelView | None, pending: bool) -> dict[str, Any]:
    """Where an agent has its models from, for results. :param view: of one that shares some. :param pending: whether it waits."""
    if view is None:
        return {"models": PRIVATE, "view": None, "shared": [], "pending": False}
    return {"models": SHARED, "view": view.id or None, "shared": sorted(view.models), "pending": pending}


def store_now(volume: Volume | None, linked: Linked | None) -> dict[str, Any]:
    """:func:`store_view` of an agent as it is."""
    return store_view(linked.view if linked and volume and volume.mount else None, bool(linked and linked.pending))


def store_then(
    spec: AgentSpec, volume: Volume | None, linked: Linked | None, step: ViewStep | None, runs_on: bool
) -> dict[str, Any]:
    """:func:`store_view` of an agent as it will be.

    :param runs_on: whether it runs now and is neither stopped nor made anew.
    """
    if spec.migrate == PRIVATE:
        return store_view(None, False)
    waits = runs_on and bool(linked and linked.pending)
    if not shares(spec, volume):
        return {**store_now(volume, linked), "pending": waits}
    if step:
        waits = runs_on and step.impact is Impact.IN_PLACE
    return store_view(spec.view if step or linked is None else linked.view, waits)


def visible(spec: AgentSpec, volume: Volume | None, linked: Linked | None) -> list[dict[str, Any]] | None:
    """The models that an agent lists once its view is as wanted; None when it has no view."""
    return models_view(spec.view, linked) if spec.view is not None and shares(spec, volume) else None
