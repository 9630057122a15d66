# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the catalog remembers of synchronisations with Microsoft 365, and the staging of their users."""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, Sequence

# The rows come in COPY's own form, so a hundred thousand of them cost no Python per row.
_STAGE = """
CREATE TEMPORARY TABLE m365_stage (
    seq integer, external_id text, email text, name text, active boolean, department text, job_title text,
    user_type text, role text, reason text
) ON COMMIT DROP
"""
_DEDUPLICATE = """
DELETE FROM m365_stage s USING m365_stage later WHERE later.external_id = s.external_id AND later.seq > s.seq
"""
# Above so many rows one pass over the users is right. Below, a delta must not cost what the whole tenant costs.
MANY = 2000


def memory(conn: Any, tenant: str) -> dict[str, Any] | None:
    """The row of a tenant's last round, or None."""
    return conn.execute("SELECT * FROM llmops.m365_sync WHERE tenant = %s", (tenant,)).fetchone()


def round_number(conn: Any, tenant: str) -> int:
    """Number of the tenant's last round, 0 for none."""
    row = conn.execute("SELECT round FROM llmops.m365_sync WHERE tenant = %s", (tenant,)).fetchone()
    return row["round"] if row else 0


def stage(conn: Any, chunks: Iterable[bytes], rows: int, *, columns: Sequence[str], repeated: bool) -> None:
    """Load staged users into a temporary table of this transaction.

    :param chunks: rows in COPY's text form. :param rows: how many they are.
    :param repeated: whether users come more than once; the later row wins.
    """
    # A plan made without statistics took minutes for what takes a second.
    conn.execute("SELECT set_config('enable_nestloop', %s, true)", ("off" if rows > MANY else "on",))
    conn.execute(_STAGE)
    with conn.cursor().copy(f"COPY m365_stage ({', '.join(columns)}) FROM STDIN") as copy:
        for chunk in chunks:
            copy.write(chunk)
    if repeated:
        conn.execute(_DEDUPLICATE)
    conn.execute("ANALYZE m365_stage (external_id, reason)")


def remember(conn: Any, tenant: str, values: Mapping[str, Any]) -> None:
    """Store a round in the transaction that writes its users, so that the delta link never runs ahead of them."""
    conn.execute(
        """
        INSERT INTO llmops.m365_sync AS m
            (tenant, round, fingerprint, delta_link, grants, pending, last_full, last_run, last_mode, counts)
        VALUES (%(tenant)s, 1, %(fingerprint)s, %(delta_link)s, %(grants)s, %(pending)s,
            CASE %(mode)s::text WHEN 'full' THEN %(started)s::timestamptz ELSE now() END, %(started)s, %(mode)s,
            %(counts)s)
        ON CONFLICT (tenant) DO UPDATE SET
            round = m.round + 1, fingerprint = excluded.fingerprint, delta_link = excluded.delta_link,
            grants = excluded.grants, pending = excluded.pending, last_run = excluded.last_run,
            last_full = CASE WHEN excluded.last_mode = 'full' THEN excluded.last_full ELSE m.last_full END,
            last_mode = excluded.last_mode, counts = excluded.counts
        """,
        {**values, "tenant": tenant, "counts": json.dumps(values["counts"])},
    )


def overview(conn: Any, tenants: Sequence[str] | None) -> list[dict[str, Any]]:
    """State of these tenants (None for all that have a Microsoft 365 tenant or were synchronised)."""
    return conn.execute(
        """
        SELECT t.tenant, t.m365_tenant_id, m.round, m.last_full, m.last_run, m.last_mode, m.counts,
            coalesce(cardinality(m.pending), 0) AS pending, users.active, users.inactive
        FROM llmops.tenants t
        LEFT JOIN llmops.m365_sync m ON m.tenant = t.tenant
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE u.active) AS active, count(*) FILTER (WHERE NOT u.active) AS inactive
            FROM llmops.users u WHERE u.tenant = t.tenant AND u.source = 'm365'
        ) users
        WHERE CASE WHEN %(tenants)s::text[] IS NULL THEN t.m365_tenant_id IS NOT NULL OR m.tenant IS NOT NULL
            ELSE t.tenant = ANY (%(tenants)s) END
        ORDER BY t.tenant
        """,
        {"tenants": None if tenants is None else list(tenants)},
    ).fetchall()
