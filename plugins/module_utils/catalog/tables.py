# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes rows of the catalog's tables, any number of them with one statement."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Sequence

try:
    import psycopg
    from psycopg import sql
except ImportError:
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import Key, Kind, Row, Steps

# Above this many rows one pass over the table is right, and a nested loop, which the planner takes for want of
# statistics on a fresh catalog, can take minutes.
_MANY = 500


def by_key(kind: Kind, rows: Sequence[Row]) -> dict[Key, Row]:
    """Rows by their comparable name."""
    return {kind.key(row): row for row in rows}


def write(conn: psycopg.Connection[Any], kind: Kind, steps: Steps) -> dict[Key, Row]:
    """Carry the steps out: new rows first, so that a new admin counts when the old one goes.

    :returns: the rows that were created or changed, as they are now.
    """
    written: list[dict[str, Any]] = []
    if steps.create:
        written += _insert(conn, kind, steps.create)
    if steps.update:
        written += _update(conn, kind, [row for row, changes in steps.update])
    if steps.remove:
        delete(conn, kind, steps.remove)
    return by_key(kind, written)


def as_json(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The columns of rows as one JSON parameter. Its texts have passed ``checks.storable``."""
    return json.dumps([{name: row[name] for name in columns} for row in rows], ensure_ascii=False, default=str)


def _insert(conn: psycopg.Connection[Any], kind: Kind, rows: Sequence[Row]) -> list[dict[str, Any]]:
    columns = kind.keys + kind.fields
    query = sql.SQL(
        "INSERT INTO llmops.{table} ({columns})"
        " SELECT {columns} FROM jsonb_populate_recordset(NULL::llmops.{table}, %s) RETURNING *"
    ).format(table=sql.Identifier(kind.table), columns=_names(columns))
    return conn.execute(query, (as_json(rows, columns),)).fetchall()


def _update(conn: psycopg.Connection[Any], kind: Kind, rows: Sequence[Row]) -> list[dict[str, Any]]:
    assignments = sql.SQL(", ").join(sql.SQL("{0} = r.{0}").format(sql.Identifier(name)) for name in kind.fields)
    query = sql.SQL(
        "UPDATE llmops.{table} t SET {assignments} FROM jsonb_populate_recordset(NULL::llmops.{table}, %s) r"
        " WHERE t.{identity} = r.{identity} RETURNING t.*"
    ).format(table=sql.Identifier(kind.table), assignments=assignments, identity=sql.Identifier(kind.identity))
    with _joins_for(conn, len(rows)):
        return conn.execute(query, (as_json(rows, (kind.identity, *kind.fields)),)).fetchall()


def delete(conn: psycopg.Connection[Any], kind: Kind, rows: Sequence[Row]) -> None:
    """Delete rows by their identity."""
    query = sql.SQL("DELETE FROM llmops.{table} WHERE {identity} = ANY(%s)").format(
        table=sql.Identifier(kind.table), identity=sql.Identifier(kind.identity)
    )
    conn.execute(query, ([row[kind.identity] for row in rows],))


@contextmanager
def _joins_for(conn: psycopg.Connection[Any], count: int) -> Iterator[None]:
    if count > _MANY:
        conn.execute("SET LOCAL enable_nestloop = off")
    yield
    if count > _MANY:
        conn.execute("SET LOCAL enable_nestloop = on")


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def filters(conditions: Mapping[str, Any]) -> tuple[sql.Composable, dict[str, Any]]:
    """A WHERE clause of the conditions whose value is given.

    :param conditions: SQL text with a ``%(value)s``-style placeholder of its own name, to its value.
    """
    given = {text: value for text, value in conditions.items() if value is not None}
    values = {f"p{number}": value for number, value in enumerate(given.values())}
    clauses = [sql.SQL(text).format(sql.Placeholder(name)) for text, name in zip(given, values)]
    return (sql.SQL(" WHERE ") + sql.SQL(" AND ").join(clauses) if clauses else sql.SQL("")), values
