# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A catalog of a test's own: a migrated database, and the collection's modules run against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.ansible import ModuleRun, run_module
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.process import wait_until

_TEMPLATES: dict[int, str] = {}


class Catalog:
    """A migrated database. Modules connect through the socket, as its superuser unless told otherwise."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def run(self, module: str, check: bool = False, diff: bool = False, as_role: str = "", **params: Any) -> ModuleRun:
        """Run a catalog module."""
        dsn = self.database.dsn_of(as_role) if as_role else self.database.dsn
        return run_module(module, {"catalog_dsn": dsn, **params}, check=check, diff=diff)

    def ok(self, module: str, **params: Any) -> dict[str, Any]:
        """Result of a run that must not fail."""
        return self.run(module, **params).ok()

    def error(self, module: str, **params: Any) -> dict[str, Any]:
        """The error of a run that must fail with one clear line."""
        run = self.run(module, **params)
        assert run.result.get("failed"), f"did not fail: {run.stdout}{run.stderr}"
        assert "error" in run.result, f"not an expected fault: {run.msg}\n{run.stderr}"
        assert "\n" not in run.msg and "Traceback" not in run.stdout + run.stderr
        return {"msg": run.msg, **run.result["error"]}

    def sql(self, statement: str, role: str = "postgres") -> str:
        """Run a statement with psql."""
        return self.database.sql(statement, role)

    def visits(self, table: str) -> int:
        """How many rows of a table the modules' statements have looked at until now."""
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'llmops.tenancy'"
        # A session counts at its end, which may come a little after that of the module.
        wait_until(lambda: self.sql(sessions) == "0", "the end of the module's session")
        return int(self.sql(f"SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = '{table}'"))

    def count(self, table: str, where: str = "true") -> int:
        """Number of rows."""
        return int(self.sql(f"SELECT count(*) FROM llmops.{table} WHERE {where}"))


def make_catalog(postgres: Postgres, make_database: Callable[..., Database]) -> Catalog:
    """A fresh catalog, copied from one that the module ``catalog`` has made once per bench."""
    if id(postgres) not in _TEMPLATES:
        name = postgres.fresh_database()
        run_module("catalog", {"catalog_dsn": postgres.dsn(name)}).ok()
        _TEMPLATES[id(postgres)] = name
    return Catalog(make_database(template=_TEMPLATES[id(postgres)]))
