# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change about an agent that is there, and what that does to it. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, AgentSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact

_IN_PLACE = ("memory_limit", "memory_reservation", "cpu_limit")
_RECREATE = ("port", "bind_address", "context_length", "num_parallel", "keep_alive", "model")


def container_changes(
    actual: ActualAgent, tenant: str, settings: AgentSettings, images: Mapping[str, str | None]
) -> tuple[tuple[Change, ...], Impact]:
    """The changes from ``actual`` to ``settings`` and the greatest impact among them.

    :param images: image id by reference: a tag that was moved makes another image of the same name.
    """
    in_place = _fields(actual.settings, settings, _IN_PLACE)
    recreate = _image(actual, settings, images)
    recreate += _fields(actual.settings, settings, _RECREATE)
    recreate += environment_changes(actual.settings.environment, settings.environment)
    if actual.tenant != tenant:
        recreate.append(Change("label tenant_id", actual.tenant, tenant))
    for deviation in actual.deviations:
        (recreate if deviation.impact is Impact.RECREATE else in_place).append(deviation.change)
    if not actual.attached:
        in_place.append(Change("network", "detached", "attached"))
    if actual.name != container_name(actual.agent):
        in_place.append(Change("name", actual.name, container_name(actual.agent)))
    return (*recreate, *in_place), Impact.RECREATE if recreate else Impact.IN_PLACE


def environment_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Changed variables by name. Their values are secrets and are never shown."""
    changes = []
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old = "set" if name in before else "not set"
            new = "not set" if name not in after else "set to another value" if name in before else "set"
            changes.append(Change(f"environment {name}", old, new))
    return changes


def _fields(before: AgentSettings, after: AgentSettings, names: tuple[str, ...]) -> list[Change]:
    pairs: list[tuple[str, Any, Any]] = [(name, getattr(before, name), getattr(after, name)) for name in names]
    return [Change(name, old, new) for name, old, new in pairs if old != new]


def _image(actual: ActualAgent, settings: AgentSettings, images: Mapping[str, str | None]) -> list[Change]:
    wanted = images.get(settings.image)
    if wanted == actual.image_id:
        return []
    if actual.settings.image != settings.image:
        return [Change("image", actual.settings.image, settings.image)]
    # The same name for another image: its tag was moved. A name that is gone says nothing about the container.
    return [Change("image_id", actual.image_id, wanted)] if wanted else []
