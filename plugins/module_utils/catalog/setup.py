# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog itself: its database and its schema, made or migrated."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import connection, logins, schema
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Plan


def ensure_catalog(
    settings: CatalogSettings,
    *,
    create_database: bool,
    maintenance: str,
    owner: str | None,
    members: Mapping[str, Sequence[str]],
    check: bool,
) -> dict[str, Any]:
    """Result of module ``catalog``: the database created if asked to, the schema migrated, or in check mode what would.

    :param members: names that may log in, by the role that they get.
    :raises TenancyError: when the server can't be reached or refuses.
    """
    where = connection.target(connection.parameters(settings))
    created = create_database and schema.ensure_database(settings, maintenance=maintenance, owner=owner, check=check)
    if created and check:
        before, version = schema.compare({}), schema.compare({}).pending[-1].version
    else:
        before, after = schema.migrate(settings, check=check)
        version = after.version
    steps = [step.label for step in before.pending]
    actions = [Action("create", "database", where.dbname)] if created else []
    actions += [Action("migrate", "catalog", step) for step in steps]
    missing = maintenance if created and check else None
    actions += logins.ensure_logins(settings, members, database=missing, check=check)
    plan = Plan(tuple(actions), *_versions(before.version, version, where.dbname, bool(created)))
    return {
        **plan.as_result(),
        "version": version,
        "applied": [] if check else steps,
        "pending": steps if check else [],
        "database": asdict(where),
    }


def _versions(before: int, after: int, database: str, created: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    name = f"catalog {database}"
    return ({} if created else {name: {"version": before}}), {name: {"version": after}}
