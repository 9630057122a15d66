# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports about a fleet as text that reads well at a terminal for one tenant and for a thousand. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.report import describe_actions, shown_value, table

Values = Mapping[str, Any]
_WORDS = {"in_sync": "in sync", "different": "different", "missing": "missing", "unreachable": "unreachable", "failed": "failed"}
_LONGEST = 60


def drift(report: Values, seconds: float) -> list[str]:
    """What differs, tenant by tenant; those in sync are counted."""
    rows = [["TENANT", "STATUS", "WHAT", "FROM", "TO", "IMPACT"]]
    for tenant in report["tenants"]:
        first = [tenant["tenant"], _WORDS[tenant["status"]]]
        for difference in tenant["differences"]:
            rows.append(first + _row(difference))
            first = ["", ""]
        if tenant["failures"] and first[0]:
            rows.append([*first, "see below", "", "", ""])
    lines = table(rows) if len(rows) > 1 else []
    lines += [""] * bool(lines) + _failures(report["tenants"]) + _orphans(report["orphans"])
    if report.get("brake"):
        lines.append(f"Brake      reconcile would stop before its first change: {report['brake']['msg']}")
    return [*lines, summary(report["counts"]), f"Took       {seconds:.1f} s (nothing was changed)"]


def summary(counts: Values) -> str:
    """One line that counts."""
    told = [f"{counts[status]} {_WORDS[status]}" for status in _WORDS if counts[status] or status == "in_sync"]
    strays = f"; {counts['orphans']} orphan{'s' * (counts['orphans'] != 1)}" if counts["orphans"] else ""
    return f"Tenants    {sum(counts[status] for status in _WORDS)}: {', '.join(told)}{strays}"


def reconciled(outcome: Values, seconds: float) -> list[str]:
    """The end of a reconciliation: what was changed and what failed in full, the rest counted."""
    done = [f"{tenant['tenant']}: {text}" for tenant in outcome["tenants_changed"] for text in describe_actions(tenant["actions"])]
    lines = [f"{'' if number else 'Changed':<10} {text}" for number, text in enumerate(done)]
    lines += _failures(outcome["tenants_failed"])
    if outcome["left"]:
        plural = "s" * (len(outcome["left"]) != 1)
        lines.append(f"Left       {len(outcome['left'])} agent{plural} untouched: {_some(outcome['left'])}")
        lines.append("           A run again goes on with them")
    lines += _orphans(outcome["orphans"])
    told = [f"{len(outcome['tenants_changed'])} changed", f"{len(outcome['tenants_failed'])} failed", f"{outcome['unchanged']} unchanged"]
    lines.append(f"Tenants    {', '.join(told)}")
    if outcome["retry"]:
        lines.append("           -e retry=true runs it again for those that failed or were left")
    return [*lines, f"Took       {seconds:.1f} s"]


def _row(difference: Values) -> list[str]:
    field = difference["field"]
    what = f"{difference['object']}{': ' if field else ''}{field}"
    return [what, *(_short(shown_value(field, difference[key])) for key in ("from", "to")), difference["impact"]]


def _failures(tenants: Sequence[Values]) -> list[str]:
    """Each cause once, with whom it hits."""
    hit: dict[str, list[str]] = {}
    for tenant in tenants:
        for failure in tenant["failures"]:
            hit.setdefault(failure["msg"], []).append(tenant["tenant"])
    return [f"Failed     {_some(list(dict.fromkeys(names)))}: {message}" for message, names in hit.items()]


def _orphans(orphans: Sequence[Values]) -> list[str]:
    return [
        f"{'Data kept' if item['kept'] else 'Orphan':<10} {item['kind']} {item['name']} on {item['host']} (tenant {item['tenant'] or 'unknown'}"
        f"{', ' + item['state'] if item['state'] else ''})"
        for item in orphans
    ]


def _some(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
