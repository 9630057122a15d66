# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenant users in the catalog."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, records, tables
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import Kind
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_email, check_slug
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Plan

USER = Kind(
    name="tenant user",
    table="users",
    identity="id",
    keys=("tenant", "email"),
    fields=("name", "role", "active"),
    key=lambda row: (row["tenant"], row["email"].lower()),
    title=lambda row: f"{row['tenant']}/{row['email']}",
    defaults=lambda row: {"name": "", "role": "viewer", "active": True},
)


def wish(options: Mapping[str, Any]) -> dict[str, Any]:
    """A user's options, checked.

    :raises TenancyError: ``invalid_slug``, ``invalid_email`` or ``invalid_value``.
    """
    checks.storable({"name": options["name"]})
    return {
        "tenant": check_slug(options["tenant"]),
        "email": check_email(options["email"].strip()),
        "state": options["state"],
        "name": records.clearable(options["name"], str.strip),
        "role": options["role"],
        "active": options["active"],
        "force": bool(options["force"]),
    }


def find(conn: Any, keys: Sequence[records.Key]) -> dict[records.Key, records.Row]:
    """The users of these tenants and (lower case) emails."""
    tenants = sorted({tenant for tenant, email in keys})
    if len(keys) > 500:
        # Most of a tenant's users are asked for: one pass is cheaper than as many look-ups.
        rows = conn.execute("SELECT * FROM llmops.users WHERE tenant = ANY(%s)", (tenants,)).fetchall()
    else:
        rows = conn.execute(
            "SELECT u.* FROM llmops.users u WHERE u.tenant = ANY(%s) AND lower(u.email) = ANY(%s)",
            (tenants, [email for tenant, email in keys]),
        ).fetchall()
    return tables.by_key(USER, rows)


def ensure(conn: Any, wishes: Sequence[Mapping[str, Any]]) -> tuple[Plan, dict[records.Key, records.Row]]:
    """Make the users as wished.

    :returns: the plan carried out, and the wished users as they are now.
    :raises psycopg.Error: of rule ``last_admin`` when a tenant would lose its last active admin without ``force``.
    """
    keys = [USER.key(each) for each in wishes]
    current = find(conn, keys)
    steps = records.compare(USER, wishes, current)
    allow_losing_admins(conn, {each["tenant"] for each in wishes if each.get("force")})
    written = tables.write(conn, USER, steps)
    gone = {USER.key(row) for row in steps.remove}
    now = {**current, **written}
    return records.plan(USER, steps, written), {key: now[key] for key in keys if key in now and key not in gone}


def allow_losing_admins(conn: Any, tenants: Sequence[str] | set[str]) -> None:
    """Lift the rule of the last admin for these tenants in the transaction at hand."""
    if tenants:
        conn.execute("SELECT set_config('llmops.force', %s, true)", (",".join(sorted(tenants)),))
