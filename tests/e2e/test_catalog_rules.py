# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the catalog that no path goes around: quota, last admin, audit, roles. On real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.process import BenchError

GIB = 1024**3
ADMIN = {"tenant": "empresa-corp", "email": "ana@empresa.example", "role": "admin"}


@pytest.fixture
def catalog(postgres: Postgres, make_database: Callable[..., Database]) -> Catalog:
    """A catalog with one tenant, one admin and one agent."""
    made = make_catalog(postgres, make_database)
    made.ok("tenant", tenant="empresa-corp", users=[{"email": ADMIN["email"], "role": "admin"}], agents=[{}])
    return made


def verified(catalog: Catalog, **params: Any) -> dict[str, Any]:
    """What audit_info finds out about the chain."""
    return catalog.ok("audit_info", verify=True, limit=0, **params)


# Quota

QUOTAS = [
    ({"quota_agents": "1"}, "quota of agents: 2 of 1"),
    ({"quota_memory": "10g"}, "quota of memory: 12g of 10g"),
    ({"quota_cpus": "3.5"}, "quota of CPUs: 4 of 3.5"),
]


@pytest.mark.parametrize(("quota", "told"), QUOTAS)
def test_over_quota_nothing_is_made(catalog: Catalog, quota: dict[str, str], told: str) -> None:
    catalog.ok("tenant", tenant="empresa-corp", **quota)
    before = catalog.count("audit")
    users = [{"email": "new@empresa.example"}]
    for check in (True, False):
        error = catalog.error("tenant", tenant="empresa-corp", users=users, agents=[{"agent": "second"}], check=check)
        assert error["kind"] == "quota_exceeded"
        assert told in error["msg"] and "empresa-corp 6g 2 CPUs" in error["msg"] and "second 6g" in error["msg"]
    assert (catalog.count("agents"), catalog.count("users"), catalog.count("audit")) == (1, 1, before)


def test_quota_holds_for_growth_for_sql_and_for_the_quota_itself(catalog: Catalog) -> None:
    catalog.ok("tenant", tenant="empresa-corp", quota_memory="8g")
    assert catalog.error("tenant_agent", tenant="empresa-corp", memory_limit="9g")["kind"] == "quota_exceeded"
    assert catalog.error("tenant", tenant="empresa-corp", quota_memory="5g")["kind"] == "quota_exceeded"
    with pytest.raises(BenchError, match="quota of memory: 9g of 8g"):
        catalog.sql("UPDATE llmops.agents SET memory_limit = 9 * 1024^3::bigint")
    assert catalog.ok("tenant_agent", tenant="empresa-corp", memory_limit="8g")["changed"]
    assert catalog.ok("tenant", tenant="empresa-corp", quota_memory="")["tenants"][0]["quota_memory"] is None


def test_what_one_call_removes_makes_room_for_what_it_makes(catalog: Catalog) -> None:
    catalog.ok("tenant", tenant="empresa-corp", quota_agents="1")
    swap = [{"agent": "second"}, {"agent": "empresa-corp", "state": "absent"}]
    done = catalog.ok("tenant_agent", tenant="empresa-corp", agents=swap)
    assert [(item["agent"], item["state"]) for item in done["agents"]] == [
        ("second", "present"),
        ("empresa-corp", "absent"),
    ]
    assert done["agents"][0]["port"] == 11435


# Last admin

LOSSES = [
    ("tenant_user", {**ADMIN, "role": "viewer"}),
    ("tenant_user", {**ADMIN, "active": False}),
    ("tenant_user", {**ADMIN, "state": "absent"}),
    ("tenant", {"tenant": "empresa-corp", "users": [{"email": "ANA@empresa.example", "role": "analyst"}]}),
]


@pytest.mark.parametrize(("module", "params"), LOSSES)
def test_the_last_active_admin_stays(catalog: Catalog, module: str, params: dict[str, Any]) -> None:
    catalog.ok("tenant_user", tenant="empresa-corp", email="old@empresa.example", role="admin", active=False)
    for check in (True, False):
        error = catalog.error(module, check=check, **params)
        assert error["kind"] == "last_admin"
        assert ADMIN["email"] in error["cause"] and "force" in error["remedy"]
    assert catalog.count("users", "role = 'admin' AND active") == 1


def test_force_removes_the_last_admin(catalog: Catalog) -> None:
    assert catalog.ok("tenant_user", **{**ADMIN, "role": "viewer"}, force=True)["changed"]
    assert catalog.count("users", "role = 'admin'") == 0


def test_an_admin_may_be_replaced_in_one_call(catalog: Catalog) -> None:
    users = [{"email": ADMIN["email"], "state": "absent"}, {"email": "eva@empresa.example", "role": "admin"}]
    catalog.ok("tenant_user", tenant="empresa-corp", users=users)
    users = [{"email": "eva@empresa.example", "role": "viewer"}, {"email": "ben@empresa.example", "role": "admin"}]
    catalog.ok("tenant_user", tenant="empresa-corp", users=users)
    assert catalog.sql("SELECT email FROM llmops.users WHERE role = 'admin'") == "ben@empresa.example"


def test_sql_can_not_take_the_last_admin_either(catalog: Catalog) -> None:
    for statement in ("DELETE FROM llmops.users", "UPDATE llmops.users SET active = false"):
        with pytest.raises(BenchError, match="left without an active admin"):
            catalog.sql(statement)


# Audit


def test_every_change_is_written_with_who_what_and_which_run(catalog: Catalog) -> None:
    catalog.ok("tenant_user", **ADMIN, name="Ana", audit_actor="maria", audit_run="4711")
    entry = catalog.ok("audit_info", tenant="empresa-corp", entity="user", limit=1)["entries"][0]
    assert {
        name: entry[name] for name in ("entity", "operation", "key", "before", "after", "actor", "run", "db_role")
    } == {
        "entity": "user",
        "operation": "update",
        "key": "empresa-corp/ana@empresa.example",
        "before": {"name": ""},
        "after": {"name": "Ana"},
        "actor": "maria",
        "run": "4711",
        "db_role": "postgres",
    }
    assert entry["os_user"] == "root" and entry["os_host"] and entry["application"] == "llmops.tenancy"
    for filters in (
        {"actor": "maria"},
        {"run": "4711"},
        {"actor": "root", "run": "4711"},
        {"key": entry["key"], "operation": "update"},
    ):
        assert [item["seq"] for item in catalog.ok("audit_info", **filters)["entries"]] == [entry["seq"]]
    assert catalog.ok("audit_info", since="2100-01-01")["entries"] == []
    assert catalog.ok("audit_info", until="2000-01-01T00:00:00Z")["entries"] == []
    assert catalog.error("audit_info", since="yesterday")["kind"] == "invalid_time"


def test_sql_by_hand_is_audited_too(catalog: Catalog) -> None:
    catalog.sql("UPDATE llmops.users SET name = 'By hand'; DELETE FROM llmops.agents")
    entries = catalog.ok("audit_info", limit=2)["entries"]
    assert [(item["entity"], item["operation"], item["os_user"], item["application"]) for item in entries] == [
        ("agent", "delete", None, "psql"),
        ("user", "update", None, "psql"),
    ]
    assert entries[0]["before"]["port"] == 11435
    assert verified(catalog)["valid"]


BY_HAND = [
    "UPDATE llmops.audit SET run = 'x'",
    "DELETE FROM llmops.audit",
    "TRUNCATE llmops.audit",
    "INSERT INTO llmops.audit SELECT 99, at, txid, entity, operation, tenant, key, before, after, db_role, acting_role,"
    " os_user, os_login, os_host, actor, run, application, client_address, hash FROM llmops.audit LIMIT 1",
]


@pytest.mark.parametrize("statement", BY_HAND)
def test_the_trail_is_append_only_even_for_its_owner(catalog: Catalog, statement: str) -> None:
    with pytest.raises(BenchError, match="audit rows is refused"):
        catalog.sql(statement)


@pytest.mark.parametrize("table", ["tenants", "users", "agents"])
def test_rows_can_not_vanish_from_the_trail(catalog: Catalog, table: str) -> None:
    with pytest.raises(BenchError, match="TRUNCATE of llmops"):
        catalog.sql(f"TRUNCATE llmops.{table} CASCADE")


TAMPERED = [
    ("edited", "UPDATE llmops.audit SET actor = 'someone else' WHERE seq = 2", 2, "not what was written"),
    (
        "after",
        """UPDATE llmops.audit SET after = after || '{"role": "viewer"}' WHERE seq = 2""",
        2,
        "not what was written",
    ),
    ("time", "UPDATE llmops.audit SET at = at - interval '1 microsecond' WHERE seq = 3", 3, "not what was written"),
    ("deleted", "DELETE FROM llmops.audit WHERE seq = 2", 2, "missing: 2; the next one is 3"),
    ("first ones deleted", "DELETE FROM llmops.audit WHERE seq < 3", 1, "missing: 1 to 2"),
    (
        "swapped",
        "UPDATE llmops.audit SET seq = 100 WHERE seq = 2; UPDATE llmops.audit SET seq = 2 WHERE seq = 3;"
        " UPDATE llmops.audit SET seq = 3 WHERE seq = 100",
        2,
        "not in its place",
    ),
    (
        "inserted",
        "INSERT INTO llmops.audit SELECT 4, at, txid, entity, operation, tenant, key, before, after, db_role,"
        " acting_role, os_user, os_login, os_host, actor, run, application, client_address, hash FROM llmops.audit"
        " WHERE seq = 3",
        4,
        "not in its place",
    ),
]


@pytest.mark.parametrize(
    ("statement", "seq", "reason"), [case[1:] for case in TAMPERED], ids=[case[0] for case in TAMPERED]
)
def test_a_superuser_who_tampers_is_found(catalog: Catalog, statement: str, seq: int, reason: str) -> None:
    good = verified(catalog)
    assert good["valid"] and good["first_bad"] is None and good["rows"] == 3
    catalog.sql(f"SET session_replication_role = replica; {statement}")
    found = verified(catalog)
    assert not found["valid"]
    assert found["first_bad"]["seq"] == seq and reason in found["first_bad"]["reason"]


def test_an_anchor_finds_a_trail_that_was_cut_or_rewritten(catalog: Catalog) -> None:
    head = verified(catalog)["head"]
    catalog.ok("tenant_user", tenant="empresa-corp", email="eva@empresa.example")
    assert verified(catalog, anchor=head)["valid"]
    catalog.sql("SET session_replication_role = replica; DELETE FROM llmops.audit WHERE seq >= 3")
    assert verified(catalog)["valid"], "the chain alone can't know of rows cut off its end"
    assert "cut off" in verified(catalog, anchor=head)["first_bad"]["reason"]
    catalog.ok("tenant_user", tenant="empresa-corp", email="ben@empresa.example")
    assert "rewritten" in verified(catalog, anchor=head)["first_bad"]["reason"]
    assert catalog.error("audit_info", anchor="nonsense")["kind"] == "invalid_anchor"


# Roles


def test_an_operator_runs_the_modules_and_touches_neither_audit_nor_schema(catalog: Catalog) -> None:
    catalog.sql("DROP ROLE IF EXISTS olga; CREATE ROLE olga LOGIN IN ROLE llmops_operator")
    catalog.ok(
        "tenant", as_role="olga", tenant="acme", users=[{"email": "a@acme.example", "role": "admin"}], agents=[{}]
    )
    catalog.ok("tenant_user", as_role="olga", tenant="acme", email="a@acme.example", name="A")
    catalog.ok("tenant_agent", as_role="olga", tenant="acme", memory_limit="7g")
    assert not catalog.ok("catalog", as_role="olga")["changed"]
    for module in ("tenant_info", "tenant_user_info", "tenant_agent_info"):
        catalog.ok(module, as_role="olga")
    assert verified(catalog, as_role="olga")["valid"]
    assert catalog.sql("SELECT DISTINCT db_role FROM llmops.audit WHERE tenant = 'acme'") == "olga"
    for statement in (
        *BY_HAND,
        "ALTER TABLE llmops.audit DISABLE TRIGGER ALL",
        "DROP TABLE llmops.users",
        "ALTER TABLE llmops.users DISABLE TRIGGER ALL",
        "CREATE TABLE llmops.mine (x int)",
        "SET session_replication_role = replica",
        "DELETE FROM llmops.schema_migrations",
        "CREATE OR REPLACE FUNCTION llmops.guard_audit() RETURNS trigger LANGUAGE sql AS ''",
    ):
        with pytest.raises(BenchError, match="permission denied|must be owner"):
            catalog.sql(statement, role="olga")
    catalog.ok("tenant", as_role="olga", tenant="acme", state="absent", cascade=True)


def test_an_auditor_only_reads(catalog: Catalog) -> None:
    catalog.sql("DROP ROLE IF EXISTS aldo; CREATE ROLE aldo LOGIN IN ROLE llmops_auditor")
    for module in ("tenant_info", "tenant_user_info", "tenant_agent_info"):
        catalog.ok(module, as_role="aldo")
    assert verified(catalog, as_role="aldo")["valid"]
    error = catalog.error("tenant", as_role="aldo", tenant="acme")
    assert error["kind"] == "no_permission" and "llmops_operator" in error["remedy"]


def test_a_stranger_sees_nothing(catalog: Catalog) -> None:
    catalog.sql("DROP ROLE IF EXISTS nemo; CREATE ROLE nemo LOGIN")
    for module in ("tenant_info", "audit_info"):
        assert catalog.error(module, as_role="nemo")["kind"] == "no_permission"


def test_an_owner_need_not_be_superuser(postgres: Postgres, database: Database, catalog: Catalog) -> None:
    catalog.sql("DROP ROLE IF EXISTS owen; CREATE ROLE owen LOGIN")
    database.sql(f'ALTER DATABASE "{database.name}" OWNER TO owen')
    own = Catalog(database)
    assert own.ok("catalog", as_role="owen")["changed"]
    own.sql('GRANT CONNECT ON DATABASE "%s" TO llmops_operator' % database.name, role="owen")
    own.sql("DROP ROLE IF EXISTS otto; CREATE ROLE otto LOGIN IN ROLE llmops_operator")
    own.ok("tenant", as_role="otto", tenant="acme", users=[{"email": "a@acme.example", "role": "admin"}], agents=[{}])
    assert verified(own, as_role="owen")["rows"] == 3
    with pytest.raises(BenchError, match="audit rows is refused"):
        own.sql("DELETE FROM llmops.audit", role="owen")


def test_set_role_shows_in_the_trail(catalog: Catalog) -> None:
    catalog.sql("SET ROLE llmops_operator; UPDATE llmops.users SET name = 'x'")
    entry = catalog.ok("audit_info", limit=1)["entries"][0]
    assert (entry["db_role"], entry["acting_role"]) == ("postgres", "llmops_operator")


# Nothing is burnt, nothing is leaked


def test_no_change_and_check_mode_write_nothing(catalog: Catalog, postgres: Postgres) -> None:
    same = {
        "tenant": "empresa-corp",
        "users": [{"email": ADMIN["email"], "role": "admin"}],
        "agents": [{"memory_limit": "6g"}],
    }
    more = {"tenant": "acme", "users": [{"email": "a@acme.example"}], "agents": [{}]}
    state = (
        "SELECT jsonb_build_array((SELECT jsonb_object_agg(relname, ARRAY[n_tup_ins, n_tup_upd, n_tup_del, n_dead_tup])"
        " FROM pg_stat_user_tables), (SELECT count(*) FROM pg_sequences WHERE schemaname = 'llmops'),"
        " (SELECT jsonb_agg(x ORDER BY x::text) FROM ("
        "SELECT jsonb_build_array(xmin::text, a.ctid::text) x FROM llmops.agents a"
        " UNION ALL SELECT jsonb_build_array(xmin::text, u.ctid::text) FROM llmops.users u) y))"
    )
    catalog.sql("VACUUM")
    before = json.loads(catalog.sql(state))
    assert not catalog.ok("tenant", **same)["changed"]
    assert not catalog.ok("tenant_user", **ADMIN)["changed"]
    assert not catalog.ok("tenant_agent", tenant="empresa-corp", cpu_limit="2")["changed"]
    after = json.loads(catalog.sql(state))
    assert before[1:] == after[1:]
    assert catalog.ok("tenant", check=True, **more)["changed"]
    assert (catalog.count("audit"), catalog.count("tenants")) == (3, 1)
    first = catalog.ok("tenant", **more)["tenants"][0]["agents"][0]
    assert first["port"] == 11436


def test_an_equal_observation_refreshes_its_time_alone(catalog: Catalog) -> None:
    observed = {"state": "running", "health": "healthy", "models": ["phi4-mini:latest"]}
    first = catalog.ok("tenant_agent", tenant="empresa-corp", observed=observed)
    assert first["changed"] and first["agents"][0]["observed"] == observed and first["agents"][0]["observed_at"]
    rows = catalog.count("audit")
    second = catalog.ok("tenant_agent", tenant="empresa-corp", observed=observed)
    assert not second["changed"] and second["agents"][0]["observed_at"] > first["agents"][0]["observed_at"]
    assert catalog.count("audit") == rows
    kept = catalog.sql("SELECT observed_at FROM llmops.agents")
    checked = catalog.ok("tenant_agent", tenant="empresa-corp", observed=observed, check=True)
    assert not checked["changed"] and catalog.sql("SELECT observed_at FROM llmops.agents") == kept
    assert catalog.ok("tenant_agent", tenant="empresa-corp", observed={})["agents"][0]["observed_at"] is None


def test_an_agent_that_was_seen_stays_on_its_host(catalog: Catalog) -> None:
    moved = {"tenant": "empresa-corp", "host": "gpu-02"}
    assert catalog.ok("tenant_agent", **moved)["agents"][0]["host"] == "gpu-02", "nothing was seen of it yet"
    catalog.ok("tenant_agent", tenant="empresa-corp", observed={"state": "running"})
    rows = catalog.count("audit")
    back = {"tenant": "empresa-corp", "host": "localhost"}
    for check in (True, False):
        for module, params in (
            ("tenant_agent", back),
            ("tenant_agent", {**back, "port": 12000, "observed": {}}),
            ("tenant", {"tenant": "empresa-corp", "agents": [{"host": "localhost"}]}),
        ):
            error = catalog.error(module, check=check, **params)
            assert error["kind"] == "agent_has_host" and "empresa-corp stays on host gpu-02" in error["msg"]
            assert "container" in error["cause"] and "move_agent.yml -e tenant=empresa-corp" in error["remedy"]
    assert catalog.sql("SELECT host FROM llmops.agents") == "gpu-02" and catalog.count("audit") == rows
    assert not catalog.ok("tenant_agent", **moved)["changed"]
    assert catalog.ok("tenant_agent", tenant="empresa-corp", port=12000)["agents"][0]["port"] == 12000
    catalog.ok("tenant_agent", tenant="empresa-corp", observed={})
    assert catalog.ok("tenant_agent", **back)["agents"][0]["host"] == "localhost"


BEYOND_ASCII = ["i̇@x.example", "οδος@X.example", "ñandú@x.example", "ſ@x.example", "straße@x.example"]
UNCERTAIN = ["İ@x.example", "ΟΔΟΣ@x.example", "Ñ@x.example", "a\x1b[31m@x.example", "a\u202e@x.example"]


def test_users_with_letters_beyond_ascii_are_found_again(catalog: Catalog) -> None:
    users = [{"tenant": "empresa-corp", "email": email} for email in BEYOND_ASCII]
    assert catalog.ok("tenant_user", users=users)["changed"]
    others = [{**user, "email": user["email"].replace("example", "EXAMPLE")} for user in users]
    assert not catalog.ok("tenant_user", users=others)["changed"]
    catalog.ok("tenant_user", users=[{**user, "state": "absent"} for user in others])
    assert catalog.count("users") == 1


def test_an_email_that_can_not_be_compared_or_seen_is_refused(catalog: Catalog) -> None:
    for email in UNCERTAIN:
        error = catalog.error("tenant_user", tenant="empresa-corp", email=email)
        assert error["kind"] == "invalid_email" and error["msg"].isprintable()
    assert catalog.count("users") == 1


BEYOND_COLUMNS = [
    ("tenant", {"quota_memory": "99999999999999999999g"}, "quota_memory '99999999999999999999g' is too much"),
    ("tenant", {"quota_cpus": "3000000"}, "quota_cpus '3000000' is too much"),
    ("tenant", {"quota_agents": "2147483648"}, "quota_agents '2147483648'"),
    ("tenant", {"name": "Empresa\0"}, "name can't be stored"),
    ("tenant_agent", {"port": True}, "port true is not a port"),
    ("tenant_agent", {"context_length": 2**31}, "context_length 2147483648"),
    ("tenant_agent", {"num_parallel": 2**63}, "num_parallel 9223372036854775808"),
    ("tenant_agent", {"host": "gpu\0"}, "host can't be stored"),
    ("tenant_agent", {"agent_hosts": [{"name": "gpu-01", "agents": True}]}, "agents of agent host gpu-01 true"),
    ("tenant_user", {"email": "a@x.example", "name": "A\0"}, "name can't be stored"),
    ("tenant_user", {"email": "a@x.example", "audit_actor": "A\0"}, "audit_actor can't be stored"),
    ("tenant_agent_info", {"host": "gpu\0"}, "host can't be stored"),
    ("audit_info", {"key": "\0"}, "key can't be stored"),
]


def test_what_no_column_holds_is_refused_by_the_name_of_its_option(catalog: Catalog) -> None:
    for module, params, named in BEYOND_COLUMNS:
        error = catalog.error(module, tenant="empresa-corp", **params)
        assert named in error["msg"] and "PostgreSQL" not in error["msg"]
    assert catalog.count("audit") == 3
