# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL cluster of the bench's own."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import uuid
from pathlib import Path

from tests.support.process import BenchError, Server
from tests.support.settings import ADDRESS, POSTGRES_PASSWORD, POSTGRES_PORT, Bench

OWNER = "postgres"
SETTINGS = {
    "listen_addresses": f"127.0.0.1,{ADDRESS}",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Everything that a client sends lands in the log: the tests look there for secrets.
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %u@%d %a ",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


def _binaries() -> Path:
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))


class Postgres:
    """The cluster. Its socket lets root connect as any role without a password; TCP wants one (SCRAM)."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.server = Server("postgresql", bench.logs)
        self.data = bench.folder / "pgdata"
        self.socket_folder = bench.folder / "pgsocket"
        self.host = "127.0.0.1"
        self.port = POSTGRES_PORT
        self.password = POSTGRES_PASSWORD

    @property
    def log(self) -> Path:
        """Log with every statement that any client sent."""
        return self.server.log

    def create(self) -> None:
        """Make the cluster."""
        account = pwd.getpwnam(OWNER)
        for folder in (self.data, self.socket_folder):
            # Whoever reaches the socket may be any role, so only root and the server's own account do.
            folder.mkdir(mode=0o700)
            os.chown(folder, account.pw_uid, account.pw_gid)
        password_file = self.bench.folder / "pgpassword"
        password_file.write_text(POSTGRES_PASSWORD)
        os.chown(password_file, account.pw_uid, account.pw_gid)
        password_file.chmod(0o600)
        done = subprocess.run(
            [str(_binaries() / "initdb"), "--pgdata", str(self.data), "--username", OWNER, "--encoding", "UTF8"]
            + ["--locale", "C.UTF-8", "--auth-local", "trust", "--auth-host", "scram-sha-256"]
            + ["--pwfile", str(password_file), "--no-sync"],
            user=OWNER,
            group=OWNER,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"initdb: {done.stderr.strip()}")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
        with (self.data / "postgresql.conf").open("a") as settings:
            for name, value in (SETTINGS | {"unix_socket_directories": str(self.socket_folder)}).items():
                settings.write(f"{name} = '{value}'\n")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self.server.start([str(_binaries() / "postgres"), "-D", str(self.data)], env=environment, user=OWNER)
        self.server.wait_ready(self.answers)

    def answers(self) -> bool:
        """Whether the server takes connections."""
        command = [str(_binaries() / "pg_isready"), "--quiet", "--host", str(self.socket_folder)]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop the server: ``SIGINT`` ends sessions at once, ``SIGQUIT`` is a crash, ``SIGTERM`` waits for clients."""
        self.server.stop(how)

    def restart(self) -> None:
        """Stop and start the server; sessions are ended."""
        self.stop()
        self.start()

    def sql(self, statement: str, database: str = "postgres", role: str = OWNER) -> str:
        """Run a statement with psql through the socket; return its rows, columns separated by ``|``."""
        done = subprocess.run(
            [str(_binaries() / "psql"), "--no-psqlrc", "--tuples-only", "--no-align", "--quiet"]
            + ["--set", "ON_ERROR_STOP=1", "--host", str(self.socket_folder), "--port", str(self.port)]
            + ["--username", role, "--dbname", database, "--command", statement],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def fresh_database(self, template: str = "template1") -> str:
        """Make a new database, a copy of ``template``, and return its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its sessions."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def dsn(self, database: str, role: str = OWNER) -> str:
        """Connection string through the socket, without a password."""
        return f"host={self.socket_folder} port={self.port} dbname={database} user={role}"

    def tcp_dsn(self, database: str, role: str = OWNER) -> str:
        """Connection string over TCP without its password (that of the superuser is ``password``)."""
        return f"host={self.host} port={self.port} dbname={database} user={role}"
