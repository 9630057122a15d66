# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema's state and its migration: numbered steps with checksums, each in a transaction of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

try:
    import psycopg
    from psycopg import sql
except ImportError:
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import connection
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.faults import translate
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.migrations.index import MIGRATIONS, Migration
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings

# pg_current_xact_id() came with it.
_OLDEST_SERVER = 130000
# The same key as in llmops.begin_write(): modules queue before their first read, so what they read stays true, the schema too.
WRITERS = "SELECT pg_advisory_xact_lock(1819045231, 1)"
# Whoever takes both takes the writers' first.
_LOCK = "SELECT pg_advisory_xact_lock(1819045231, 2)"
_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS llmops;
CREATE TABLE IF NOT EXISTS llmops.schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT session_user
)
"""


@dataclass(frozen=True)
class SchemaState:
    """What of the collection's schema a database has.

    :param version: the highest migration applied, 0 for none.
    :param pending: migrations of the collection that are not applied yet.
    :param refusal: why this collection must not touch that database, if so.
    """

    version: int
    pending: tuple[Migration, ...]
    refusal: TenancyError | None = None


def compare(applied: Mapping[int, str], known: Sequence[Migration] = MIGRATIONS) -> SchemaState:
    """State of a database by the checksums of the migrations it has applied. Pure."""
    version = max(applied, default=0)
    latest = known[-1].version
    refusal = None
    edited = [step.label for step in known if applied.get(step.version, step.checksum) != step.checksum]
    if version > latest:
        refusal = TenancyError(
            f"The catalog's schema is newer than this collection: version {version}, known are up to {latest}",
            cause="a newer release of llmops.tenancy has migrated it",
            remedy="Upgrade the collection llmops.tenancy here",
            kind="schema_newer",
        )
    elif edited:
        refusal = TenancyError(
            f"The catalog has other migrations than this collection: {', '.join(edited)}",
            cause="the checksums differ, so the schema was made by another build of llmops.tenancy",
            remedy="Use the release that made it, or restore the database from a backup",
            kind="schema_differs",
        )
    return SchemaState(version, tuple(step for step in known if step.version not in applied), refusal)


def state(conn: psycopg.Connection[Any]) -> SchemaState:
    """What the database has, read in the transaction at hand.

    :raises TenancyError: ``no_permission`` when the role may not even look.
    """
    found = conn.execute(
        "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'llmops' AND c.relname = 'schema_migrations') AS found"
    ).fetchone()
    if not found["found"]:
        return compare({})
    rows = conn.execute("SELECT version, checksum FROM llmops.schema_migrations").fetchall()
    return compare({row["version"]: row["checksum"] for row in rows})


def demand_current(current: SchemaState) -> None:
    """Nothing, when the schema is the collection's own.

    :raises TenancyError: ``schema_missing``, ``schema_older``, ``schema_newer`` or ``schema_differs``.
    """
    if current.refusal:
        raise current.refusal
    if not current.pending:
        return
    remedy = "Run llmops.tenancy.catalog (playbooks/prepare_host.yml)"
    if current.version == 0:
        raise TenancyError(
            "The database has no catalog", cause="its schema llmops is missing", remedy=remedy, kind="schema_missing"
        )
    raise TenancyError(
        f"The catalog's schema is older than this collection: version {current.version}",
        cause=f"not applied yet: {', '.join(step.label for step in current.pending)}",
        remedy=remedy,
        kind="schema_older",
    )


def apply_here(conn: psycopg.Connection[Any], steps: Sequence[Migration]) -> None:
    """Apply migrations in the transaction at hand."""
    conn.execute(_BOOTSTRAP)
    for step in steps:
        conn.execute(step.sql)
        conn.execute(
            "INSERT INTO llmops.schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
            (step.version, step.name, step.checksum),
        )


def rehearse(conn: psycopg.Connection[Any]) -> SchemaState:
    """Apply what is pending in the transaction at hand, which will be rolled back.

    :returns: the state before. It is not the caller's when another run migrated meanwhile: two that make the same
        schema at once would trip over each other, so they queue.
    """
    conn.execute(_LOCK)
    before = state(conn)
    if before.pending and not before.refusal:
        apply_here(conn, before.pending)
    return before


def migrate(settings: CatalogSettings, *, check: bool) -> tuple[SchemaState, SchemaState]:
    """Bring the database's schema to the collection's version; in check mode only look.

    :returns: the states before and after (in check mode: before and as it would be).
    :raises TenancyError: a refusal of :func:`compare`, or what PostgreSQL reports.
    """
    conn = connection.connect(settings, autocommit=True)
    where = str(connection.target(connection.parameters(settings)))
    try:
        _demand_server(conn.info.server_version, where)
        conn.execute("SELECT set_config('lock_timeout', %s, false)", (f"{settings.lock_timeout}s",))
        before = state(conn)
        if before.refusal:
            raise before.refusal
        if check or not before.pending:
            return before, SchemaState(before.pending[-1].version if before.pending else before.version, ())
        for step in before.pending:
            _apply_once(conn, step, where)
        return before, state(conn)
    except psycopg.Error as error:
        raise translate(error, where) from None
    finally:
        conn.close()


def _apply_once(conn: psycopg.Connection[Any], step: Migration, where: str) -> None:
    """Apply a migration in a transaction of its own, unless another run has done it by now."""
    try:
        with conn.transaction():
            # A writer has looked which schema this is, and goes by it until its end. Of two migrations, the second finds the step done.
            conn.execute(WRITERS)
            conn.execute(_LOCK)
            now = state(conn)
            if now.refusal:
                raise now.refusal
            if step in now.pending:
                apply_here(conn, [step])
    except psycopg.Error as error:
        fault = translate(error, where)
        remedy = "Connect as the owner of the database" if fault.kind == "no_permission" else fault.remedy
        raise TenancyError(
            f"Migration {step.label} failed and nothing of it was kept",
            cause=f"{fault.what}: {fault.cause}",
            remedy=remedy,
            kind=fault.kind,
        ) from None


def _demand_server(version: int, where: str) -> None:
    if version < _OLDEST_SERVER:
        raise TenancyError(
            f"PostgreSQL {version // 10000} is too old for the catalog",
            cause=f"{where} needs {_OLDEST_SERVER // 10000} at least",
            remedy="Upgrade the server, or name another",
            kind="server_too_old",
        )


def ensure_database(settings: CatalogSettings, *, maintenance: str, owner: str | None, check: bool) -> bool:
    """Create the database of the settings when the server has none of that name.

    :param maintenance: database to connect to for it.
    :param owner: role that will own it; the connecting one otherwise.
    :returns: whether it was, or would be, created.
    :raises TenancyError: what PostgreSQL reports.
    """
    wanted = connection.target(connection.parameters(settings))
    conn = connection.connect(settings, dbname=maintenance, autocommit=True)
    try:
        found = conn.execute("SELECT FROM pg_database WHERE datname = %s", (wanted.dbname,)).fetchone()
        if found is not None or check:
            return found is None
        statement = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
            sql.Identifier(wanted.dbname)
        )
        if owner:
            statement += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
        conn.execute(statement)
        return True
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        # Another run was faster.
        return False
    except psycopg.Error as error:
        raise translate(error, str(wanted)) from None
    finally:
        conn.close()
