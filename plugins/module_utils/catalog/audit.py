# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the audit trail and verifies its chain of hashes."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Mapping

try:
    from psycopg import sql
except ImportError:
    sql = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, records, tables
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# What operators call it -> the table.
ENTITIES = {"tenant": "tenants", "user": "users", "agent": "agents"}
_NAMES = {table: name for name, table in ENTITIES.items()}

# A row is good when it follows the one before by number and its hash is that of its content and of the hash before.
_FIRST_BAD = """
SELECT seq, expected, entity, operation, key, at FROM (
    SELECT *, coalesce(lag(seq) OVER (ORDER BY seq), 0) + 1 AS expected,
        sha256(coalesce(lag(hash) OVER (ORDER BY seq), '') || convert_to(llmops.audit_content(
            llmops.audit_context(at, txid, entity, operation, db_role, acting_role, os_user, os_login, os_host, actor,
                run, application, client_address),
            seq, tenant, key, before, after), 'UTF8')) AS computed
    FROM llmops.audit
) chained
WHERE seq <> expected OR hash IS DISTINCT FROM computed
ORDER BY seq LIMIT 1
"""
_HEAD = "SELECT seq, hash FROM llmops.audit ORDER BY seq DESC LIMIT 1"


def entries(conn: Any, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Audit rows that fit all filters given, the newest first.

    :param filters: options of module ``audit_info``.
    :raises TenancyError: ``invalid_time`` or ``invalid_value``.
    """
    checks.storable({name: filters[name] for name in ("tenant", "key", "actor", "run")})
    where, values = tables.filters(
        {
            "tenant = {}": filters["tenant"],
            "entity = {}": ENTITIES.get(filters["entity"]),
            "key = {}": filters["key"],
            "operation = {}": filters["operation"],
            "at >= {}": _time(filters["since"], "since"),
            "at < {}": _time(filters["until"], "until"),
            "{} IN (actor, os_user, os_login, db_role, acting_role)": filters["actor"],
            "run = {}": filters["run"],
        }
    )
    query = (
        sql.SQL("SELECT * FROM llmops.audit")
        + where
        + sql.SQL(" ORDER BY seq DESC LIMIT {}").format(sql.Literal(filters["limit"]))
    )
    return [
        {**records.as_result(row), "entity": _NAMES.get(row["entity"], row["entity"]), "hash": row["hash"].hex()}
        for row in conn.execute(query, values).fetchall()
    ]


def head(conn: Any) -> str | None:
    """The last row's number and hash, ``<seq>:<hash>``. Kept elsewhere, it proves later that nothing before changed."""
    row = conn.execute(_HEAD).fetchone()
    return f"{row['seq']}:{row['hash'].hex()}" if row else None


def verify(conn: Any, anchor: str | None = None) -> dict[str, Any]:
    """Whether the trail is whole: no row edited, added, moved, or missing before its end.

    :param anchor: a head from an earlier time. It shows, too, that the end was not cut off and the whole not rewritten.
    :returns: ``valid``, ``rows`` (how many), and ``first_bad`` with ``seq`` and ``reason``.
    :raises TenancyError: ``invalid_anchor``.
    """
    rows = conn.execute("SELECT count(*) AS rows FROM llmops.audit").fetchone()["rows"]
    row = conn.execute(_FIRST_BAD).fetchone()
    bad = _first_bad(row) if row else _against_anchor(conn, anchor)
    return {"valid": bad is None, "rows": rows, "first_bad": bad}


def _first_bad(row: Mapping[str, Any]) -> dict[str, Any]:
    named = {
        "at": records.plain(row["at"]),
        "entity": _NAMES.get(row["entity"], row["entity"]),
        "operation": row["operation"],
        "key": row["key"],
    }
    if row["seq"] == row["expected"]:
        return {"seq": row["seq"], "reason": "the row is not what was written, or not in its place", **named}
    missing = f"{row['expected']}" if row["seq"] - row["expected"] == 1 else f"{row['expected']} to {row['seq'] - 1}"
    return {"seq": row["expected"], "reason": f"missing: {missing}; the next one is {row['seq']}", **named}


def _against_anchor(conn: Any, anchor: str | None) -> dict[str, Any] | None:
    if not anchor:
        return None
    match = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", anchor.strip())
    if not match:
        raise TenancyError(
            f"anchor '{anchor}' is not a head of the audit trail",
            remedy="Give what 'head' was at an earlier time",
            kind="invalid_anchor",
        )
    row = conn.execute("SELECT hash FROM llmops.audit WHERE seq = %s", (int(match[1]),)).fetchone()
    if row and row["hash"].hex() == match[2]:
        return None
    return {
        "seq": int(match[1]),
        "reason": (
            "the anchored row has another hash: the trail was rewritten"
            if row
            else "the anchored row is gone: the end of the trail was cut off"
        ),
    }


def _time(text: str | None, name: str) -> datetime | None:
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise TenancyError(
            f"{name} '{text}' is not a time",
            remedy="Write it as 2026-11-22 or 2026-11-22T08:00:00Z",
            kind="invalid_time",
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
