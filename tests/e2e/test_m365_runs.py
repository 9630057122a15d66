# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft 365, the runs: two at once, killed, with a database that restarts, over many tenants (cases 17 to 19)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.ansible import ModuleRun
from tests.support.disk import small_disk
from tests.support.fixtures import Database
from tests.support.graph import Rule, tenant
from tests.support.m365 import CLIENT_ID, SECRET, TENANT, Scene, make_scene
from tests.support.postgres import Postgres
from tests.support.process import BenchError, wait_until
from tests.support.settings import ROOT

DELTA = "/v1.0/users/delta"
WRITERS = "SELECT pg_advisory_xact_lock(1819045231, 1)"
# Whoever writes stops there for as long as a test holds the gate.
GATE = "SELECT pg_advisory_xact_lock(4711)"
STOP = (
    "CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END'"
)
AT_USERS = "CREATE TRIGGER stop AFTER INSERT OR UPDATE ON llmops.users FOR EACH STATEMENT EXECUTE FUNCTION public.stop()"
AT_STATE = (
    "CREATE TRIGGER stop AFTER INSERT OR UPDATE ON llmops.m365_sync FOR EACH STATEMENT EXECUTE FUNCTION public.stop()"
)
AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER stop AFTER INSERT OR UPDATE ON llmops.m365_sync DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION public.stop()"
)
OPEN = "DROP TRIGGER IF EXISTS stop ON llmops.users; DROP TRIGGER IF EXISTS stop ON llmops.m365_sync"


@pytest.fixture
def scene(postgres: Postgres, make_database: Callable[..., Database], tmp_path: Path) -> Iterator[Scene]:
    """25 users, ten in a page."""
    made = make_scene(postgres, make_database, tmp_path)
    yield made
    made.verify_audit()
    made.close()


class Beside(threading.Thread):
    """A synchronisation that goes on beside the test."""

    def __init__(self, scene: Scene, **changed: Any) -> None:
        super().__init__()
        self.scene, self.changed = scene, changed
        self.done: ModuleRun | None = None
        self.start()

    def run(self) -> None:
        """Run to the end."""
        self.done = self.scene.run(**self.changed)

    def result(self) -> ModuleRun:
        """What it did."""
        self.join(600)
        assert self.done is not None
        return self.done


def waits(scene: Scene, number: int = 1) -> Callable[[], bool]:
    """Whether so many sessions of the catalog wait for the writers' queue or the gate."""
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{scene.catalog.database.name}' AND wait_event = 'advisory'"
    return lambda: int(scene.catalog.sql(query)) >= number


def matches(scene: Scene) -> bool:
    """Whether the catalog has what the directory has."""
    wanted = {
        key: user["displayName"] for key in scene.directory.ids() if isinstance(user := scene.directory.get(key), dict)
    }
    return {row["external_id"]: row["name"] for row in scene.users("active").values()} == wanted


# Case 17


def test_the_one_that_fetched_longer_begins_again(scene: Scene) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait()

    scene.microsoft.rules(Rule(DELTA, after=1, call=hold))
    slow = Beside(scene, request_timeout=600)
    wait_until(reached.is_set, "the slow one")
    scene.change(1, displayName="Between")
    quick = scene.run()
    go_on.set()
    assert quick.ok()["tenants"][0]["counts"]["added"] == 25
    done = slow.result()
    result = done.ok()["tenants"][0]
    assert result["mode"] == "delta" and result["counts"]["added"] == 0
    assert any("another synchronisation" in str(text).lower() for text in done.result["warnings"])
    assert matches(scene) and scene.catalog.sql("SELECT round FROM llmops.m365_sync") == "2"


def test_two_that_come_to_the_catalog_at_once(scene: Scene) -> None:
    with psycopg.connect(scene.catalog.database.dsn) as colleague:
        colleague.execute(WRITERS)
        both = [Beside(scene), Beside(scene)]
        wait_until(waits(scene, 2), "both at the lock")
    results = [each.result().ok()["tenants"][0] for each in both]
    assert sorted(result["counts"]["added"] for result in results) == [0, 25]
    assert sorted(result["mode"] for result in results) == ["delta", "full"]
    assert matches(scene)


def test_lock_that_is_not_given_up(scene: Scene) -> None:
    with psycopg.connect(scene.catalog.database.dsn) as colleague:
        colleague.execute(WRITERS)
        error = scene.error(lock_timeout=1)
    assert error["kind"] == "lock_timeout"
    assert scene.counts() == {"added": 25}


# Case 18


def start(scene: Scene) -> subprocess.Popen[str]:
    """A module that the test can kill."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_module"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / '.collections'}{os.pathsep}{ROOT}"},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"module": "m365_sync", "args": scene.options()}))
    process.stdin.close()
    return process


REQUESTS = {
    "discovery": "openid-configuration",
    "token": "/oauth2/v2.0/token",
    "first-page": r"delta\?",
    "last-page": r"delta\?\$skip",
}


@pytest.mark.parametrize(
    "moment", [*REQUESTS, "spooled", "queued", "users-written", "state-written", "committing", "committed"]
)
def test_killed_run_is_made_good_by_the_next(scene: Scene, moment: str) -> None:
    """Wherever kill -9 hits, the delta link is never ahead of the users."""
    for number in range(12):
        scene.change(number, displayName=f"Second {number}")
    stopping = {"users-written": AT_USERS, "state-written": AT_STATE, "committing": AT_COMMIT}.get(moment)
    scene.catalog.sql(STOP)
    if stopping:
        scene.catalog.sql(stopping)
    hit = threading.Event()
    process: list[subprocess.Popen[str]] = []

    def kill() -> None:
        wait_until(lambda: process, "the process to kill")
        process[0].send_signal(signal.SIGKILL)
        hit.set()

    with psycopg.connect(scene.catalog.database.dsn) as colleague:
        if moment in REQUESTS:
            scene.microsoft.rules(Rule(REQUESTS[moment], after=moment == "last-page", delay=0.2, call=kill))
        if moment == "queued" or stopping:
            colleague.execute(GATE if stopping else WRITERS)
        process.append(start(scene))
        if moment in REQUESTS:
            assert hit.wait(300)
        elif moment == "spooled":
            wait_until(lambda: len(scene.microsoft.graph.log) >= 3, "the last page")
            kill()
        elif moment == "committed":
            wait_until(lambda: scene.catalog.count("m365_sync") == 1, "the commit")
            kill()
        else:
            wait_until(waits(scene), "the queue, or the gate")
            kill()
        process[0].wait(300)
    wait_until(
        lambda: scene.catalog.sql(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{scene.catalog.database.name}' AND pid <> pg_backend_pid()"
            " AND application_name = 'llmops.tenancy'"
        )
        == "0",
        "the end of the killed session",
    )
    scene.catalog.sql(OPEN)
    scene.microsoft.rules()
    stored = scene.catalog.count("m365_sync")
    assert scene.catalog.count("users") == (25 if stored else 0)
    scene.change(20, displayName="Third")
    assert scene.sync()["mode"] == ("delta" if stored else "full")
    assert matches(scene)


# Case 19


def test_database_restarts_while_the_directory_is_fetched(scene: Scene, postgres: Postgres) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, call=postgres.restart))
    assert scene.counts() == {"added": 25}


@pytest.mark.parametrize("moment", ["queued", "users-written", "committing"])
def test_database_restarts_in_the_transaction(scene: Scene, postgres: Postgres, moment: str) -> None:
    scene.catalog.sql(STOP)
    if moment != "queued":
        scene.catalog.sql(AT_USERS if moment == "users-written" else AT_COMMIT)
    colleague = psycopg.connect(scene.catalog.database.dsn)
    colleague.execute(WRITERS if moment == "queued" else GATE)
    run = Beside(scene)
    wait_until(waits(scene), moment)
    postgres.stop(signal.SIGQUIT)
    postgres.start()
    scene.catalog.sql(OPEN)
    done = run.result()
    assert done.ok()["tenants"][0]["counts"]["added"] == 25
    assert any("trying again" in str(text) for text in done.result["warnings"])
    assert scene.catalog.sql("SELECT round FROM llmops.m365_sync") == "1"
    assert matches(scene)


def test_database_that_stays_away(scene: Scene, postgres: Postgres) -> None:
    scene.microsoft.rules(Rule(DELTA, after=1, call=postgres.stop))
    run = scene.run(connect_timeout=2)
    assert run.result["error"]["kind"] in ("unreachable", "unavailable")
    postgres.start()
    assert scene.counts() == {"added": 25}


# Many tenants


def test_one_tenant_that_fails_does_not_keep_the_others_back(scene: Scene) -> None:
    other_id, client = "22222222-2222-3333-4444-555555555555", "99999999-0000-0000-0000-000000000002"
    other = tenant(other_id, 7, client, "another-secret")
    scene.microsoft.directories[other_id] = other
    scene.microsoft.authority.directories[other_id] = other
    scene.catalog.ok(
        "tenant",
        tenants=[
            {"tenant": "other-corp", "m365_tenant_id": other_id},
            {"tenant": "broken-corp", "m365_tenant_id": other_id},
        ],
    )
    listed = [
        {"tenant": "broken-corp", "client_id": client, "client_secret": "wrong-secret"},
        {"tenant": TENANT},
        {"tenant": "other-corp", "client_id": client, "client_secret": "another-secret", "guests": True},
    ]
    run = scene.run(tenant=None, tenants=listed, fail_at_end=False)
    results = {result["tenant"]: result for result in run.ok()["tenants"]}
    assert run.changed and run.result["failed_tenants"] == ["broken-corp"]
    assert results["broken-corp"]["error"]["kind"] == "m365_bad_secret"
    assert results[TENANT]["counts"]["added"] == 25 and results["other-corp"]["counts"]["added"] == 7
    assert scene.catalog.count("users", "tenant = 'broken-corp'") == 0
    for secret in (SECRET, "another-secret", "wrong-secret"):
        assert secret not in run.stdout
    failing = scene.run(tenant=None, tenants=listed)
    assert failing.failed and "broken-corp" in failing.msg and "1 of 3 tenants failed" in failing.msg
    assert len(failing.result["tenants"]) == 3 and not failing.result["tenants"][1]["failed"]


def test_full_disk(scene: Scene) -> None:
    """It stops one tenant with one clear line; the smaller one that comes after it has room."""
    other_id = "22222222-2222-3333-4444-555555555555"
    other = tenant(other_id, 5, CLIENT_ID, SECRET)
    scene.microsoft.directories[other_id] = scene.microsoft.authority.directories[other_id] = other
    scene.catalog.ok("tenant", tenant="other-corp", m365_tenant_id=other_id)
    scene.directory.resize(12_000)
    scene.microsoft.service.delta_page = 999
    listed = [{"tenant": TENANT}, {"tenant": "other-corp"}]
    with small_disk(1) as folder:
        run = scene.run(tenant=None, tenants=listed, fail_at_end=False, env={"TMPDIR": str(folder)})
    full, fits = run.ok()["tenants"]
    assert full["error"]["kind"] == "m365_spool" and "No space left" in full["msg"] and "TMPDIR" in full["msg"]
    assert fits["counts"]["added"] == 5 and scene.users() == {}


def test_state_of_tenants(scene: Scene) -> None:
    scene.catalog.ok("tenant", tenant="plain-corp")
    before = scene.catalog.ok("m365_sync_info")["tenants"]
    assert [(row["tenant"], row["rounds"], row["last_run"]) for row in before] == [(TENANT, 0, None)]
    scene.sync()
    scene.directory.remove(scene.id(1))
    scene.sync()
    state = scene.catalog.ok("m365_sync_info", tenants=[TENANT])["tenants"][0]
    assert (state["rounds"], state["last_mode"], state["active"], state["inactive"]) == (2, "delta", 24, 1)
    assert state["counts"]["disabled"] == 1 and state["next_full"] > state["last_full"]
    assert scene.catalog.sql("SET ROLE llmops_auditor; SELECT round FROM llmops.m365_sync") == "2"
    with pytest.raises(BenchError, match="permission denied"):
        scene.catalog.sql("SET ROLE llmops_auditor; SELECT delta_link FROM llmops.m365_sync")
