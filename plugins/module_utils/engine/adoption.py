# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents that an older system made and the catalog took over: how one is known, and what of it may wait. Pure.

Docker adds no label to a container that is there. So it is known by its name, the old label of its tenant, and the
catalog's word that it was adopted. What differs from how this collection makes a container, and would need a new one,
waits until the operator asks for it (``renew``) or until another change needs a new one anyway.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentSettings,
    AgentSpec,
    Observation,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.changes import container_changes
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import CONTAINER_PREFIX
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Impact

# Labels of the older system; `created_at` and `memory_limit` are read where they serve.
TENANT_LABEL, MODEL_LABEL = "tenant_id", "model"
# What an old container need not say: then Ollama's own default holds, and the catalog's default is no change.
_OPEN = ("context_length", "num_parallel", "keep_alive", "model")
_MODELS = "/root/.ollama/models"


def agent_of(name: str, labels: Mapping[str, str], adopted: Mapping[str, str]) -> str:
    """The adopted agent that a container without labels of ours is, or an empty string.

    :param adopted: tenant by agent, for those that the catalog calls adopted.
    """
    agent = name.removeprefix(CONTAINER_PREFIX)
    known = name.startswith(CONTAINER_PREFIX) and labels.get(TENANT_LABEL) == adopted.get(agent, "")
    return agent if known and agent in adopted else ""


def adopted_of(specs: Sequence[AgentSpec]) -> dict[str, str]:
    """Tenant by agent of those that were adopted."""
    return {spec.agent: spec.tenant for spec in specs if spec.adopted}


def models_mount(inspected: Mapping[str, Any], variables: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The mount that an old container has its models in, with their folder in it as ``Folder``; None when they are inside of it.

    :param variables: its environment.
    """
    models = PurePosixPath(variables.get("OLLAMA_MODELS") or _MODELS)
    memory = [{"Type": "tmpfs", "Destination": path} for path in (inspected.get("HostConfig") or {}).get("Tmpfs") or {}]
    mounts = [mount for mount in [*(inspected.get("Mounts") or []), *memory] if mount.get("Destination")]
    around = [mount for mount in mounts if models.is_relative_to(mount["Destination"])]
    found = max(around, key=lambda mount: len(mount["Destination"]), default={"Type": "tmpfs"})
    return None if found["Type"] == "tmpfs" else {**found, "Folder": str(models.relative_to(found["Destination"]))}


def models_source(inspected: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    """Where the models of an old container are on its host; empty when they are inside of the container."""
    mount = models_mount(inspected, variables)
    return str(PurePosixPath(mount["Source"]) / mount["Folder"]) if mount else ""


def folders(mount: Mapping[str, Any]) -> list[str]:
    """The folders from a mount to the models in it, by their paths in the mount; none when they are the mount itself."""
    parts = PurePosixPath(mount["Folder"]).parts
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def sharer(mount: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> str:
    """Another agent's container that can write to what is around the models; empty without one.

    :param mount: of the models. :param others: containers, as the engine lists them.
    """
    models = PurePosixPath(mount["Source"]) / mount["Folder"]
    for listed in others:
        name = next(iter(listed.get("Names") or []), "").lstrip("/")
        if not name.startswith(CONTAINER_PREFIX) and TENANT_LABEL not in (listed.get("Labels") or {}):
            continue
        for other in listed.get("Mounts") or []:
            same = bool(mount.get("Name")) and other.get("Name") == mount["Name"]
            above = bool(other.get("Source")) and PurePosixPath(other["Source"]) in models.parents
            if other.get("RW") and (above or same and mount["Folder"] != "."):
                return name
    return ""


def unshared(specs: Sequence[AgentSpec], observed: Observation) -> list[AgentSpec]:
    """The specs, those of adopted agents without a model store: their models are where they are."""
    adopted = {name for name, actual in observed.agents.items() if actual.adopted}
    return [replace(spec, mount=None, view=None) if spec.agent in adopted else spec for spec in specs]


def settle(
    spec: AgentSpec, actual: ActualAgent | None, settings: AgentSettings, images: Mapping[str, str | None]
) -> tuple[ActualAgent | None, AgentSettings]:
    """An agent and its settings, less what may wait of an adopted one.

    :raises TenancyError: ``models_inside`` when it has to be made anew and would lose its models.
    """
    if actual is None or not actual.adopted or spec.state == "absent":
        return actual, settings
    waits = {
        name: getattr(actual.settings, name) for name in _OPEN
        if not getattr(actual.settings, name) and getattr(settings, name) == getattr(DEFAULTS, name)
    }
    quiet = replace(actual, deviations=tuple(each for each in actual.deviations if each.impact is Impact.IN_PLACE))
    changes, impact = container_changes(quiet, spec.tenant, kept := replace(settings, **waits), images)
    if not spec.renew and impact is not Impact.RECREATE and actual.state != "dead":
        return quiet, kept
    if not actual.source and not spec.renew:
        raise TenancyError(
            f"Agent '{spec.agent}' was adopted and can't be made anew for {', '.join(change.field for change in changes)}",
            cause="its models are inside of its container and would be lost",
            remedy=f"Leave the change out, or say renew=true (agent_renew={spec.agent} of a playbook) and have its models pulled again",
            kind="models_inside", agent=spec.agent,
        )
    return replace(actual, renewed=True), settings


def keeps_models(actual: ActualAgent | None) -> bool:
    """Whether it is an adopted agent that has its models after the plan, though it has no volume of ours."""
    return actual is not None and actual.adopted and (bool(actual.source) or not actual.renewed)


def stays(actual: ActualAgent | None) -> bool:
    """Whether it is an adopted agent that goes on in its old container, with its old networks and volumes."""
    return actual is not None and actual.adopted and not actual.renewed


def left_behind(actual: ActualAgent | None, doomed: Volume | None) -> list[str]:
    """What an operator should know when an adopted agent goes. :param doomed: its volume, when that is to go as well."""
    if doomed and doomed.source:
        return [f"Volume {doomed.name} stands for {doomed.source} of the older system; what is in there stays, erase it by hand"]
    if actual is None or not actual.adopted:
        return []
    where = f"stay in {actual.source}" if actual.source else "were inside of its container and are gone with it"
    return [f"Agent '{actual.agent}' was adopted: its models {where}"]
