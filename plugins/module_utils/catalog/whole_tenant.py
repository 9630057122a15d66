# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant as a whole: its record, users and agents, made or removed in one transaction."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import (
    agent_wishes,
    agents,
    records,
    tables,
    tenants,
    users,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.placement import Placement
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import some
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Plan


def ensure(conn: Any, options: Sequence[Mapping[str, Any]], placement: Placement) -> tuple[Plan, list[dict[str, Any]]]:
    """Make tenants as their options say, with the users and agents nested in them.

    :param options: options of module ``tenant``.
    :returns: the plan carried out, and the tenants as results: with all their agents, the users that were named, and
        counts; a removed tenant with what was removed.
    :raises TenancyError: for bad options, or ``tenant_in_use``.
    """
    wishes = [tenants.wish(each) for each in options]
    present = [each for each in options if each["state"] == "present"]
    absent = [each for each in options if each["state"] == "absent"]
    user_wishes = [users.wish({**user, "tenant": each["tenant"]}) for each in present for user in each["users"] or ()]
    wished_agents = _agent_wishes(conn, present)
    emptied, removed_agents = _empty(conn, absent)
    own, now = tenants.ensure(conn, wishes)
    peopled, named_users = users.ensure(conn, user_wishes)
    placed, _agents = agents.ensure(conn, wished_agents, placement)
    plan = records.merge(emptied, own, peopled, placed)
    return plan, _results(conn, wishes, now, named_users, removed_agents)


def others(conn: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """All tenants but these, as the catalog has them, each with its agents."""
    rows = conn.execute("SELECT * FROM llmops.tenants WHERE tenant <> ALL(%s) ORDER BY tenant", (list(names),)).fetchall()
    own_agents: dict[str, list[dict[str, Any]]] = {row["tenant"]: [] for row in rows}
    for row in agents.on_their_way(conn, agents.of_tenants(conn, list(own_agents))):
        own_agents[row["tenant"]].append(records.as_result(row, state="present"))
    return [records.as_result(row, state="present", agents=own_agents[row["tenant"]]) for row in rows]


def _agent_wishes(conn: Any, options: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The agents nested in tenants, each with its name."""
    return agents.name_all(
        conn,
        [agent_wishes.wish({**agent, "tenant": each["tenant"]}) for each in options for agent in each["agents"] or ()],
    )


def _empty(conn: Any, options: Sequence[Mapping[str, Any]]) -> tuple[Plan, list[dict[str, Any]]]:
    """Remove what belongs to tenants that are going to be removed.

    Users go along; of agents those that are named as absent, too, or all with ``cascade``.
    """
    names = [each["tenant"] for each in options]
    for each in options:
        if each["users"] or any(agent["state"] != "absent" for agent in each["agents"] or ()):
            raise TenancyError(
                f"Tenant {each['tenant']} shall be absent, yet have users or agents",
                remedy="Leave users out, and agents that are not absent, too; or leave state=absent out",
                kind="invalid_options",
            )
    if not names:
        return Plan(), []
    own_agents = agents.of_tenants(conn, names)
    for each in options:
        going = {agent["agent"] for agent in each["agents"] or ()}
        kept = [row["agent"] for row in own_agents if row["tenant"] == each["tenant"] and row["agent"] not in going]
        if kept and not each["cascade"]:
            raise TenancyError(
                f"Tenant {each['tenant']} still has {len(kept)} agent{'s' * (len(kept) > 1)}: {some(kept)}",
                remedy="Remove them first (playbooks/offboard_tenant.yml does), or set cascade=true"
                if each["agents"] is None else "They were added meanwhile. Run it again to remove them, too",
                kind="tenant_in_use",
                agents=kept,
            )
    own_users = conn.execute("SELECT * FROM llmops.users WHERE tenant = ANY(%s) ORDER BY email", (names,)).fetchall()
    users.allow_losing_admins(conn, names)
    agent_steps = records.Steps(remove=tuple(own_agents))
    user_steps = records.Steps(remove=tuple(own_users))
    tables.write(conn, agent_wishes.AGENT, agent_steps)
    tables.write(conn, users.USER, user_steps)
    plan = records.merge(records.plan(agent_wishes.AGENT, agent_steps, {}), records.plan(users.USER, user_steps, {}))
    return plan, own_agents


def _results(
    conn: Any,
    wishes: Sequence[Mapping[str, Any]],
    now: Mapping[records.Key, records.Row],
    named_users: Mapping[records.Key, records.Row],
    removed_agents: Sequence[records.Row],
) -> list[dict[str, Any]]:
    names = [each["tenant"] for each in wishes]
    own_agents: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    there = agents.on_their_way(conn, agents.of_tenants(conn, names))
    for rows, state in ((there, "present"), (removed_agents, "absent")):
        for row in rows:
            own_agents[row["tenant"]].append(records.as_result(row, state=state))
    people: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for row in named_users.values():
        people[row["tenant"]].append(records.as_result(row, state="present"))
    counts = {
        row["tenant"]: row["count"]
        for row in conn.execute(
            "SELECT tenant, count(*) AS count FROM llmops.users WHERE tenant = ANY(%s) GROUP BY tenant", (names,)
        ).fetchall()
    }
    return [
        records.as_result(
            now.get((wish["tenant"],), {"tenant": wish["tenant"]}),
            state=wish["state"],
            agents=own_agents[wish["tenant"]],
            users=people[wish["tenant"]],
            agent_count=sum(1 for agent in own_agents[wish["tenant"]] if agent["state"] == "present"),
            user_count=counts.get(wish["tenant"], 0),
        )
        for wish in wishes
    ]
