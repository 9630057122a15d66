# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The brake: how much of what runs one run may stop, make anew or remove; and that it erases nothing. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import some

MAX_COUNT = 5
MAX_PERCENT = 20
_NAMED = 10


def disruptions(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The containers that the plans of all hosts would stop, restart, make anew or remove, as ``name on host``."""
    found = {
        f"{action['name']} on {host}"
        for host, report in reports.items()
        for action in report.get("actions") or ()
        if action["kind"] != "network" and action["impact"] != "in_place"
    }
    return sorted(found)


def losses(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the plans of all hosts would erase, as ``kind name on host``."""
    return sorted({
        f"{action['kind']} {action['name']} on {host}"
        for host, report in reports.items()
        for action in report.get("actions") or ()
        if action["impact"] == "data_loss"
    })


def existing(reports: Mapping[str, Mapping[str, Any]]) -> int:
    """How many agents are there now."""
    there = sum(agent["state"] != "absent" for report in reports.values() for agent in report.get("agents") or ())
    made = sum(
        action["kind"] == "container" and action["action"] == "create"
        for report in reports.values() for action in report.get("actions") or ()
    )
    return there - made


def check(reports: Mapping[str, Mapping[str, Any]], count: int = MAX_COUNT, percent: int = MAX_PERCENT) -> TenancyError | None:
    """The error of a run that would disrupt more than it may; None when it may go on.

    :param reports: results of ``ollama_agent`` in check mode, by host.
    :param count: of containers. :param percent: the same as a share of all agents that are there.
    """
    found, there = disruptions(reports), existing(reports)
    if lost := losses(reports):
        return _erasing(lost)
    # One is more than a fifth of a small fleet, and no accident.
    share = 100 * len(found) / there if there and len(found) > 1 else 0
    if len(found) <= count and share <= percent:
        return None
    limit = f"max_disruption={count}" if len(found) > count else f"max_disruption_percent={percent}"
    return TenancyError(
        f"{len(found)} of {there} agents would be stopped, restarted, made anew or removed",
        cause=f"that exceeds {limit}; nothing was changed. They are {some(found, _NAMED)}",
        remedy=f"Look at what drift tells. If it is meant so, set max_disruption={max(len(found), count)} and max_disruption_percent=100 "
        "for this run, or choose fewer with tenants or agent_host",
        kind="fleet_brake",
        count=len(found), agents=found[:_NAMED],
    )


def _erasing(lost: list[str]) -> TenancyError:
    """No limit lets data go: what is wanted of a fleet never asks for that, so a plan that does is wrong."""
    return TenancyError(
        "Data would be erased",
        cause=f"no run over the fleet may do that; nothing was changed. It is {some(lost, _NAMED)}",
        remedy="Look at what drift tells. offboard_tenant erases what a tenant has, agent_renew what is inside of an adopted container",
        kind="fleet_data_loss",
        count=len(lost), agents=lost[:_NAMED],
    )
