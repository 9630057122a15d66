# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Database roles of the people and services that use the catalog: each logs in as itself, so that the audit names it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

try:
    import psycopg
    from psycopg import sql
except ImportError:
    # The option group reports a missing library before anything here is called.
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import connection
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.faults import translate
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change

OPERATOR, AUDITOR = "llmops_operator", "llmops_auditor"
_FIND = """
SELECT rolname AS name, rolcanlogin AS login,
    rolsuper OR EXISTS (
        SELECT FROM pg_auth_members JOIN pg_roles AS held ON held.oid = roleid
        WHERE member = found.oid AND held.rolname = %s
    ) AS holds
FROM pg_roles AS found WHERE rolname = ANY(%s)
"""


def ensure_logins(
    settings: CatalogSettings, names: Mapping[str, Sequence[str]], *, database: str | None, check: bool
) -> list[Action]:
    """Make each name a role that can log in and holds the role it stands under. Nothing is ever taken away.

    :param names: login roles by the role they get, :data:`OPERATOR` or :data:`AUDITOR`. New ones have no password.
    :param database: another database of the server to connect to, when the catalog's is not there yet.
    :raises TenancyError: when the server can't be reached or refuses.
    """
    if not any(names.values()):
        return []
    conn = connection.connect(settings, dbname=database)
    try:
        with conn.transaction(force_rollback=check):
            return [action for role, logins in names.items() for action in _grant(conn, role, logins, check)]
    except psycopg.Error as error:
        raise translate(error, str(connection.target(connection.parameters(settings)))) from None
    finally:
        conn.close()


def _grant(conn: Any, role: str, logins: Sequence[str], check: bool) -> list[Action]:
    found = {row["name"]: row for row in conn.execute(_FIND, (role, list(logins))).fetchall()}
    actions = []
    for name in logins:
        row = found.get(name, {"login": False, "holds": False})
        if row["login"] and row["holds"]:
            continue
        changes = [Change("login", row["login"], True)] if not row["login"] else []
        changes += [Change("role", None, role)] if not row["holds"] else []
        actions.append(Action("update" if name in found else "create", "role", name, changes=tuple(changes)))
        # In check mode the role to hold may be one that the same run would make.
        if not check:
            verb = sql.SQL("ALTER ROLE {} LOGIN" if name in found else "CREATE ROLE {} LOGIN")
            conn.execute(verb.format(sql.Identifier(name)))
            conn.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(name)))
    return actions
