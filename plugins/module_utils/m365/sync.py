# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The synchronisation of one tenant: fetch without a lock, then one transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import m365_state, session, tenants
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.client import GraphClient
from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import rounds, transaction
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.brake import Brake
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.rounds import Memory, Round
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.selection import Selection
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.spool import Spool
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.options.graph import GraphSettings

FULL_EVERY = 6
_ATTEMPTS = 3


@dataclass(frozen=True)
class Wish:
    """What an operator wants of one tenant.

    :param mode: ``auto``, ``full`` or ``delta``. :param full_every: days after which a full round is due.
    :param tenant_id: Microsoft 365 tenant as given, or empty for the catalog's.
    :param link_manual: whether a manual user with the address of a directory user becomes that one.
    """

    tenant: str
    mode: str
    full_every: int
    tenant_id: str
    selection: Selection
    brake: Brake
    link_manual: bool
    allow_missing_groups: bool


@dataclass(frozen=True)
class Start:
    """What the catalog says of a tenant before the round."""

    tenant_id: str
    memory: Memory | None


def look(settings: CatalogSettings, wish: Wish, *, check: bool, warn: Callable[[str], None]) -> Start:
    """Read the tenant's Microsoft 365 id and the memory of its last round.

    :raises TenancyError: ``tenant_missing``, ``m365_tenant_differs``.
    """
    # In check mode a schema that the same play would migrate first counts as migrated.
    opened = session.writing(settings, check=True, warn=warn) if check else session.reading(settings)
    with opened as conn:
        row = tenants.find(conn, [wish.tenant]).get((wish.tenant,))
        if row is None and not check:
            tenants.demand(conn, [wish.tenant])
        known = (row or {}).get("m365_tenant_id") or ""
        remembered = m365_state.memory(conn, wish.tenant)
    if known and wish.tenant_id and known.lower() != wish.tenant_id.lower():
        raise TenancyError(
            f"m365_tenant_id is not the one that the catalog has for tenant {wish.tenant}",
            cause=f"given is {wish.tenant_id}, recorded is {known}",
            remedy="Leave m365_tenant_id out, or correct the tenant's record with llmops.tenancy.tenant",
            kind="m365_tenant_differs",
        )
    return Start(known or wish.tenant_id, _memory(remembered))


def run(
    settings: CatalogSettings,
    graph: GraphSettings,
    wish: Wish,
    start: Start,
    *,
    check: bool,
    warn: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Synchronise one tenant.

    :param start: from :func:`look`.
    :returns: the tenant's result, with ``diff`` and ``actions``.
    :raises TenancyError: for whatever stops it; nothing is changed then.
    """
    began = time.monotonic()
    with GraphClient(graph) as client:
        for attempt in range(_ATTEMPTS):
            try:
                result = _attempt(settings, graph, client, wish, start, check=check, warn=warn)
                break
            except transaction.Superseded:
                # Another run finished while this one fetched: its news are newer than ours, so begin where it ended.
                warn(
                    f"Another synchronisation of tenant {wish.tenant} finished meanwhile; this one begins again there"
                )
                start = look(settings, wish, check=check, warn=warn)
        else:
            raise TenancyError(
                f"Other synchronisations of tenant {wish.tenant} came first {_ATTEMPTS} times",
                cause="nothing was changed",
                remedy="Run one at a time",
                kind="m365_busy",
            )
        result.update(
            requests=client.requests,
            pages=client.pages,
            throttled_seconds=round(client.budget.spent, 1),
            duration=round(time.monotonic() - began, 2),
        )
    return result


def _attempt(
    settings: CatalogSettings,
    graph: GraphSettings,
    client: GraphClient,
    wish: Wish,
    start: Start,
    *,
    check: bool,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    fingerprint = wish.selection.fingerprint(graph.tenant_id, graph.graph_url)
    mode, reason = rounds.choose(wish.mode, wish.selection, fingerprint, start.memory, now, wish.full_every)
    with Spool() as spool:
        fetched = rounds.fetch(
            client,
            wish.selection,
            start.memory,
            mode,
            reason,
            spool,
            allow_missing=wish.allow_missing_groups,
            demanded=wish.mode == rounds.DELTA,
        )
        if fetched.mode == rounds.FULL:
            wish.brake.check_feed(wish.tenant, fetched.fetched)
        if fetched.cleaned:
            warn(f"Unprintable characters were taken out of {fetched.cleaned} users of tenant {wish.tenant}")
        began = time.monotonic()
        outcome = transaction.apply(
            settings,
            wish,
            fetched,
            spool,
            now=now,
            fingerprint=fingerprint,
            number=start.memory.number if start.memory else 0,
            last_counts=start.memory.counts if start.memory else {},
            check=check,
            warn=warn,
        )
        return {
            **_facts(wish, fetched, start.memory, now),
            **outcome,
            "catalog_seconds": round(time.monotonic() - began, 2),
        }


def _facts(wish: Wish, fetched: Round, memory: Memory | None, now: datetime) -> dict[str, Any]:
    last_full = now if fetched.mode == rounds.FULL or memory is None else memory.last_full
    return {
        "tenant": wish.tenant,
        "mode": fetched.mode,
        "reason": fetched.reason,
        "fetched": fetched.fetched,
        "left_out": dict(fetched.left_out),
        "cleaned": fetched.cleaned,
        "next_full": (last_full + timedelta(days=wish.full_every)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _memory(row: Mapping[str, Any] | None) -> Memory | None:
    if row is None:
        return None
    return Memory(
        number=row["round"],
        fingerprint=row["fingerprint"],
        delta_link=row["delta_link"],
        grants=row["grants"],
        pending=tuple(row["pending"]),
        last_full=row["last_full"],
        last_run=row["last_run"],
        counts=row["counts"],
    )
