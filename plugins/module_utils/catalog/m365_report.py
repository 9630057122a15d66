# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a synchronisation's plan says: counts, the users it names, and what could not be done."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import plain

FIELDS = ("email", "name", "role", "active", "department", "job_title", "user_type")

_DIFFERS = " OR ".join(f"{name} IS DISTINCT FROM {name}_before" for name in FIELDS if name not in ("role", "active"))
_COUNTS = f"""
SELECT count(*) FILTER (WHERE write AND id IS NULL) AS added,
    count(*) FILTER (WHERE write AND linked) AS linked,
    count(*) FILTER (WHERE write AND id IS NOT NULL AND ({_DIFFERS})) AS changed,
    count(*) FILTER (WHERE write AND active_before AND NOT active) AS disabled,
    count(*) FILTER (WHERE write AND NOT active_before AND active) AS enabled,
    count(*) FILTER (WHERE write AND id IS NOT NULL AND role <> role_before) AS role_changes,
    count(*) FILTER (WHERE reason IS NULL) AS differing,
    count(*) FILTER (WHERE id IS NULL AND email IS NULL AND note IS NULL) AS without_email,
    count(*) FILTER (WHERE note IS NOT NULL AND note NOT LIKE 'kept %%') AS conflicts,
    count(*) FILTER (WHERE write AND id IS NULL AND active) AS added_active,
    count(*) FILTER (WHERE write AND linked AND active) AS linked_active
FROM m365_plan
"""
_PRESENT = "SELECT count(*) AS count FROM m365_stage WHERE reason IS NULL"
_ACTIVE = "SELECT count(*) AS count FROM llmops.users WHERE tenant = %s AND source = 'm365' AND active"
_LEAVERS = """
SELECT email_before AS email FROM m365_plan WHERE write AND active_before AND NOT active
ORDER BY address_before LIMIT %s
"""
_NAMED = """
SELECT * FROM m365_plan WHERE write
ORDER BY (active_before AND NOT active) IS TRUE DESC, id IS NULL, coalesce(address_before, address) LIMIT %s
"""
_NOTES = """
SELECT external_id, holder, note, wanted_email, email_before, name FROM m365_plan WHERE note IS NOT NULL
ORDER BY lower(coalesce(wanted_email, email_before)), external_id
"""


def counts(conn: Any) -> dict[str, int]:
    """How many users the plan adds, links, changes, disables, enables, gives another role, and leaves alone."""
    found = dict(conn.execute(_COUNTS).fetchone())
    present = conn.execute(_PRESENT).fetchone()["count"]
    found["unchanged"] = present - found.pop("differing")
    return found


def active_users(conn: Any, tenant: str) -> int:
    """How many m365 users of a tenant are active now."""
    return conn.execute(_ACTIVE, (tenant,)).fetchone()["count"]


def leavers(conn: Any, limit: int) -> list[str]:
    """Emails of the first users whom the plan disables."""
    return [row["email"] for row in conn.execute(_LEAVERS, (limit,)).fetchall()]


def notes(conn: Any) -> list[dict[str, Any]]:
    """Users for whom the directory's wish could not be carried out, and why."""
    return conn.execute(_NOTES).fetchall()


def named(conn: Any, limit: int) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Before, after and actions of the first users, those who lose their access first."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    actions = []
    for row in conn.execute(_NAMED, (limit,)).fetchall():
        fields = [name for name in FIELDS if row["id"] is None or row[name] != row[f"{name}_before"]]
        title = f"tenant user {row['email_before'] or row['email']}"
        if row["id"] is not None:
            before[title] = {name: plain(row[f"{name}_before"]) for name in fields}
        after[title] = {name: plain(row[name]) for name in fields if row["id"] is not None or row[name] is not None}
        if row["linked"]:
            before[title]["source"], after[title]["source"] = "manual", "m365"
        actions.append(
            {
                "action": _verb(row),
                "kind": "tenant user",
                "name": row["email_before"] or row["email"],
                "impact": "in_place",
                "fields": {
                    name: {"before": plain(row[f"{name}_before"]), "after": plain(row[name])} for name in fields
                },
            }
        )
    return before, after, actions


def _verb(row: dict[str, Any]) -> str:
    if row["id"] is None:
        return "create"
    if row["linked"]:
        return "link"
    if row["active_before"] and not row["active"]:
        return "disable"
    return "update"
