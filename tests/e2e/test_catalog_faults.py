# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults between a module and its catalog: each ends in one line with cause and remedy, and leaks no secret."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.ansible import run_module
from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.process import wait_until
from tests.support.settings import ROOT

SECRET = "s3cr3t-Ünique/42"


@pytest.fixture
def catalog(postgres: Postgres, make_database: Callable[..., Database]) -> Catalog:
    """A catalog of the test's own."""
    return make_catalog(postgres, make_database)


def fault(params: dict[str, Any], module: str = "tenant_info", env: dict[str, str] | None = None) -> dict[str, Any]:
    """The error of a run that must fail with one clear line."""
    run = run_module(module, params, env=env)
    assert run.result.get("failed") and "error" in run.result, run.stdout + run.stderr
    assert "\n" not in run.msg and "Traceback" not in run.stdout + run.stderr
    assert SECRET not in run.stdout + run.stderr
    error = run.result["error"]
    assert error["cause"] and error["remedy"]
    assert SECRET.partition("/")[0] not in run.msg
    return {"msg": run.msg, **error}


@contextmanager
def listener(answer: bytes = b"") -> Iterator[int]:
    """A port that takes connections and answers rubbish, or nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        child = os.fork()
        if child == 0:
            while True:
                client = server.accept()[0]
                if answer:
                    client.sendall(answer)
                    client.close()
        try:
            yield server.getsockname()[1]
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_wrong_password(catalog: Catalog, postgres: Postgres) -> None:
    dsn = catalog.database.tcp_dsn()
    for params in ({"catalog_dsn": dsn, "catalog_password": SECRET}, {"catalog_dsn": f"{dsn} password='{SECRET}'"}):
        error = fault(params)
        assert error["kind"] == "wrong_password"
        assert f"127.0.0.1:{postgres.port}" in error["msg"] and catalog.database.name in error["msg"]
        assert "'postgres'" in error["msg"] and "catalog_password" in error["remedy"]
    assert fault({"catalog_dsn": dsn}, env={"PGPASSFILE": "/nonexistent"})["kind"] == "wrong_password"


def test_password_by_every_way(catalog: Catalog, postgres: Postgres, tmp_path: Any) -> None:
    dsn = catalog.database.tcp_dsn()
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"*:*:*:*:{postgres.password}\n")
    passfile.chmod(0o600)
    for params, env in (
        ({"catalog_password": postgres.password}, {}),
        ({}, {"LLMOPS_CATALOG_PASSWORD": postgres.password}),
        ({}, {"PGPASSFILE": str(passfile)}),
        ({}, {"PGPASSWORD": postgres.password}),
    ):
        run_module("tenant_info", {"catalog_dsn": dsn, **params}, env=env).ok()


def test_libpqs_own_conventions(catalog: Catalog, postgres: Postgres, tmp_path: Any) -> None:
    name = catalog.database.name
    service = tmp_path / "services"
    service.write_text(f"[ours]\nhost={postgres.socket_folder}\nport={postgres.port}\ndbname={name}\nuser=postgres\n")
    here = {"PGHOST": str(postgres.socket_folder), "PGPORT": str(postgres.port), "PGUSER": "postgres"}
    for params, env in (
        ({}, {**here, "PGDATABASE": name}),
        ({"catalog_dsn": f"dbname={name}"}, here),
        ({"catalog_dsn": "service=ours"}, {"PGSERVICEFILE": str(service)}),
        ({}, {"PGSERVICE": "ours", "PGSERVICEFILE": str(service)}),
        ({}, {"LLMOPS_CATALOG_DSN": catalog.database.dsn}),
        ({"catalog_dsn": f"postgresql://postgres@/{name}"}, here),
    ):
        run_module("tenant_info", params, env=env).ok()
    error = fault({}, env=here)
    assert error["kind"] == "database_missing" and "'llmops'" in error["msg"]
    assert fault({"catalog_dsn": "service=theirs"}, env={"PGSERVICEFILE": str(service)})["kind"] == "service_missing"


UNREACHABLE = [
    ("host=127.0.0.1 port=1", "unreachable", "no PostgreSQL answers there"),
    ("host=/nonexistent", "unreachable", "no PostgreSQL answers there"),
    ("host=no-such-host.invalid", "unreachable", "can't be resolved"),
    ("host=127.0.0.1 sslmode=require", "tls", "TLS"),
    ("dbname=no_such_database", "database_missing", "no such database"),
    ("user=no_such_role", "wrong_role", "no such role"),
]


@pytest.mark.parametrize(("part", "kind", "cause"), UNREACHABLE)
def test_unreachable(catalog: Catalog, postgres: Postgres, part: str, kind: str, cause: str) -> None:
    error = fault({"catalog_dsn": f"{catalog.database.dsn} {part} password={SECRET}"})
    assert error["kind"] == kind and cause in error["cause"]
    assert set(error) >= {"host", "port", "database", "role"}


@pytest.mark.parametrize(
    "dsn", [f"host=x password='{SECRET}", f"postgresql://u:{SECRET}@[half", f"nonsense {SECRET}=", "host"]
)
def test_malformed_dsn(dsn: str) -> None:
    assert fault({"catalog_dsn": dsn})["kind"] == "invalid_dsn"


def test_a_server_that_is_none_or_never_answers() -> None:
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert (
            fault({"catalog_dsn": f"host=127.0.0.1 port={port} user=x", "connect_timeout": 2})["kind"] == "unreachable"
        )
    with listener() as port:
        error = fault({"catalog_dsn": f"host=127.0.0.1 port={port} user=x", "connect_timeout": 2})
        assert error["kind"] == "unreachable" and "2 s" in error["cause"]


def test_schema_missing_older_and_newer(catalog: Catalog, database: Database) -> None:
    dsn = {"catalog_dsn": database.dsn}
    error = fault(dsn)
    assert error["kind"] == "schema_missing" and "llmops.tenancy.catalog" in error["remedy"]
    last = int(catalog.sql("SELECT max(version) FROM llmops.schema_migrations"))
    catalog.sql(f"DELETE FROM llmops.schema_migrations WHERE version = {last}")
    assert catalog.error("tenant", tenant="acme")["kind"] == "schema_older"
    catalog.sql("INSERT INTO llmops.schema_migrations (version, name, checksum) VALUES (9999, 'future', 'x')")
    for module, params in (("tenant_info", {}), ("catalog", {}), ("tenant", {"tenant": "acme"})):
        for check in (True, False):
            error = catalog.error(module, check=check, **params)
            assert (
                error["kind"] == "schema_newer"
                and "9999" in error["msg"]
                and "Upgrade the collection" in error["remedy"]
            )
    catalog.sql("DELETE FROM llmops.schema_migrations WHERE version = 9999")
    catalog.sql("UPDATE llmops.schema_migrations SET checksum = 'x' WHERE version = 1")
    assert catalog.error("catalog")["kind"] == "schema_differs"


def test_a_migration_that_fails_leaves_the_ones_before_and_is_taken_up_again(database: Database) -> None:
    half = Catalog(database)
    half.sql(
        "CREATE SCHEMA llmops; CREATE FUNCTION llmops.size_text(numeric) RETURNS text LANGUAGE sql AS 'SELECT NULL'"
    )
    error = half.error("catalog")
    assert "Migration 0003_rules failed" in error["msg"] and "size_text" in error["cause"]
    assert half.sql("SELECT max(version) FROM llmops.schema_migrations") == "2"
    assert half.sql("SELECT count(*) FROM pg_proc WHERE proname = 'check_quota'") == "0"
    half.sql("DROP FUNCTION llmops.size_text")
    done = half.ok("catalog")
    assert done["applied"][0] == "0003_rules" and done["version"] == 2 + len(done["applied"])


def test_a_role_that_may_not_migrate(catalog: Catalog, database: Database) -> None:
    catalog.sql("DROP ROLE IF EXISTS mallory; CREATE ROLE mallory LOGIN")
    error = Catalog(database).error("catalog", as_role="mallory")
    assert error["kind"] == "no_permission" and "owner" in error["remedy"]


def test_a_lock_held_too_long(catalog: Catalog) -> None:
    with subprocess.Popen(
        ["psql", catalog.database.dsn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin and holder.stdout
        holder.stdin.write("BEGIN; UPDATE llmops.tenants SET name = name; SELECT 'held';\n")
        holder.stdin.flush()
        wait_until(lambda: catalog.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1", "the lock")
        error = catalog.error("tenant", tenant="acme", lock_timeout=1)
        assert error["kind"] == "lock_timeout" and "lock_timeout" in error["remedy"]
        catalog.ok("tenant_info", lock_timeout=1)
        holder.stdin.close()
        holder.wait()
    catalog.ok("tenant", tenant="acme")


def test_a_statement_that_takes_too_long(catalog: Catalog) -> None:
    catalog.sql(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM pg_sleep(1000); RETURN NULL; END';"
        "CREATE TRIGGER slow AFTER INSERT ON llmops.tenants EXECUTE FUNCTION public.slow()"
    )
    error = catalog.error("tenant", tenant="acme", statement_timeout=1)
    assert error["kind"] == "statement_timeout" and catalog.count("tenants") == 0


def slow_run(catalog: Catalog) -> subprocess.Popen[str]:
    """A run of module tenant that is in the middle of its transaction when this returns."""
    catalog.sql(
        "CREATE OR REPLACE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM pg_sleep(1000); RETURN NULL; END';"
        "DROP TRIGGER IF EXISTS slow ON llmops.users;"
        "CREATE TRIGGER slow AFTER INSERT ON llmops.users EXECUTE FUNCTION public.slow()"
    )
    code = (
        "import json, sys; from tests.support.ansible import run_module;"
        "run = run_module('tenant', json.loads(sys.stdin.read())); print(json.dumps(run.result)); print(run.stderr)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdin
    process.stdin.write(
        '{"catalog_dsn": "%s", "tenant": "acme", "users": [{"email": "a@acme.example"}]}' % catalog.database.dsn
    )
    process.stdin.close()
    process.stdin = None
    sleepers = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_until(lambda: catalog.sql(sleepers) == "1", "the run in mid-transaction")
    return process


def test_postgresql_restarted_in_mid_run(catalog: Catalog, postgres: Postgres) -> None:
    process = slow_run(catalog)
    postgres.restart()
    output = process.communicate(timeout=300)[0]
    assert '"kind": "unavailable"' in output and "nothing of this call was kept" in output and "Traceback" not in output
    catalog.sql("DROP TRIGGER slow ON llmops.users")
    assert catalog.count("tenants") == 0
    assert catalog.ok("tenant", tenant="acme", users=[{"email": "a@acme.example"}])["changed"]


def test_postgresql_crashed_in_mid_run(catalog: Catalog, postgres: Postgres) -> None:
    process = slow_run(catalog)
    postgres.stop(signal.SIGQUIT)
    output = process.communicate(timeout=300)[0]
    assert '"kind": "unavailable"' in output and "Traceback" not in output
    assert catalog.error("tenant", tenant="acme", connect_timeout=2)["kind"] == "unreachable"
    postgres.start()
    catalog.sql("DROP TRIGGER slow ON llmops.users")
    assert catalog.ok("tenant", tenant="acme")["changed"]


def test_a_killed_run_leaves_nothing_and_holds_nobody_up(catalog: Catalog) -> None:
    process = slow_run(catalog)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    catalog.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    catalog.sql("DROP TRIGGER slow ON llmops.users")
    assert catalog.count("tenants") == 0
    done = catalog.ok("tenant", tenant="acme", users=[{"email": "a@acme.example"}], agents=[{}], lock_timeout=15)
    assert done["tenants"][0]["agents"][0]["port"] == 11435
    assert catalog.ok("audit_info", verify=True)["valid"]


def test_a_read_only_server(catalog: Catalog) -> None:
    catalog.sql(f"ALTER DATABASE {catalog.database.name} SET default_transaction_read_only = on")
    catalog.ok("tenant_info")
    error = catalog.error("tenant", tenant="acme")
    assert error["kind"] == "read_only" and "primary" in error["remedy"]


def test_no_password_reaches_postgresqls_log_or_a_diff(catalog: Catalog, postgres: Postgres) -> None:
    dsn = f"{catalog.database.tcp_dsn()} password={postgres.password}"
    run = run_module("tenant", {"catalog_dsn": dsn, "tenant": "acme", "agents": [{}]}, diff=True)
    run.ok()
    assert postgres.password not in str(run.result.get("diff")) + str(run.result.get("actions"))
    invocation = run.result.get("invocation", {}).get("module_args", {})
    assert postgres.password not in str(invocation)
    catalog.ok("catalog")
    log = postgres.log.read_text(errors="replace")
    assert "tenant" in log and postgres.password not in log


def test_values_that_postgresql_can_not_store(catalog: Catalog) -> None:
    assert catalog.error("tenant", tenant="acme", name="a\0b")["kind"] == "invalid_value"
    assert catalog.ok("tenant", tenant="acme", name="'; DROP TABLE llmops.tenants; --\\ %s {} Ünïcode 🚀")["changed"]
    assert catalog.ok("tenant_info")["tenants"][0]["name"].endswith("Ünïcode 🚀")
