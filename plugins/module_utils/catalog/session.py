# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One transaction per module run: limits, audit context, the writers' queue, and commit or, in check mode, rollback."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Callable, Iterator

try:
    import psycopg
except ImportError:
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, connection, schema
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.faults import translate
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings


@contextmanager
def writing(
    settings: CatalogSettings, *, check: bool, warn: Callable[[str], None] = lambda text: None
) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that may write. It is committed at the end, or rolled back in check mode or on an error.

    In check mode a schema that is missing or older is made in the transaction first: a run that would make it may
    come before in the same play.

    :raises TenancyError: for whatever PostgreSQL reports.
    """
    with _transaction(settings, keep=not check) as conn:
        conn.execute(schema.WRITERS)
        state = schema.state(conn)
        if check and state.pending and not state.refusal:
            state = schema.rehearse(conn)
        if check and state.pending and not state.refusal:
            warn(f"The catalog would first be migrated ({', '.join(m.label for m in state.pending)})")
        else:
            schema.demand_current(state)
        yield conn


@contextmanager
def reading(settings: CatalogSettings) -> Iterator[psycopg.Connection[Any]]:
    """A read-only transaction with one view of all tables.

    :raises TenancyError: for whatever PostgreSQL reports.
    """
    with _transaction(settings, keep=False, read_only=True) as conn:
        schema.demand_current(schema.state(conn))
        yield conn


@contextmanager
def _transaction(
    settings: CatalogSettings, *, keep: bool, read_only: bool = False
) -> Iterator[psycopg.Connection[Any]]:
    checks.storable({"audit_actor": settings.actor, "audit_run": settings.run})
    conn = connection.connect(settings)
    where = str(connection.target(connection.parameters(settings)))
    try:
        if read_only:
            conn.read_only = True
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        _prepare(conn, settings)
        yield conn
        if keep:
            conn.commit()
        else:
            conn.rollback()
    except psycopg.Error as error:
        raise translate(error, where) from None
    finally:
        # Without a commit the server rolls back by itself when the connection ends.
        conn.close()


def _prepare(conn: psycopg.Connection[Any], settings: CatalogSettings) -> None:
    """Limits and audit context, all local to the transaction; as parameters, so that nothing is quoted by hand."""
    values = {
        "statement_timeout": f"{settings.statement_timeout}s",
        "lock_timeout": f"{settings.lock_timeout}s",
        # A run that was stopped by a signal must not keep the others waiting for ever.
        "idle_in_transaction_session_timeout": f"{max(settings.statement_timeout, 60)}s",
        "search_path": "pg_catalog, pg_temp",
        "timezone": "UTC",
        **{f"llmops.{name}": value for name, value in audit_context(settings).items()},
    }
    calls = ", ".join(["set_config(%s, %s, true)"] * len(values))
    conn.execute(f"SELECT {calls}", [part for item in values.items() for part in item])


def audit_context(settings: CatalogSettings) -> dict[str, str]:
    """Who runs this, for the audit: the operating system's view, and what the caller claims.

    ``os_login`` is the user who became this one by sudo.
    """
    return {
        "os_user": connection.os_user(),
        "os_login": os.environ.get("SUDO_USER", ""),
        "os_host": os.uname().nodename,
        "actor": settings.actor,
        "run": settings.run,
    }
