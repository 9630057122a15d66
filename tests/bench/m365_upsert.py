# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast users of Microsoft 365 come into the catalog, against one upsert per user, in one run on the bench.

``make bench BENCH=m365_upsert``. It measures and never fails for
being slow; it fails when a side did not do its work, or when a delta reads more of the catalog than it changes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from tests.support.graph import StandIn, tenant

TENANT_ID, CLIENT_ID, SECRET = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555", "s3cr3t"
UPSERT = """
INSERT INTO llmops.users AS u (tenant, email, name, role, active, source, external_id, department, job_title, user_type, directory_active)
VALUES ('row-corp', %s, %s, 'viewer', true, 'm365', %s, %s, %s, 'member', true)
ON CONFLICT (tenant, external_id) WHERE external_id IS NOT NULL DO UPDATE SET email = excluded.email, name = excluded.name,
    department = excluded.department, job_title = excluded.job_title, active = excluded.active
WHERE (u.email, u.name, u.department, u.job_title, u.active)
    IS DISTINCT FROM (excluded.email, excluded.name, excluded.department, excluded.job_title, excluded.active)
"""


def module(name: str, options: dict[str, Any]) -> tuple[dict[str, Any], float, int]:
    """Run a module: its result, seconds, and the memory that it needed in MiB."""
    path = f"{ROOT / '.collections'}{os.pathsep}{ROOT}"
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.run_module"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps({"module": name, "args": options}))
    process.stdin.close()
    output = process.stdout.read()
    _pid, _status, usage = os.wait4(process.pid, 0)
    result = json.loads(output)
    if result.get("failed"):
        sys.exit(f"{name}: {result.get('msg')}")
    return result, time.monotonic() - began, usage.ru_maxrss // 1024


def row_by_row(dsn: str, users: list[tuple[Any, ...]], triggers: bool) -> float:
    """Users per second with one statement each, in one transaction."""
    with psycopg.connect(dsn) as conn:
        conn.execute(f"SET LOCAL session_replication_role = {'origin' if triggers else 'replica'}")
        began = time.monotonic()
        for user in users:
            conn.execute(UPSERT, user)
        conn.commit()
        return len(users) / (time.monotonic() - began)


def reads(conn: psycopg.Connection[Any]) -> int:
    """Rows of the users' table that were read so far."""
    # What this very session read is told to the statistics late otherwise, and would count for the next delta.
    conn.execute("SELECT pg_stat_force_next_flush()")
    time.sleep(1.2)
    row = conn.execute(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE schemaname = 'llmops' AND relname = 'users'"
    ).fetchone()
    return int(row[0])


def playbook(arguments: list[str], dsn: str) -> tuple[float, float, int]:
    """Seconds and CPU seconds of a run of ansible-playbook, and the MiB of the largest of its processes."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-playbook")), *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LLMOPS_CATALOG_DSN": dsn, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": SECRET},
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        if status:
            output.seek(0)
            sys.exit(output.read())
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main() -> int:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=10_000, help="users of the row-by-row side")
    parser.add_argument("--deltas", type=int, default=5)
    options = parser.parse_args()
    subprocess.run(["psql", "-q", "-d", "postgres", "-c", "CREATE DATABASE m365"], check=True)
    dsn = "dbname=m365"
    module("catalog", {"catalog_dsn": dsn})
    module(
        "tenant",
        {
            "catalog_dsn": dsn,
            "tenants": [
                {"tenant": "empresa-corp", "m365_tenant_id": TENANT_ID},
                {"tenant": "row-corp"},
            ],
        },
    )
    directory = tenant(TENANT_ID, options.users, CLIENT_ID, SECRET)
    with tempfile.TemporaryDirectory() as folder, StandIn(Path(folder), directory) as microsoft:
        measure(options, dsn, directory, microsoft)
    return 0


def measure(options: argparse.Namespace, dsn: str, directory: Any, microsoft: StandIn) -> None:
    """Run both sides and the deltas."""
    users = []
    for number in range(options.rows):
        user = directory.get(directory.id_of(number))
        users.append((user["mail"], user["displayName"], user["id"], user["department"], user["jobTitle"]))
    rows = {
        "new": row_by_row(dsn, users, triggers=True),
        "unchanged": row_by_row(dsn, users, triggers=True),
    }
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("DELETE FROM llmops.users WHERE tenant = 'row-corp'")
    bare = {"new": row_by_row(dsn, users, triggers=False), "unchanged": row_by_row(dsn, users, triggers=False)}
    known = {
        "authority_url": microsoft.sign_in.url,
        "graph_url": microsoft.graph.url,
        "ca_path": str(microsoft.ca_path),
    }
    given = {
        "catalog_dsn": dsn,
        "tenant": "empresa-corp",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "mode": "full",
        **known,
    }
    ours, memory = {}, {}
    for name in ("new", "unchanged"):
        result, seconds, memory[name] = module("m365_sync", given)
        found = result["tenants"][0]
        if found["counts"]["added" if name == "new" else "unchanged"] != options.users:
            sys.exit(f"{name}: {found['counts']}")
        ours[name] = options.users / found["catalog_seconds"]
        print(f"{name}: {options.users} users, {seconds:.1f} s in all, {found['catalog_seconds']:.2f} s in the catalog")
    print(f"\n{'users per second':<42} {'new':>10} {'unchanged':>10}")
    for title, figures in (
        ("row by row, audited", rows),
        ("row by row, without any trigger", bare),
        ("m365_sync, audited", ours),
    ):
        print(f"{title:<42} {figures['new']:>10.0f} {figures['unchanged']:>10.0f}")
    for title, figures in (("ratio to audited rows", rows), ("ratio to bare rows", bare)):
        print(f"{title:<42} {ours['new'] / figures['new']:>10.1f} {ours['unchanged'] / figures['unchanged']:>10.1f}")
    print(f"{'resident memory, MiB':<42} {memory['new']:>10} {memory['unchanged']:>10}")
    deltas(options, dsn, directory, known)


def deltas(options: argparse.Namespace, dsn: str, directory: Any, known: dict[str, str]) -> None:
    """100 changes among all users, through the playbook."""
    arguments = [
        "playbooks/sync_m365.yml",
        "-e",
        json.dumps({"tenant": "empresa-corp", **{f"m365_{k}": v for k, v in known.items()}}),
    ]
    with tempfile.TemporaryDirectory() as folder, psycopg.connect(dsn, autocommit=True) as conn:
        idle = Path(folder) / "idle.yml"
        idle.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n")
        seconds, cpu, empty = [], [], []
        for number in range(options.deltas):
            for key in range(100):
                directory.set(directory.id_of(key * 7), displayName=f"Changed {number}")
            before = reads(conn)
            took = playbook(arguments, dsn)
            read = reads(conn) - before
            changed = conn.execute(
                "SELECT count(*) FROM llmops.users WHERE name = %s", (f"Changed {number}",)
            ).fetchone()
            if changed != (100,):
                sys.exit(f"delta {number} changed {changed} users")
            if read > 5_000:
                sys.exit(f"delta {number} read {read} rows of the users' table for 100 changes")
            seconds.append(took[0])
            cpu.append(took[1])
            took = playbook([str(idle)], dsn)
            empty.append(took[0])
            idle_size = took[2]
    print(
        f"\ndelta of 100 changes among {options.users} users, ansible-playbook and all: median {statistics.median(seconds):.2f} s"
        f" ({statistics.median(cpu):.2f} s of CPU), {read} rows of the users' table read"
    )
    _took, _cpu, whole = playbook([*arguments, "-e", "m365_mode=full"], dsn)
    print(f"all {options.users} users through the playbook: its largest process has {whole} MiB, without users {idle_size} MiB")
    print(f"a playbook that does nothing, beside it: median {statistics.median(empty):.2f} s")


if __name__ == "__main__":
    sys.exit(main())
