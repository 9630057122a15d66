# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one transaction of a synchronisation: stage, plan, brake, write, remember."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import (
    m365_plan,
    m365_report,
    m365_state,
    session,
    tenants,
    users,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.rounds import FULL, Round
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.spool import COLUMNS, Spool
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings

NAMED = 200
_FIRST = 10
_PENDING = 1000
# A database that restarts is back within seconds, and the spool is still there.
_LOST = frozenset({"unavailable", "unreachable"})
_PAUSES = (1, 2, 4, 8)


class Superseded(Exception):
    """Another run stored a round since this one began; nothing was written."""


def apply(
    settings: CatalogSettings,
    wish: Any,
    fetched: Round,
    spool: Spool,
    *,
    now: datetime,
    fingerprint: str,
    number: int,
    last_counts: Mapping[str, int],
    check: bool,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Bring the fetched round into the catalog, again if the connection is lost meanwhile.

    :param wish: see ``sync.Wish``. :param number: the round that this one follows.
    :param last_counts: what the last round stored. :param now: when the fetch began.
    :raises Superseded: when another run was faster.
    :raises TenancyError: ``m365_brake``, or what the catalog reports.
    """
    done: dict[str, Any] = {}
    for pause in (*_PAUSES, None):
        try:
            with session.writing(settings, check=check, warn=warn) as conn:
                current = m365_state.round_number(conn, wish.tenant)
                if done and current == number + 1 and m365_state.memory(conn, wish.tenant)["last_run"] == now:
                    # The connection was lost after the commit: this very round is in the catalog.
                    return done
                if current != number:
                    raise Superseded
                done = _within(conn, wish, fetched, spool, now, fingerprint, last_counts, check=check, warn=warn)
            return done
        except TenancyError as error:
            if error.kind not in _LOST or pause is None:
                raise
            warn(f"The catalog was lost in mid-run; trying again in {pause} s")
            time.sleep(pause)
    raise AssertionError("the last pause is None")


def _within(
    conn: Any,
    wish: Any,
    fetched: Round,
    spool: Spool,
    now: datetime,
    fingerprint: str,
    last_counts: Mapping[str, int],
    *,
    check: bool,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    if tenants.demand(conn, [wish.tenant], create=check):
        warn(f"Tenant {wish.tenant} does not exist yet; it is taken for made")
    full = fetched.mode == FULL
    m365_state.stage(conn, spool.chunks(), spool.rows, columns=COLUMNS, repeated=spool.repeated)
    differing = m365_plan.make(
        conn,
        wish.tenant,
        full=full,
        few=spool.rows <= m365_state.MANY,
        manage_roles=wish.selection.manage_roles,
        link_manual=wish.link_manual,
    )
    counts = m365_report.counts(conn)
    # Counting a hundred thousand users is for full rounds; a delta goes on from what the last round counted.
    active = last_counts.get("active") if not full else None
    if active is None or counts["disabled"] > wish.brake.count or counts["disabled"] > 1:
        active = m365_report.active_users(conn, wish.tenant)
    wish.brake.check_deactivations(wish.tenant, counts["disabled"], active, m365_report.leavers(conn, _FIRST))
    notes = m365_report.notes(conn)
    before, after, actions = m365_report.named(conn, NAMED)
    if differing:
        # The plan keeps an admin itself, and its two statements would trip over the rule in between.
        users.allow_losing_admins(conn, [wish.tenant])
        m365_plan.write(conn, wish.tenant)
    active += counts.pop("added_active") + counts.pop("linked_active") + counts["enabled"] - counts["disabled"]
    counts["active"] = active
    m365_state.remember(
        conn,
        wish.tenant,
        {
            "fingerprint": fingerprint,
            "delta_link": fetched.link or None,
            "mode": fetched.mode,
            "started": now,
            "counts": counts,
            "grants": fetched.grants.pack() if wish.selection.needs_grants else None,
            "pending": _pending(notes),
        },
    )
    return {
        "changed": differing > 0,
        "counts": counts,
        "actions": actions,
        "unnamed": differing - len(actions),
        "diff": {"before": before, "after": after},
        "conflicts": [_conflict(note) for note in notes if not note["note"].startswith("kept")][:NAMED],
        "kept_admins": [note["email_before"] for note in notes if note["note"].startswith("kept")],
    }


def _pending(notes: list[dict[str, Any]]) -> list[str]:
    """Ids that the next delta round asks for by name: who could not be placed, and who stands in the way."""
    ids = [note[name] for note in notes for name in ("external_id", "holder") if note[name]]
    return list(dict.fromkeys(ids))[:_PENDING]


def _conflict(note: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "email": note["wanted_email"],
        "name": note["name"],
        "external_id": note["external_id"],
        "reason": note["note"],
    }
