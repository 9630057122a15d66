# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many tenants in one transaction, where a bad one takes only itself back: each ends in a savepoint that can."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

try:
    import psycopg
except ImportError:
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import faults, records
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Plan

Options = Sequence[Mapping[str, Any]]
Warn = Callable[[str], None]
Ensure = Callable[[Options, Warn], tuple[Plan, list[dict[str, Any]]]]
Done = list[tuple[Plan, list[dict[str, Any]]]]


def by_tenant(options: Options) -> list[list[Mapping[str, Any]]]:
    """The options of each tenant together; those that remove something first, since it makes room for the others."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in options:
        groups.setdefault(each["tenant"], []).append(each)
    return sorted(groups.values(), key=lambda group: not any(map(_removes, group)))


def _removes(options: Mapping[str, Any]) -> bool:
    return options["state"] == "absent" or any(agent["state"] == "absent" for agent in options.get("agents") or ())


def ensure(
    conn: Any, options: Options, make: Ensure, *, keep_going: bool, warn: Warn
) -> tuple[Plan, list[dict[str, Any]], list[dict[str, Any]]]:
    """Make what all options say, in as few steps as the bad ones among them allow.

    :param make: makes a part of the options, all of it or nothing; takes them and a way to warn.
    :param keep_going: false lets the first bad one end it all.
    :returns: the plan carried out, the results of ``make`` in the order of the tenants, and a failure for each tenant
        of which nothing was made: ``tenant``, ``msg`` and ``error``, as a module that fails returns them.
    :raises TenancyError: for a fault that is not one tenant's.
    """
    if not keep_going:
        return *make(options, warn), []
    done: Done = []
    failures: list[dict[str, Any]] = []
    _halve(conn, by_tenant(options), make, warn, done, failures)
    order = {tenant: number for number, tenant in enumerate(dict.fromkeys(each["tenant"] for each in options))}
    results = [result for _plan, made in done for result in made]
    for listed in (results, failures):
        listed.sort(key=lambda item: order[item["tenant"]])
    return records.merge(*(plan for plan, _made in done)), results, failures


def _halve(
    conn: Any, groups: Sequence[Options], make: Ensure, warn: Warn, done: Done, failures: list[dict[str, Any]]
) -> None:
    """All at once, which is right nearly always; what is refused is tried again by halves, down to the bad tenant."""
    if not groups:
        return
    warnings: list[str] = []
    try:
        with conn.transaction():
            done.append(make([each for group in groups for each in group], warnings.append))
    except TenancyError as error:
        fault = error
    except psycopg.Error as error:
        if not faults.of_a_value(error):
            raise
        fault = faults.translate(error, f"catalog '{conn.info.dbname}'")
    else:
        for warning in warnings:
            warn(warning)
        return
    if len(groups) == 1:
        failures.append({"tenant": groups[0][0]["tenant"], **fault.as_result()})
        return
    middle = len(groups) // 2
    _halve(conn, groups[:middle], make, warn, done, failures)
    _halve(conn, groups[middle:], make, warn, done, failures)
