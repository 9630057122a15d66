# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opens connections to the catalog, the only place that does, and says what is wrong when one can't be opened."""

from __future__ import annotations

import os
import pwd
import re
import time
from dataclasses import dataclass
from typing import Any

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.rows import dict_row
except ImportError:
    # The option group reports a missing library before anything here is called.
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import CatalogSettings

DEFAULT_DATABASE = "llmops"

# libpq reports a refused connection as text alone, without a code. First match wins.
_CAUSES = (
    (
        r"received invalid response|invalid response to|unexpected response",
        "unreachable",
        "what answers there is no PostgreSQL",
        "Check host and port (PGHOST, PGPORT)",
    ),
    (
        r"password authentication failed|no password supplied|SCRAM exchange|authentication failed .*password",
        "wrong_password",
        "the password is wrong or missing",
        "Correct catalog_password, LLMOPS_CATALOG_PASSWORD or the entry in ~/.pgpass",
    ),
    (
        r"peer authentication failed|ident authentication failed",
        "wrong_role",
        "the operating system user {os_user} may not connect as this role",
        "Run as an operating system user of that name, name another role (user=…), or map it in pg_ident.conf",
    ),
    (
        r"role \"?.*\"? does not exist",
        "wrong_role",
        "the server knows no such role",
        "Name another role (user=…), or create it: CREATE ROLE {user} LOGIN IN ROLE llmops_operator",
    ),
    (
        r"database \"?.*\"? does not exist",
        "database_missing",
        "the server has no such database",
        "Create it with llmops.tenancy.catalog and create_database=true, or name another (dbname=…)",
    ),
    (
        r"permission denied for database",
        "no_permission",
        "the role may not connect to this database",
        "GRANT CONNECT ON DATABASE {dbname} TO {user}",
    ),
    (
        r"no pg_hba.conf entry",
        "access_refused",
        "the server's pg_hba.conf lets nobody in from here that way",
        "Add an entry there; if it demands TLS, set sslmode=require",
    ),
    (
        r"certificate|SSL|TLS",
        "tls",
        "TLS did not come about",
        "Check sslmode, sslrootcert and the server's certificate",
    ),
    (
        r"definition of service .* not found|service file",
        "service_missing",
        "libpq knows no such service",
        "Check PGSERVICE, ~/.pg_service.conf and PGSERVICEFILE",
    ),
    (
        r"too many clients|too many connections|remaining connection slots",
        "busy",
        "the server has no free connection",
        "Try again later, or raise max_connections",
    ),
    (
        r"starting up|shutting down|recovery mode|not yet accepting",
        "unavailable",
        "the server is starting or stopping",
        "Try again in a moment",
    ),
    (
        r"could not translate host name|failed to resolve|Name or service not known|failure in name resolution",
        "unreachable",
        "the host name can't be resolved",
        "Check host= and the name service",
    ),
    (
        r"timeout|timed out",
        "unreachable",
        "no answer within {connect_timeout} s",
        "Check host, port and firewall, or raise connect_timeout",
    ),
    (
        r"Connection refused|No such file or directory|could not connect|connection failed|No route|unreachable|closed",
        "unreachable",
        "no PostgreSQL answers there",
        "Check that it runs (playbook prepare_host starts the one it made) and that host and port are right (PGHOST, PGPORT)",
    ),
)
# A server that vanishes without a word is noticed in a minute and not in two hours, the kernel's default.
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
_RETRIED = ("unavailable", "busy")
_RETRY_PAUSE = 0.5


@dataclass(frozen=True)
class Target:
    """Where a connection goes, for messages. Holds no password."""

    host: str
    port: str
    dbname: str
    user: str

    def __str__(self) -> str:
        return f"catalog '{self.dbname}' at {self.host}:{self.port} as role '{self.user}'"


def parameters(settings: CatalogSettings, dbname: str | None = None) -> dict[str, Any]:
    """libpq connection parameters of the settings; what they leave out, libpq adds from its environment and files.

    :param dbname: another database of the same server, for its creation.
    :raises TenancyError: ``invalid_dsn``.
    """
    try:
        given: dict[str, Any] = dict(conninfo_to_dict(settings.dsn))
        readable = re.fullmatch(r"[\d,]*", str(given.get("port", "")))
    except psycopg.Error:
        readable = None
    if not readable:
        # Neither libpq's message nor the port is shown: with a stray / or @ in it, they hold the password.
        raise TenancyError(
            "catalog_dsn is not a libpq connection string or URI",
            cause="libpq can't read it",
            remedy="Write it as 'host=db.example.com dbname=llmops' or 'postgresql://db.example.com/llmops', and"
            " special characters of a password in a URI as %XX",
            kind="invalid_dsn",
        )
    if dbname:
        given["dbname"] = dbname
    elif not (
        given.get("dbname") or given.get("service") or os.environ.get("PGDATABASE") or os.environ.get("PGSERVICE")
    ):
        given["dbname"] = DEFAULT_DATABASE
    if settings.password:
        given["password"] = settings.password
    given.setdefault("application_name", "llmops.tenancy")
    given["connect_timeout"] = max(2, settings.connect_timeout)
    for name, value in _KEEPALIVES.items():
        given.setdefault(name, value)
    return given


def target(given: dict[str, Any]) -> Target:
    """Where these parameters lead, with libpq's own defaults filled in."""
    defaults = {
        option.keyword.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.val is not None
    }
    known = {**defaults, **{name: str(value) for name, value in given.items()}}
    user = known.get("user", "")
    return Target(
        host=known.get("host") or known.get("hostaddr") or "the local socket",
        port=known.get("port", "5432"),
        dbname=known.get("dbname") or user,
        user=user,
    )


def connect(
    settings: CatalogSettings, *, dbname: str | None = None, autocommit: bool = False
) -> psycopg.Connection[Any]:
    """An open connection with rows as dicts. A server that is just starting gets ``connect_timeout`` seconds.

    :raises TenancyError: kinds of ``_CAUSES``, naming host, port, database and role, never the password.
    """
    given = parameters(settings, dbname)
    deadline = time.monotonic() + settings.connect_timeout
    while True:
        try:
            # No prepared statements: the catalog may stand behind a pooler that swaps connections between transactions.
            return psycopg.connect(row_factory=dict_row, autocommit=autocommit, prepare_threshold=None, **given)
        except psycopg.Error as error:
            refusal = _refusal(error, given)
            if refusal.kind not in _RETRIED or time.monotonic() + _RETRY_PAUSE > deadline:
                raise refusal from None
        time.sleep(_RETRY_PAUSE)


def _refusal(error: psycopg.Error, given: dict[str, Any]) -> TenancyError:
    where = target(given)
    said = _last_line(str(error), given.get("password"))
    facts = {
        "user": where.user,
        "dbname": where.dbname,
        "connect_timeout": given["connect_timeout"],
        "os_user": os_user(),
    }
    for pattern, kind, cause, remedy in _CAUSES:
        if re.search(pattern, str(error), re.IGNORECASE):
            break
    else:
        kind, cause, remedy = "unreachable", "PostgreSQL refused", "Check the connection options"
    return TenancyError(
        f"Can't connect to {where}",
        cause=f"{cause.format(**facts)} ({said})",
        remedy=remedy.format(**facts),
        kind=kind,
        host=where.host,
        port=where.port,
        database=where.dbname,
        role=where.user,
    )


def _last_line(text: str, password: Any) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = next((line for line in reversed(lines) if "FATAL" in line or "failed" in line), lines[-1] if lines else "")
    return line.replace(str(password), "********") if password else line


def os_user() -> str:
    """The operating system user of this process, whatever the environment claims."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
