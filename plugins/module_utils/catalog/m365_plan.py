# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a synchronisation: a temporary table of the users that differ, made by sets before anything is written.

One row per user to add, change, link, disable or release. The brake and the report read it, and writing it is two
statements, so check mode, the brake and the real run cannot tell different stories.
"""

from __future__ import annotations

from typing import Any

# How users of the catalog are found. One pass over the tenant is right for a whole directory; a delta looks each up, in
# a form that the planner can't turn into a pass, which it prefers while a table that just grew has no statistics.
_MANY_BY_ID = "llmops.users u ON u.tenant = %(tenant)s AND u.external_id = s.external_id AND u.external_id IS NOT NULL"
_FEW_BY_ID = (
    "LATERAL (SELECT * FROM llmops.users o WHERE o.tenant = %(tenant)s AND o.external_id = s.external_id"
    " AND o.external_id IS NOT NULL LIMIT 1) u ON true"
)
# Addresses of the plan are compared by bytes, which is fast; looked up they need the collation of the catalog's index.
_MANY_BY_ADDRESS = 'llmops.users h ON h.tenant = %(tenant)s AND lower(h.email) = p.address COLLATE "default"'
_FEW_BY_ADDRESS = (
    "LATERAL (SELECT * FROM llmops.users o WHERE o.tenant = %(tenant)s"
    ' AND lower(o.email) = p.address COLLATE "default" LIMIT 1) h ON true'
)

# What happens to an active flag: the directory decides, unless an operator disabled the user by hand since.
_ACTIVE = """CASE
    WHEN NOT s.active THEN false
    WHEN {0}.active OR {0}.directory_active = false THEN true
    ELSE false
END"""

_PLAN = f"""
CREATE TEMPORARY TABLE m365_plan ON COMMIT DROP AS
SELECT s.external_id, u.id, false AS linked, u.last_access, s.reason, s.email AS wanted_email, NULL::text AS note,
    u.email AS email_before, coalesce(s.email, u.email) AS email,
    u.name AS name_before, CASE WHEN s.reason IS NULL THEN s.name ELSE u.name END AS name,
    u.department AS department_before, CASE WHEN s.reason IS NULL THEN s.department ELSE u.department END AS department,
    u.job_title AS job_title_before, CASE WHEN s.reason IS NULL THEN s.job_title ELSE u.job_title END AS job_title,
    u.user_type AS user_type_before, CASE WHEN s.reason IS NULL THEN s.user_type ELSE u.user_type END AS user_type,
    u.role AS role_before,
    CASE WHEN s.role IS NOT NULL AND (u.id IS NULL OR %(manage_roles)s) THEN s.role ELSE u.role END AS role,
    u.active AS active_before, CASE WHEN u.id IS NULL THEN s.active ELSE {_ACTIVE.format("u")} END AS active,
    u.directory_active AS directory_active_before, s.active AS directory_active, NULL::text AS holder, true AS write,
    lower(u.email) COLLATE "C" AS address_before, lower(coalesce(s.email, u.email)) COLLATE "C" AS address
FROM m365_stage s
LEFT JOIN @by_id@
WHERE CASE
    -- A person whom the catalog does not know and who may not sign in is left out, as are tombstones of strangers.
    WHEN u.id IS NULL THEN s.reason IS NULL AND s.active
    WHEN s.reason IS NOT NULL THEN u.active OR u.directory_active IS DISTINCT FROM false
    ELSE (u.email, u.name, u.department, u.job_title, u.user_type, u.directory_active, u.active)
            IS DISTINCT FROM (coalesce(s.email, u.email), s.name, s.department, s.job_title, s.user_type, s.active,
                {_ACTIVE.format("u")})
        OR (%(manage_roles)s AND u.role <> s.role)
END
"""

# In a full round a user who did not come is gone: Graph forgets tombstones.
_ABSENT = """
INSERT INTO m365_plan
SELECT u.external_id, u.id, false, u.last_access, 'missing', NULL, NULL, u.email, u.email, u.name, u.name, u.department,
    u.department, u.job_title, u.job_title, u.user_type, u.user_type, u.role, u.role, u.active, false,
    u.directory_active, false, NULL, true, lower(u.email), lower(u.email)
FROM llmops.users u
WHERE u.tenant = %(tenant)s AND u.source = 'm365' AND u.external_id IS NOT NULL
    AND (u.active OR u.directory_active IS DISTINCT FROM false)
    AND NOT EXISTS (SELECT FROM m365_stage s WHERE s.external_id = u.external_id)
"""

_LINK = """
UPDATE m365_plan p SET id = h.id, linked = true, last_access = h.last_access, email_before = h.email,
    address_before = lower(h.email), name_before = h.name, department_before = h.department,
    job_title_before = h.job_title, user_type_before = h.user_type, role_before = h.role, active_before = h.active,
    directory_active_before = h.directory_active, active = h.active,
    role = CASE WHEN %(manage_roles)s THEN p.role ELSE h.role END
FROM (
    SELECT DISTINCT ON (p.address) p.external_id AS wanted_by, h.*
    FROM m365_plan p JOIN @by_address@
    WHERE p.id IS NULL AND h.source = 'manual'
    ORDER BY p.address, p.external_id
) h
WHERE p.external_id = h.wanted_by
"""

# Entra itself puts the id before the principal name of a deleted user, so that the name can be given again.
_RELEASED = "replace({0}.external_id, '-', '') || right({0}.email{1}, 288)"
_RELEASE_LEAVERS = f"""
UPDATE m365_plan p SET email = {_RELEASED.format("p", "_before")}, address = lower({_RELEASED.format("p", "_before")})
WHERE p.id IS NOT NULL AND NOT p.active AND p.reason IS NOT NULL AND EXISTS (
    SELECT FROM m365_plan q WHERE q.address = p.address AND q.external_id <> p.external_id AND q.reason IS NULL)
"""
_RELEASE_PAST = f"""
INSERT INTO m365_plan
SELECT DISTINCT ON (h.id) h.external_id, h.id, false, h.last_access, 'released', NULL, NULL, h.email,
    {_RELEASED.format("h", "")}, h.name, h.name, h.department, h.department, h.job_title, h.job_title, h.user_type,
    h.user_type, h.role, h.role, h.active, h.active, h.directory_active, h.directory_active, NULL, true, lower(h.email),
    lower({_RELEASED.format("h", "")})
FROM m365_plan p
JOIN @by_address@
WHERE h.source = 'm365' AND NOT h.active AND h.directory_active IS NOT true AND p.reason IS NULL
    AND h.id IS DISTINCT FROM p.id AND p.address IS DISTINCT FROM p.address_before
    AND NOT EXISTS (SELECT FROM m365_plan q WHERE q.id = h.id)
"""

# Who can't have the address that is wanted keeps the old one; a new user then has none and is not added. Giving one
# address back can take it from another, so this is repeated until nothing changes.
_YIELD = """
WITH doubled AS (
    SELECT address FROM m365_plan WHERE address IS NOT NULL GROUP BY 1 HAVING count(*) > 1
), ranked AS (
    SELECT p.external_id, row_number() OVER (
        PARTITION BY address ORDER BY (p.address = p.address_before) IS TRUE DESC, p.external_id) AS place
    FROM m365_plan p JOIN doubled d USING (address)
), held AS (
    SELECT p.external_id, h.source, h.external_id AS holder
    FROM m365_plan p
    JOIN @by_address@
    WHERE p.address IS DISTINCT FROM p.address_before AND h.id IS DISTINCT FROM p.id
        AND NOT EXISTS (SELECT FROM m365_plan q WHERE q.id = h.id AND q.address <> q.address_before)
), lost AS (
    SELECT external_id, 'the same address as another user of the directory' AS note, NULL AS holder
    FROM ranked WHERE place > 1
    UNION ALL
    SELECT external_id, CASE source WHEN 'manual' THEN 'a manually created user has the address'
        ELSE 'another Microsoft 365 user still has the address' END, holder
    FROM held
)
UPDATE m365_plan p SET email = p.email_before, address = p.address_before, note = l.note, holder = l.holder
FROM lost l WHERE p.external_id = l.external_id AND p.address IS DISTINCT FROM p.address_before
"""

_ADMINS = """
SELECT (SELECT count(*) FROM llmops.users u WHERE u.tenant = %(tenant)s AND u.active AND u.role = 'admin') AS before,
    count(*) FILTER (WHERE active_before AND role_before = 'admin' AND NOT (active AND role = 'admin')) AS lost,
    count(*) FILTER (WHERE active AND role = 'admin' AND email IS NOT NULL
        AND (active_before AND role_before = 'admin') IS NOT true) AS gained
FROM m365_plan
"""
_KEEP_ADMIN = """
UPDATE m365_plan SET active = true, role = 'admin', note = 'kept as the last active admin' WHERE external_id = (
    SELECT external_id FROM m365_plan
    WHERE active_before AND role_before = 'admin' AND NOT (active AND role = 'admin')
    ORDER BY last_access DESC NULLS LAST, lower(email_before) LIMIT 1)
"""

# What yielding has left without any difference is no work.
_EFFECT = """
UPDATE m365_plan SET write = false WHERE NOT linked AND (
    (id IS NULL AND email IS NULL)
    OR (email, name, department, job_title, user_type, role, active, directory_active)
        IS NOT DISTINCT FROM (email_before, name_before, department_before, job_title_before, user_type_before,
            role_before, active_before, directory_active_before))
"""

_UPDATE = """
UPDATE llmops.users u SET email = p.email, name = p.name, department = p.department, job_title = p.job_title,
    user_type = p.user_type, role = p.role, active = p.active, directory_active = p.directory_active,
    source = 'm365', external_id = p.external_id
FROM m365_plan p WHERE p.id = u.id AND p.write
"""
_INSERT = """
INSERT INTO llmops.users
    (tenant, email, name, department, job_title, user_type, role, active, directory_active, source, external_id)
SELECT %(tenant)s, email, name, department, job_title, user_type, role, active, directory_active, 'm365', external_id
FROM m365_plan WHERE id IS NULL AND write
"""


def make(conn: Any, tenant: str, *, full: bool, few: bool, manage_roles: bool, link_manual: bool) -> int:
    """Make the plan of the staged users; nothing of the catalog is written.

    :param full: whether who was not staged is gone.
    :param few: whether so few were staged that each is looked up.
    :param manage_roles: whether roles of known users follow the staged ones.
    :param link_manual: whether a manual user with the address of a new one becomes that one.
    :returns: how many users differ.
    """
    values = {"tenant": tenant, "manage_roles": manage_roles}

    def found(query: str) -> str:
        by_id, by_address = (_FEW_BY_ID, _FEW_BY_ADDRESS) if few else (_MANY_BY_ID, _MANY_BY_ADDRESS)
        return query.replace("@by_id@", by_id).replace("@by_address@", by_address)

    conn.execute(found(_PLAN), values)
    if full:
        conn.execute(_ABSENT, values)
    conn.execute("ANALYZE m365_plan (external_id, id, reason, address)")
    if link_manual:
        conn.execute(found(_LINK), values)
    conn.execute(_RELEASE_LEAVERS, values)
    conn.execute(found(_RELEASE_PAST), values)
    while conn.execute(found(_YIELD), values).rowcount:
        pass
    admins = conn.execute(_ADMINS, values).fetchone()
    if admins["before"] and admins["before"] - admins["lost"] + admins["gained"] == 0:
        conn.execute(_KEEP_ADMIN)
    conn.execute(_EFFECT)
    return conn.execute("SELECT count(*) AS count FROM m365_plan WHERE write").fetchone()["count"]


def write(conn: Any, tenant: str) -> None:
    """Carry the plan out: who is there first, which frees addresses, then who is new."""
    if conn.execute("SELECT EXISTS (SELECT FROM m365_plan WHERE id IS NOT NULL AND write) AS known").fetchone()[
        "known"
    ]:
        conn.execute(_UPDATE)
    conn.execute(_INSERT, {"tenant": tenant})
