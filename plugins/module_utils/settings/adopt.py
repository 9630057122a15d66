# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From containers of an older system to records of the catalog, and why some can't have one. Pure."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import CONTAINER_PREFIX, check_slug, full_model
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import format_cpus, format_size, parse_size

Record = Mapping[str, Any]

_ON_HAND = ("context_length", "num_parallel", "keep_alive", "memory_reservation")
_SMALLEST = 16 * 1024**2


def adoption(
    reports: Iterable[Record], records: Iterable[Record], tenants: Sequence[str] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """What is to be recorded, what is adopted already, and what can't be.

    :param reports: variables of hosts that answered, with what ``ollama_agent_info`` found in ``_agent_legacy``.
    :param records: all agents of the catalog.
    :param tenants: shell patterns; containers of other tenants are left out.
    :returns: ``tenants`` (entities for the module ``tenant``), ``adopted`` and ``known`` (host, container, agent, tenant,
        ``differs``), and ``refused`` (host, container, cause).
    """
    found = [
        {**container, "host": report["inventory_hostname"]}
        for report in reports for container in report["_agent_legacy"]["legacy"]
        if not tenants or any(fnmatchcase(_tenant(container), pattern) for pattern in tenants)
    ]
    recorded = {record["agent"]: record for record in records}
    ports = {(record["host"], record["port"]): record["agent"] for record in recorded.values()}
    names = Counter(_agent(each) for each in found)
    sorted_out: dict[str, list[dict[str, Any]]] = {"adopted": [], "known": [], "refused": []}
    entities: dict[str, list[dict[str, Any]]] = {}
    for each in sorted(found, key=lambda container: (container["container"], container["host"])):
        agent, tenant = _agent(each), _tenant(each)
        place = {"host": each["host"], "container": each["container"]}
        if _is_known(each, recorded.get(agent)):
            sorted_out["known"].append({**place, "agent": agent, "tenant": tenant, "differs": each["differs"]})
            continue
        cause = _refusal(each, recorded.get(agent), ports, names)
        if cause:
            sorted_out["refused"].append({**place, "cause": cause})
            continue
        ports[each["host"], each["port"]] = agent
        entities.setdefault(tenant, []).append(_entity(each))
        sorted_out["adopted"].append({**place, "agent": agent, "tenant": tenant, "differs": each["differs"]})
    return {**sorted_out, "tenants": [{"tenant": name, "agents": agents} for name, agents in sorted(entities.items())]}


def _agent(container: Record) -> str:
    return container["container"].removeprefix(CONTAINER_PREFIX)


def _tenant(container: Record) -> str:
    return container["labels"].get("tenant_id", "")


def _is_known(container: Record, record: Record | None) -> bool:
    """Whether the catalog has adopted this very one before."""
    return bool(
        record and record.get("adopted") and (record["host"], record["tenant"]) == (container["host"], _tenant(container))
    )


def _refusal(
    container: Record, record: Record | None, ports: Mapping[tuple[str, int], str], names: Mapping[str, int]
) -> str:
    """Why a container can't be adopted, with what would help; empty when it can."""
    agent, tenant = _agent(container), _tenant(container)
    if not container["container"].startswith(CONTAINER_PREFIX):
        return f"its name does not begin with {CONTAINER_PREFIX}; rename it (docker rename)"
    if not tenant:
        return "it has no label tenant_id, so nobody says whose it is"
    for text, what in ((agent, "agent"), (tenant, "label tenant_id")):
        try:
            check_slug(text, what)
        except TenancyError as error:
            return f"{error}"
    if record:
        return f"the catalog has an agent '{agent}' of tenant {record['tenant']} on {record['host']}; rename the container"
    if names[agent] > 1:
        return f"{names[agent]} hosts have a container of that name; rename all but one"
    if not container["port"]:
        return "it publishes no port for 11434/tcp"
    if holder := ports.get((container["host"], container["port"])):
        return f"its port {container['port']} on {container['host']} is that of agent '{holder}'"
    return ""


def _entity(container: Record) -> dict[str, Any]:
    """The record as the inspection says it. What a container leaves open gets the catalog's default."""
    limit = container["memory_limit"] or _labelled_limit(container["labels"].get("memory_limit"))
    given = {name: container[name] for name in _ON_HAND if container[name]}
    if limit:
        given["memory_limit"] = format_size(limit)
    if "memory_reservation" in given:
        given["memory_reservation"] = format_size(given["memory_reservation"])
    if container["cpu_limit"]:
        given["cpu_limit"] = format_cpus(container["cpu_limit"])
    return {
        "agent": _agent(container), "host": container["host"], "port": container["port"],
        "bind_address": container["bind_address"], "models": _models(container["labels"].get("model")),
        "image": container["image"], "adopted": True,
        "desired_state": "started" if container["state"] in ("running", "restarting", "paused") else "stopped",
        "observed": {"state": container["state"], "image": container["image"]},
        **given,
    }


def _models(label: str | None) -> list[str] | None:
    try:
        full_model(label or "")
    except TenancyError:
        return None
    return [str(label)]


def _labelled_limit(label: str | None) -> int:
    """The limit that a container without one was meant to have."""
    try:
        size = parse_size(label or "0")
    except TenancyError:
        return 0
    return size if size >= _SMALLEST else 0
