# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tenant or many in one call: they share nothing but the code, so one's failure is that one's alone."""

from __future__ import annotations

import traceback
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import brake, selection, sync
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_slug
from ansible_collections.llmops.tenancy.plugins.module_utils.options import graph
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings

Warn = Callable[[str], None]


def wish_of(options: Mapping[str, Any]) -> sync.Wish:
    """The wish in one entry of the options, with the defaults of what it leaves out.

    :raises TenancyError: for a value that can't be.
    """
    return sync.Wish(
        tenant=check_slug(options["tenant"]),
        mode=options["mode"] or "auto",
        # Microsoft Graph forgets a delta link after 7 days, and removals with it.
        full_every=graph.within(options, "full_every", sync.FULL_EVERY, 1, sync.FULL_EVERY, "days"),
        tenant_id=(options["m365_tenant_id"] or "").strip(),
        selection=selection.read(options),
        brake=brake.Brake(
            count=graph.within(options, "max_deactivations", brake.MAX_DEACTIVATIONS, 0, 1_000_000, "users"),
            percent=graph.within(options, "max_deactivations_percent", brake.MAX_PERCENT, 0, 100, "percent"),
            allow_deactivations=bool(options["allow_deactivations"]),
            allow_empty=bool(options["allow_empty"]),
        ),
        link_manual=options["manual_users"] == "link",
        allow_missing_groups=bool(options["allow_missing_groups"]),
    )


def synchronise(
    settings: CatalogSettings, options: Mapping[str, Any], *, optional: bool, check: bool, warn: Warn
) -> dict[str, Any]:
    """Synchronise the tenant that one entry of the options names.

    :param optional: leave a tenant alone that has no Microsoft 365 tenant or no credentials, and say so.
    :raises TenancyError: for whatever stops it.
    """
    wish = wish_of(options)
    start = sync.look(settings, wish, check=check, warn=warn)
    if not start.tenant_id:
        if optional:
            return _skipped(wish.tenant, warn, "the catalog has no Microsoft 365 tenant id for it")
        raise TenancyError(
            f"Tenant {wish.tenant} has no Microsoft 365 tenant id",
            cause="neither in the catalog nor in the options",
            remedy=f"Record it: ansible-playbook onboard_tenant.yml -e tenant={wish.tenant} -e m365_tenant_id=…",
            kind="m365_no_tenant",
        )
    if optional and not graph.has_credentials(options):
        return _skipped(
            wish.tenant, warn, "no Microsoft 365 credentials were given (client_id and a secret, for example)"
        )
    return sync.run(settings, graph.read(options, start.tenant_id), wish, start, check=check, warn=warn)


def synchronise_all(
    settings: CatalogSettings, entries: Sequence[Mapping[str, Any]], *, optional: bool, check: bool, warn: Warn
) -> list[dict[str, Any]]:
    """Synchronise tenant after tenant; one that fails has ``failed`` and ``error`` in its result."""
    return [_caught(settings, options, optional=optional, check=check, warn=warn) for options in entries]


def _caught(
    settings: CatalogSettings, options: Mapping[str, Any], *, optional: bool, check: bool, warn: Warn
) -> dict[str, Any]:
    try:
        return {"failed": False, **synchronise(settings, options, optional=optional, check=check, warn=warn)}
    except TenancyError as error:
        return {"tenant": options["tenant"], "failed": True, "changed": False, **error.as_result()}
    except Exception as error:
        # A fault that nobody foresaw is that tenant's alone, too.
        fault = TenancyError(
            f"Unexpected {type(error).__name__} in the synchronisation of tenant {options['tenant']}",
            cause=str(error),
            remedy="Please report it with the output of -vvv",
            kind="unexpected",
        )
        told = {"tenant": options["tenant"], "failed": True, "changed": False, **fault.as_result()}
        return {**told, "exception": traceback.format_exc()}


def combined(results: Sequence[Mapping[str, Any]], *, fail_at_end: bool) -> dict[str, Any]:
    """The module's result of the tenants' results.

    :param fail_at_end: whether the task fails when a tenant did.
    """
    failed = [result for result in results if result.get("failed")]
    keys = ("diff", "actions", "unnamed", "exception")
    combination: dict[str, Any] = {
        "changed": any(result.get("changed") for result in results),
        "tenants": [{key: value for key, value in result.items() if key not in keys} for result in results],
        "failed_tenants": [result["tenant"] for result in failed],
        "actions": [
            {**action, "tenant": result["tenant"]} for result in results for action in result.get("actions", ())
        ],
        "diff": _diff(results),
    }
    if failed and fail_at_end:
        first = failed[0]
        told = first["msg"]
        if len(results) > 1:
            failures = f"{len(failed)} of {len(results)} tenants failed, the others were synchronised"
            told = f"{failures}. {first['tenant']}: {told}"
        combination.update(failed=True, msg=told, error=first["error"])
        if "exception" in first:
            combination["exception"] = first["exception"]
    return combination


def _diff(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One diff for each tenant that changes."""
    diffs = []
    for result in results:
        if result.get("changed"):
            counted = f", and {result['unnamed']} more users" if result["unnamed"] else ""
            title = f"tenant {result['tenant']}{counted}"
            diffs.append({"before_header": title, "after_header": title, **result["diff"]})
    return diffs


def _skipped(tenant: str, warn: Warn, why: str) -> dict[str, Any]:
    warn(f"The users of tenant {tenant} were not synchronised from Microsoft 365: {why}")
    return {"tenant": tenant, "changed": False, "skipped": True, "reason": why}
