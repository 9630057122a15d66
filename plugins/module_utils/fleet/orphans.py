# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is there and belongs to nobody: objects of the engines without a record, records without a host. Pure."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import Desired

Values = Mapping[str, Any]


def orphans(wanted: Desired, reports: Mapping[str, Values]) -> list[dict[str, Any]]:
    """All of them.

    :param reports: results of ``ollama_agent`` with ``others=true``, by host.
    :returns: ``host``, ``kind``, ``name``, ``agent``, ``tenant``, ``state``, and whether it is ``kept`` on purpose: the data
        of an agent that was offboarded without erasing it.
    """
    tenants = {(host, tenant) for (host, _agent), tenant in wanted.owners.items()}
    found = [
        {"host": host, **item, "kept": item["kind"] not in ("container", "network")}
        for host in wanted.hosts
        for item in (reports.get(host) or {}).get("others") or ()
        if not _owned(host, item, wanted, tenants)
    ]
    return [*found, *_records(wanted)]


def _owned(host: str, item: Values, wanted: Desired, tenants: set[tuple[str, str]]) -> bool:
    if item["kind"] == "network":
        return (host, item["tenant"]) in tenants
    return (host, item["agent"]) in wanted.owners


def _records(wanted: Desired) -> Iterator[dict[str, Any]]:
    for agent in wanted.agents:
        if agent["host"] in wanted.unknown_hosts:
            yield {
                "host": agent["host"], "kind": "record", "name": agent["agent"], "agent": agent["agent"],
                "tenant": agent["tenant"], "state": None, "kept": False,
            }
