# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round with the directory: which kind it is, and its users into the spool."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph import directory
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.client import DeltaExpired, GraphClient, Page
from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import grants as groups
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.grants import Grants
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.people import Gone, read
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.selection import Selection
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.spool import Spool

FULL, DELTA = "full", "delta"
# Above so many users to ask for by name a full round is cheaper.
_ASK_AT_MOST = 1500


@dataclass(frozen=True)
class Memory:
    """What the catalog remembers of a tenant's last round.

    :param number: counts the rounds. :param pending: ids to ask for by name, since no delta brings them again.
    :param grants: who was in a group, packed.
    """

    number: int
    fingerprint: str
    delta_link: str | None
    grants: bytes | None
    pending: tuple[str, ...]
    last_full: datetime
    last_run: datetime
    counts: Mapping[str, int]


@dataclass
class Round:
    """A round that was fetched.

    :ivar mode: ``full`` or ``delta``. :ivar reason: why that mode. :ivar link: where the next delta starts.
    :ivar left_out: users that do not count, by reason.
    """

    mode: str
    reason: str
    link: str = ""
    grants: Grants = field(default_factory=Grants)
    fetched: int = 0
    cleaned: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def choose(
    mode: str, selection: Selection, fingerprint: str, memory: Memory | None, now: datetime, full_every: int
) -> tuple[str, str]:
    """Full or delta, and why.

    :param mode: ``auto``, ``full`` or ``delta`` as the operator wants it.
    :param full_every: days after which a full round is due.
    :raises TenancyError: ``m365_no_delta`` when a delta is demanded but can't be.
    """
    if mode == FULL:
        return FULL, "asked for"
    if selection.condition:
        obstacle = "a filter is set, and Microsoft Graph has no delta of a filter"
    elif memory is None or not memory.delta_link:
        obstacle = "no delta link is stored yet"
    elif memory.fingerprint != fingerprint:
        obstacle = "scope, mapping or selection changed"
    elif now - memory.last_full >= timedelta(days=full_every):
        obstacle = f"the last full round is {full_every} days old or more"
    else:
        return DELTA, "a delta link is stored"
    if mode == DELTA:
        raise TenancyError(
            "A delta round is not possible",
            cause=obstacle,
            remedy="Run with mode=auto or mode=full",
            kind="m365_no_delta",
        )
    return FULL, obstacle


def fetch(
    client: GraphClient,
    selection: Selection,
    memory: Memory | None,
    mode: str,
    reason: str,
    spool: Spool,
    *,
    allow_missing: bool,
    demanded: bool = False,
) -> Round:
    """Fetch a round into ``spool``.

    :param demanded: a delta was demanded, so an expired link is an error and not a reason for a full round.
    :raises TenancyError: for what Graph reports.
    """
    grants = groups.collect(client, selection, allow_missing=allow_missing) if selection.needs_grants else Grants()
    if mode == DELTA and memory is not None:
        try:
            return _delta(client, selection, memory, Round(DELTA, reason, grants=grants), spool)
        except DeltaExpired as expired:
            if demanded:
                raise
            reason, start = f"the delta link expired ({expired.kind})", expired.location
        except _TooMuch as much:
            reason, start = str(much), ""
        except TenancyError as refused:
            # A link that Graph does not know (any more) must not stop every run until a full round is due.
            if demanded or refused.kind != "m365_refused" or refused.details["status"] != 400:
                raise
            reason, start = f"Microsoft Graph refused the delta link ({refused.details['code']})", ""
        spool.clear()
        return _full(client, selection, Round(FULL, reason, grants=grants), spool, start)
    return _full(client, selection, Round(FULL, reason, grants=grants), spool)


class _TooMuch(Exception):
    """A delta round would ask for more users by name than a full round costs."""


def _delta(client: GraphClient, selection: Selection, memory: Memory, result: Round, spool: Spool) -> Round:
    moved = result.grants.changed(Grants.unpack(memory.grants)) if selection.needs_grants else set()
    if len(moved) > _ASK_AT_MOST:
        raise _TooMuch(f"{len(moved)} users moved between groups")
    result.link = _take(
        directory.users_delta(client, selection.properties, memory.delta_link or ""), selection, result, spool
    )
    # A move between groups is no change of the user, so no delta tells of it.
    unheard = [key for key in moved | set(memory.pending) if not spool.has(key)]
    _stage(directory.users_by_id(client, selection.properties, unheard), selection, result, spool)
    return result


def _full(client: GraphClient, selection: Selection, result: Round, spool: Spool, start: str = "") -> Round:
    if selection.condition:
        _take(directory.users_where(client, selection.properties, selection.condition), selection, result, spool)
        return result
    try:
        result.link = _take(directory.users_delta(client, selection.properties, start), selection, result, spool)
    except DeltaExpired as expired:
        # The server forgot this very round while it was paged. Who was deleted since comes in none of its pages.
        spool.clear()
        result = Round(FULL, result.reason, grants=result.grants)
        result.link = _take(
            directory.users_delta(client, selection.properties, expired.location), selection, result, spool
        )
    return result


def _take(pages: Iterator[Page], selection: Selection, result: Round, spool: Spool) -> str:
    link = ""
    for page in pages:
        _stage(page.items, selection, result, spool)
        link = page.delta_link
    return link


def _stage(items: Iterable[Mapping[str, Any]], selection: Selection, result: Round, spool: Spool) -> None:
    for item in items:
        person = read(item)
        if isinstance(person, Gone):
            _leave_out(person.key, person.reason, result, spool)
            continue
        result.fetched += 1
        result.cleaned += person.cleaned
        flags = result.grants.of(person.key)
        refusal = selection.refusal(person, flags)
        if refusal is None:
            spool.present(person, selection.role(flags))
        else:
            result.left_out[refusal] += 1
            _leave_out(person.key, refusal, result, spool)


def _leave_out(key: str, reason: str, result: Round, spool: Spool) -> None:
    """In a full round who is not staged is absent already, so only a row that contradicts an earlier one is needed."""
    if result.mode == DELTA or spool.has(key):
        spool.absent(key, reason)
