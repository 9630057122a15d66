# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenants in the catalog: their records, and the whole of a tenant with its users and agents in one transaction."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, records, tables
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import Kind
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_slug, nearest
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Plan
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import (
    format_cpus,
    format_size,
    parse_cpus,
    parse_size,
)

TENANT = Kind(
    name="tenant",
    table="tenants",
    identity="tenant",
    keys=("tenant",),
    fields=(
        "name",
        "domain",
        "m365_tenant_id",
        "active",
        "quota_agents",
        "quota_memory",
        "quota_cpus",
        "quota_disk",
        "quota_agents_per_hour",
    ),
    key=lambda row: (row["tenant"],),
    title=lambda row: row["tenant"],
    defaults=lambda row: {"name": row["tenant"], "active": True},
    show={"quota_memory": format_size, "quota_cpus": format_cpus, "quota_disk": format_size},
)


def wish(options: Mapping[str, Any]) -> dict[str, Any]:
    """A tenant's options, checked and in the catalog's units.

    :raises TenancyError: ``invalid_slug``, ``invalid_size``, ``invalid_cpus``, ``invalid_quota`` or ``invalid_value``.
    """
    clearable = records.clearable
    # Its users and agents are wishes of their own.
    checks.storable({name: options[name] for name in TENANT.fields})
    return {
        "tenant": check_slug(options["tenant"]),
        "state": options["state"],
        "name": clearable(options["name"], str.strip),
        "domain": clearable(options["domain"], lambda text: text.strip().lower().rstrip(".")),
        "m365_tenant_id": clearable(options["m365_tenant_id"], lambda text: text.strip().lower()),
        "active": options["active"],
        "quota_agents": clearable(options["quota_agents"], lambda text: _count(text, "quota_agents")),
        "quota_memory": clearable(options["quota_memory"], lambda text: parse_size(text, "quota_memory")),
        "quota_cpus": clearable(options["quota_cpus"], lambda text: parse_cpus(text, "quota_cpus")),
        "quota_disk": clearable(options["quota_disk"], lambda text: parse_size(text, "quota_disk")),
        "quota_agents_per_hour": clearable(
            options["quota_agents_per_hour"], lambda text: _count(text, "quota_agents_per_hour")
        ),
    }


def _count(text: str, name: str) -> int:
    number = text.strip()
    if number.isdecimal() and len(number) <= len(str(checks.LARGEST)) and int(number) <= checks.LARGEST:
        return int(number)
    raise TenancyError(
        f"{name} '{text}' is not a number of agents",
        remedy=f"Give 0 to {checks.LARGEST}, or '' for no limit",
        kind="invalid_quota",
    )


def find(conn: Any, names: Sequence[str]) -> dict[records.Key, records.Row]:
    """The tenants of these names."""
    rows = conn.execute("SELECT * FROM llmops.tenants WHERE tenant = ANY(%s)", (list(names),)).fetchall()
    return tables.by_key(TENANT, rows)


def ensure(conn: Any, wishes: Sequence[Mapping[str, Any]]) -> tuple[Plan, dict[records.Key, records.Row]]:
    """Make the tenants' own records as wished; removal wants their users and agents gone.

    :returns: the plan carried out, and the tenants as they are now.
    """
    current = find(conn, [each["tenant"] for each in wishes])
    steps = records.compare(TENANT, wishes, current)
    written = tables.write(conn, TENANT, steps)
    gone = {TENANT.key(row) for row in steps.remove}
    after = {key: row for key, row in {**current, **written}.items() if key not in gone}
    return records.plan(TENANT, steps, written), after


def demand(conn: Any, names: Sequence[str], *, create: bool = False) -> Plan | None:
    """Nothing when all these tenants exist.

    :param create: make missing ones, as check mode does for a parent that the same play would have made.
    :returns: the plan of what was made so.
    :raises TenancyError: ``tenant_missing``, with the nearest name.
    """
    wanted = list(dict.fromkeys(names))
    found = find(conn, wanted)
    missing = [name for name in wanted if (name,) not in found]
    if not missing:
        return None
    if create:
        return ensure(conn, [{"tenant": check_slug(name), "state": "present"} for name in missing])[0]
    known = [row["tenant"] for row in conn.execute("SELECT tenant FROM llmops.tenants").fetchall()]
    hint = nearest(missing[0], known)
    raise TenancyError(
        f"Tenant {', '.join(missing)} does not exist",
        cause="the catalog has no such tenant",
        remedy=f"{hint} Otherwise make it first with llmops.tenancy.tenant".strip(),
        kind="tenant_missing",
    )
