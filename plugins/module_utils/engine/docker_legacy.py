# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of the older system: those called ``ollama-agent-…`` or with its labels, and without ours."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import adoption
from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_client import translated
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.names import CONTAINER_PREFIX

_AGENT = shape.LABEL + "agent"
_OLD = (adoption.TENANT_LABEL, adoption.MODEL_LABEL, "memory_limit", "created_at")


def list_legacy(engine: DockerEngine) -> list[dict[str, Any]]:
    """What an inspection of each says, by name. A container that goes meanwhile is left out."""
    from docker.errors import NotFound

    found = []
    with translated(engine.host, "Containers of the older system could not be listed"):
        for listed in engine.client.containers(all=True):
            if not _is_legacy(listed):
                continue
            try:
                inspected = engine.client.inspect_container(listed["Id"])
                image = engine.client.inspect_image(inspected["Image"])["Config"]
            except NotFound:
                continue
            found.append(view(inspected, image))
    return sorted(found, key=lambda each: each["container"])


def _is_legacy(listed: Mapping[str, Any]) -> bool:
    labels, names = listed.get("Labels") or {}, [name.lstrip("/") for name in listed.get("Names") or []]
    named = any(name.startswith(CONTAINER_PREFIX) for name in names)
    return _AGENT not in labels and (named or {adoption.TENANT_LABEL, adoption.MODEL_LABEL} <= labels.keys())


def view(inspected: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    """An old container as results show it. Of its environment only the names are shown."""
    settings = shape.read_settings(inspected, image)
    labels, name = inspected["Config"].get("Labels") or {}, inspected["Name"].lstrip("/")
    tenant, agent = labels.get(adoption.TENANT_LABEL, ""), name.removeprefix(CONTAINER_PREFIX)
    differs = shape.read_deviations(agent, tenant, inspected, image)
    variables = shape.environment(inspected["Config"])
    return {
        "container": name,
        "id": inspected["Id"],
        "state": inspected["State"]["Status"],
        "started_at": inspected["State"].get("StartedAt"),
        "labels": {key: labels[key] for key in _OLD if key in labels},
        "image": settings.image,
        "port": settings.port,
        "bind_address": settings.bind_address,
        "memory_limit": settings.memory_limit,
        "memory_reservation": settings.memory_reservation,
        "cpu_limit": settings.cpu_limit,
        "context_length": settings.context_length,
        "num_parallel": settings.num_parallel,
        "keep_alive": settings.keep_alive,
        "environment": sorted(settings.environment),
        "models_path": adoption.models_source(inspected, variables) or None,
        "differs": sorted({change.change.field for change in differs}),
    }
