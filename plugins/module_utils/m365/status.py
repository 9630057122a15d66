# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a tenant stands with Microsoft 365, for people. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.m365.sync import FULL_EVERY


def as_result(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``m365_state.overview`` as a module returns it."""
    last_full = row["last_full"]
    return {
        "tenant": row["tenant"], "m365_tenant_id": row["m365_tenant_id"], "rounds": row["round"] or 0,
        "last_run": when(row["last_run"]), "last_mode": row["last_mode"], "last_full": when(last_full),
        "next_full": when(last_full + timedelta(days=FULL_EVERY)) if last_full else None,
        "counts": row["counts"], "pending": row["pending"], "active": row["active"], "inactive": row["inactive"],
    }


def when(moment: datetime | None) -> str | None:
    """A time in ISO 8601, UTC, to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
