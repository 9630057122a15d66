# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to do after the plan: which records, which hosts, which agents of a host. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import Desired, desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import agent_of, answered, models_missing, tenant_of
from ansible_collections.llmops.tenancy.plugins.module_utils.names import NETWORK_PREFIX

Values = Mapping[str, Any]


def records_to_write(settings: Values, planned: Values) -> list[Values]:
    """The records of selected tenants whose plan has anything to do."""
    wanted = {tenant["tenant"] for tenant in desired(settings, planned).tenants}
    owners = {agent["agent"]: tenant["tenant"] for tenant in planned["tenants"] for agent in tenant.get("agents") or ()}
    busy = {tenant_of(action, owners) for action in planned["actions"]}
    return [record for record in settings["records"] if record["tenant"] in busy & wanted]


def recorded(planned: Values, written: Values | None) -> dict[str, Any]:
    """The catalog after its real run: what was planned, with what was written in its place.

    :param planned: result of ``tenant`` in check mode. :param written: of its real run; None when there was nothing to do.
    """
    if not written:
        return {**planned, "actions": []}
    refused = {failure["tenant"] for failure in written["failures"]}
    now = {tenant["tenant"]: tenant for tenant in written["tenants"]}
    return {
        "tenants": [now.get(tenant["tenant"], tenant) for tenant in planned["tenants"] if tenant["tenant"] not in refused],
        "others": planned["others"],
        "actions": written["actions"],
        "failures": [*planned["failures"], *written["failures"]],
    }


def busy_hosts(wanted: Desired, reports: Mapping[str, Values]) -> list[str]:
    """The hosts that have anything to do."""
    return [
        host for host in wanted.hosts
        if answered(reports.get(host) or {}) and (
            reports[host]["actions"]
            or models_missing([agent for agent in wanted.agents if agent["host"] == host], reports[host]["agents"], host)
        )
    ]


def agents_to_change(entities: Sequence[Values], before: Sequence[Values], report: Values) -> list[Values]:
    """The agents of a host that have something to do: by the plan, or because their records came out otherwise.

    :param entities: for ``ollama_agent``, by the catalog as it is now. :param before: the same when the plan was made.
    :param report: the plan, as ``ollama_agent`` returned it.
    """
    planned = {entity["agent"]: entity for entity in before}
    failed = {failure["agent"] for failure in report.get("failures") or ()}
    busy = {agent_of(action) for action in report["actions"]}
    networks = {action["name"].removeprefix(NETWORK_PREFIX) for action in report["actions"] if action["kind"] == "network"}
    return [
        entity for entity in entities
        if planned.get(entity["agent"]) != entity
        or entity["agent"] not in failed and (entity["agent"] in busy or entity["tenant"] in networks)
    ]
