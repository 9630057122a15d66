# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and agents of tenants that exist, or that check mode makes first, as the same play would have done."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import (
    agent_wishes,
    agents,
    records,
    tenants,
    users,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Plan

Options = Sequence[Mapping[str, Any]]
Warn = Callable[[str], None]


def ensure_users(conn: Any, options: Options, *, check: bool, warn: Warn) -> tuple[Plan, list[dict[str, Any]]]:
    """Make users as the options of module ``tenant_user`` say.

    :returns: the plan carried out, and the users in the order of the options.
    :raises TenancyError: ``tenant_missing`` or that of a bad option.
    """
    wishes = [users.wish(each) for each in options]
    _demand_tenants(conn, wishes, check, warn)
    plan, now = users.ensure(conn, wishes)
    return plan, [
        _result(now.get(users.USER.key(wish)), {"tenant": wish["tenant"], "email": wish["email"]})
        for wish in wishes
    ]


def ensure_agents(
    conn: Any, options: Options, placement: Placement, *, check: bool, warn: Warn
) -> tuple[Plan, list[dict[str, Any]]]:
    """Make agents as the options of module ``tenant_agent`` say.

    :returns: the plan carried out, and the agents in the order of the options.
    :raises TenancyError: ``tenant_missing``, those of :func:`agents.ensure`, or that of a bad option.
    """
    wishes = [agent_wishes.wish(each) for each in options]
    _demand_tenants(conn, wishes, check, warn)
    named = agents.name_all(conn, wishes)
    if check:
        _make_observed(conn, named, placement, warn)
    plan, now = agents.ensure(conn, named, placement)
    return plan, [
        _result(now.get(agent_wishes.AGENT.key(wish)), {"tenant": wish["tenant"], "agent": wish["agent"]})
        for wish in named
    ]


def _make_observed(conn: Any, wishes: Sequence[Mapping[str, Any]], placement: Placement, warn: Warn) -> None:
    """Make agents that are only observed and not there: what was seen has been made by an earlier task of the play."""
    current = agents.find(conn, [each["agent"] for each in wishes])
    others = [name for name in agent_wishes.AGENT.fields if name != "observed"]
    unknown = [
        {**each, "observed": None}
        for each in wishes
        if each["state"] == "present"
        and each["observed"] is not None
        and agent_wishes.AGENT.key(each) not in current
        and all(each[name] is None for name in others)
    ]
    if unknown:
        agents.ensure(conn, unknown, placement)
        warn(
            "Check mode counts an observed agent that the catalog does not have as made by an earlier task"
        )


def _result(row: records.Row | None, key: Mapping[str, Any]) -> dict[str, Any]:
    return records.as_result(row or key, state="present" if row else "absent")


def _demand_tenants(conn: Any, wishes: Iterable[Mapping[str, Any]], check: bool, warn: Warn) -> None:
    """The tenants of what shall be there must exist. What shall be absent is so without its tenant, too."""
    wanted = [each["tenant"] for each in wishes if each["state"] == "present"]
    if tenants.demand(conn, wanted, create=check):
        warn("Check mode counts a tenant that the catalog does not have as made by an earlier task")
