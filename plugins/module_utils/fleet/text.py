# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports about a fleet as text that reads well at a terminal for one tenant and for a thousand. Pure."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.waves import described
from ansible_collections.llmops.tenancy.plugins.module_utils.names import CONTAINER_PREFIX, NETWORK_PREFIX, some
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.report import notes_on, shown_value, table

Values = Mapping[str, Any]
_WORDS = {"in_sync": "in sync", "different": "different", "missing": "missing", "unreachable": "unreachable", "failed": "failed"}
_LONGEST = 60
# So many of one sort are named, more are counted.
_MANY, _MANY_TENANTS = 3, 10
_WIDTH = 120


def drift(report: Values, seconds: float) -> list[str]:
    """What differs, tenant by tenant; those in sync are counted."""
    rows = [["TENANT", "STATUS", "WHAT", "FROM", "TO", "IMPACT"]]
    for tenant in report["tenants"]:
        first = [tenant["tenant"], _WORDS[tenant["status"]]]
        for difference in _telling(tenant):
            rows.append(first + _row(difference))
            first = ["", ""]
        if tenant["failures"] and first[0]:
            rows.append([*first, "see below", "", "", ""])
    lines = table(rows) if len(rows) > 1 else []
    lines += [""] * bool(lines) + _failures(report["tenants"]) + _orphans(report["orphans"]) + _moving(report["moving"])
    if report.get("brake"):
        lines.append(f"Brake      reconcile would stop before its first change: {report['brake']['msg']}")
    return [*lines, summary(report["counts"]), f"Took       {seconds:.1f} s (nothing was changed)"]


def summary(counts: Values) -> str:
    """One line that counts."""
    told = [f"{counts[status]} {_WORDS[status]}" for status in _WORDS if counts[status] or status == "in_sync"]
    strays = f"; {counts['orphans']} orphan{'s' * (counts['orphans'] != 1)}" if counts["orphans"] else ""
    moving = f"; {counts['moving']} agent{'s' * (counts['moving'] != 1)} moving" if counts["moving"] else ""
    return f"Tenants    {sum(counts[status] for status in _WORDS)}: {', '.join(told)}{strays}{moving}"


def reconciled(outcome: Values, seconds: float) -> list[str]:
    """The end of a reconciliation: what was changed and what failed in full, the rest counted."""
    done = table([[tenant["tenant"], _done(tenant)] for tenant in outcome["tenants_changed"]])
    lines = [f"{'' if number else 'Changed':<10} {text}" for number, text in enumerate(done)]
    lines += _failures(outcome["tenants_failed"])
    if outcome["left"]:
        plural = "s" * (len(outcome["left"]) != 1)
        lines.append(f"Left       {len(outcome['left'])} agent{plural} untouched: {some(outcome['left'], _MANY_TENANTS)}")
        lines += [f"           after {described(stop)}" for stop in outcome["stopped_by"]]
        lines.append("           A run again goes on with them")
    lines += _orphans(outcome["orphans"]) + _moving(outcome["moving"])
    told = [f"{len(outcome['tenants_changed'])} changed", f"{len(outcome['tenants_failed'])} failed", f"{outcome['unchanged']} unchanged"]
    lines.append(f"Tenants    {', '.join(told)}")
    if outcome["retry"]:
        lines.append("           -e retry=true runs it again for those that failed or were left")
    return [*lines, f"Took       {seconds:.1f} s"]


def _row(difference: Values) -> list[str]:
    field = difference["field"]
    what = f"{difference['object']}{': ' if field else ''}{field}"
    return [what, *(_short(shown_value(field, difference[key])) for key in ("from", "to")), difference["impact"]]


def _telling(tenant: Values) -> Sequence[Values]:
    """The differences of a tenant; all else of one that the catalog does not have follows from that."""
    record = f"record of tenant {tenant['tenant']}"
    new = [each for each in tenant["differences"] if (each["object"], each["from"], each["to"]) == (record, "missing", "made")]
    return new or tenant["differences"]


def _done(tenant: Values) -> str:
    """``create tenant, agent, network, container; start container``: what was done to a tenant, on one line."""
    told = []
    for verb, same in groupby(tenant["actions"], key=lambda action: action["action"]):
        things: list[str] = []
        for kind, found in groupby(same, key=lambda action: action["kind"]):
            named = [kind + _named(action, tenant["tenant"]) + notes_on(action) for action in found]
            things += named if len(named) <= _MANY else [f"{len(named)} {kind}s"]
        told.append(f"{verb} {', '.join(things)}")
    return "; ".join(told)


def _named(action: Values, tenant: str) -> str:
    """The name of an action's object, unless it is that of the tenant, whose line it stands on."""
    name = action["name"].removeprefix(CONTAINER_PREFIX).removeprefix(NETWORK_PREFIX).removeprefix(f"{tenant}/")
    return "" if name == tenant else f" {name}"


def _failures(tenants: Sequence[Values]) -> list[str]:
    """Each cause once, with all whom it hits."""
    hit: dict[str, list[str]] = {}
    for tenant in tenants:
        for failure in tenant["failures"]:
            hit.setdefault(failure["msg"], []).append(tenant["tenant"])
    return [line for message, names in hit.items() for line in _failure(message, list(dict.fromkeys(names)))]


def _failure(message: str, names: Sequence[str]) -> list[str]:
    if len(names) <= _MANY_TENANTS:
        return [f"Failed     {', '.join(names)}: {message}"]
    return [f"Failed     {len(names)} tenants: {message}", *_wrapped(", ".join(names))]


def _wrapped(text: str) -> list[str]:
    indent = " " * 11
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _orphans(orphans: Sequence[Values]) -> list[str]:
    return [
        f"{'Data kept' if item['kept'] else 'Orphan':<10} {item['kind']} {item['name']} on {item['host']} (tenant {item['tenant'] or 'unknown'}"
        f"{', ' + item['state'] if item['state'] else ''})"
        for item in orphans
    ]


def _moving(moving: Sequence[Values]) -> list[str]:
    return [
        f"Moving     agent {item['agent']} of tenant {item['tenant']}, {item['from']} -> {item['to']}. It is left to its move, which"
        f" move_agent.yml -e tenant={item['tenant']} -e agent={item['agent']} finishes"
        for item in moving
    ]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
