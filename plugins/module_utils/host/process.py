# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers as processes of a machine that systemd does not run: each in a session of its own, with a file for its process
id and one for its output. Standard library only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host.system import SEARCH_PATH

_LOG_LINES = 5
_BEAT = 0.05
# A program that can not start may show how it is called at the end, and before that why.
_TELLING = ("rror", "ALERT", "fatal")


@dataclass(frozen=True)
class Server:
    """A server of this machine.

    :param name: how to call it. :param command: with its arguments; it must stay in the foreground.
    :param listens: ``host:port`` that it answers at once it is up.
    :param user: who runs it; empty for the one who starts it. :param timeout: seconds to start, or to end.
    """

    name: str
    command: tuple[str, ...]
    pidfile: str
    log_file: str
    listens: str
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 30

    def pid(self) -> int | None:
        """Its process id; None when it does not run. A number that was given to another program since is not it."""
        try:
            pid = int(Path(self.pidfile).read_text(encoding="ascii").strip())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if words[1:] == [os.fsencode(word) for word in self.command[1:]] else None


def start(server: Server) -> int:
    """Start it and wait until it answers.

    :returns: its process id.
    :raises TenancyError: ``server_not_started``, with the last lines of its log.
    """
    pid = server.pid()
    if pid is not None:  # an earlier run was cut off while it waited
        _wait(server, pid, 0, ours=False)
        return pid
    executable = shutil.which(server.command[0], path=SEARCH_PATH)
    if not executable:
        raise _not_started(server, f"there is no program {server.command[0]}", "Install its package")
    if _answers(server.listens):
        raise _not_started(server, f"another program listens at {server.listens}", "Stop it, or choose another port")
    for path in (server.pidfile, server.log_file):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    since = os.path.getsize(server.log_file) if os.path.exists(server.log_file) else 0
    pid = spawn([executable, *server.command[1:]], server.log_file, server.user, server.environment)
    Path(server.pidfile).write_text(f"{pid}\n", encoding="ascii")
    _wait(server, pid, since, ours=True)
    return pid


def stop(server: Server) -> None:
    """Ask it to end, and wait until it has.

    :raises TenancyError: ``server_not_stopped``.
    """
    pid = server.pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + server.timeout
        while lives(pid):
            if time.monotonic() > deadline:
                raise TenancyError(
                    f"{server.name} (process {pid}) did not end within {server.timeout} s",
                    cause=log_tail(server.log_file) or "its log says nothing",
                    remedy="See what it waits for, and run this again",
                    kind="server_not_stopped",
                )
            time.sleep(_BEAT)
    Path(server.pidfile).unlink(missing_ok=True)


def spawn(command: Sequence[str], log_file: str, user: str = "", environment: Mapping[str, str] | None = None) -> int:
    """Process id of ``command``, started in a session of its own, so that neither the end of Ansible nor Ctrl-C reaches it."""
    account = pwd.getpwnam(user) if user else None
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if account:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        os.execve(command[0], list(command), {**os.environ, **(environment or {})})
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        # Only where it could not be started: nothing of the module may go on in the child.
        os._exit(127)


def exit_code(pid: int) -> int | None:
    """How a child ended, None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def log_tail(path: str, since: int = 0, final: Sequence[str] = ()) -> str:
    """The last lines that were written after the first ``since`` bytes.

    :param final: words of lines that say it all: a crash ends with a long trace, and what it was about stands before it.
    """
    try:
        with open(path, "rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(since, log.tell() - 65536))
            lines: Sequence[str] = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    telling = [line for line in lines if any(word in line for word in final)]
    return " | ".join((telling or lines)[-_LOG_LINES:])


def lives(pid: int) -> bool:
    """Whether a process still holds anything: its first thread may be dead while others have yet to let go of its ports."""
    try:
        return any(_state(f"/proc/{pid}/task/{thread}/stat") not in "ZX" for thread in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False


def _state(path: str) -> str:
    """State of a thread, X when it is gone."""
    try:
        return Path(path).read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _wait(server: Server, pid: int, since: int, *, ours: bool) -> None:
    deadline = time.monotonic() + server.timeout
    while not _answers(server.listens):
        ended = exit_code(pid) if ours else (None if server.pid() == pid else 0)
        if ended is not None or time.monotonic() > deadline:
            how = f"it ended with code {ended}" if ended is not None else f"it did not answer within {server.timeout} s"
            said = log_tail(server.log_file, since, _TELLING)
            raise _not_started(server, f"{how}: {said}" if said else how, f"Mend what its log {server.log_file} says")
        time.sleep(_BEAT)


def _answers(listens: str) -> bool:
    host, _colon, port = listens.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except OSError:
        return False


def _not_started(server: Server, cause: str, remedy: str) -> TenancyError:
    return TenancyError(f"{server.name} could not be started", cause=cause, remedy=remedy, kind="server_not_started")
