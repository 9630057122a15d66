# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads tenants, users and agents with filters, for the _info modules. Changes nothing."""

from __future__ import annotations

from typing import Any

try:
    from psycopg import sql
except ImportError:
    sql = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import agents as placed
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, records, tables

_TENANTS = """
SELECT t.*,
    coalesce(u.users, 0) AS user_count, coalesce(u.active_users, 0) AS active_user_count,
    coalesce(u.active_admins, 0) AS active_admin_count,
    coalesce(a.agents, 0) AS agent_count, coalesce(a.started, 0) AS started_agent_count,
    coalesce(a.memory, 0)::bigint AS used_memory, coalesce(a.cpus, 0)::bigint AS used_cpus,
    coalesce(a.disk, 0)::bigint AS used_disk,
    CASE WHEN t.quota_agents_per_hour IS NOT NULL THEN (llmops.agents_made(t.tenant)).made END AS agents_made_last_hour
FROM llmops.tenants t
LEFT JOIN (
    SELECT tenant, count(*) AS users, count(*) FILTER (WHERE active) AS active_users,
        count(*) FILTER (WHERE active AND role = 'admin') AS active_admins
    FROM llmops.users GROUP BY tenant
) u USING (tenant)
LEFT JOIN (
    SELECT tenant, count(*) AS agents, count(*) FILTER (WHERE desired_state = 'started') AS started,
        sum(memory_limit) AS memory, sum(cpu_limit) AS cpus, sum(disk_limit) AS disk
    FROM llmops.agents GROUP BY tenant
) a USING (tenant)
"""


def tenants(conn: Any, *, tenant: str | None = None, active: bool | None = None) -> list[dict[str, Any]]:
    """Tenants with counts of what is theirs and with what their agents use of the quota."""
    checks.storable({"tenant": tenant})
    return _select(conn, _TENANTS, {"t.tenant = {}": tenant, "t.active = {}": active}, "tenant")


def users(
    conn: Any,
    *,
    tenant: str | None = None,
    email: str | None = None,
    role: str | None = None,
    active: bool | None = None,
) -> list[dict[str, Any]]:
    """Users that fit all filters given."""
    checks.storable({"tenant": tenant, "email": email})
    conditions = {"tenant = {}": tenant, "lower(email) = lower({})": email, "role = {}": role, "active = {}": active}
    return _select(conn, "SELECT * FROM llmops.users", conditions, "tenant, lower(email)")


def agents(
    conn: Any, *, tenant: str | None = None, agent: str | None = None, host: str | None = None
) -> list[dict[str, Any]]:
    """Agents that fit all filters given, those that are on their way to another host with their ``move``."""
    checks.storable({"tenant": tenant, "agent": agent, "host": host})
    conditions = {"tenant = {}": tenant, "agent = {}": agent, "host = {}": host}
    return placed.on_their_way(conn, _select(conn, "SELECT * FROM llmops.agents", conditions, "agent"))


def _select(conn: Any, query: str, conditions: dict[str, Any], order: str) -> list[dict[str, Any]]:
    where, values = tables.filters(conditions)
    statement = sql.SQL(query) + where + sql.SQL(f" ORDER BY {order}")
    return [records.as_result(row, state="present") for row in conn.execute(statement, values).fetchall()]
