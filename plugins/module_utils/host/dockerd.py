# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker Engine as a process of the machine: does it answer, start it without systemd, stop it. Standard library only:
it runs before the SDK is there; what the engine holds is the business of module_utils/engine."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import process
from ansible_collections.llmops.tenancy.plugins.module_utils.host.system import SEARCH_PATH

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_FINAL = ("failed to start", "level=fatal", "panic:")
# What is said of an engine that does not answer, or is not one of this machine. What it holds is unknown, which is not nothing.
UNKNOWN: dict[str, Any] = {"answers": False, "version": None, "containers": None, "volumes": None, "error": "not asked"}


@dataclass(frozen=True)
class Daemon:
    """How a Docker Engine of this machine is started.

    :param url: ``unix://`` URL that it listens on.
    :param executable: path or name of dockerd.
    :param data_root: images, volumes and containers. Empty for dockerd's own default, as for the next three.
    :param exec_root: state of what runs.
    :param pidfile: file with its process id.
    :param bridge: default bridge network, ``none`` for none at all.
    :param config_file: daemon.json.
    :param log_file: its output.
    :param arguments: further arguments of dockerd.
    :param timeout: seconds to wait until it answers, or has ended.
    """

    url: str
    executable: str = "dockerd"
    data_root: str = ""
    exec_root: str = ""
    pidfile: str = "/var/run/docker.pid"
    bridge: str = ""
    config_file: str = ""
    log_file: str = "/var/log/dockerd.log"
    arguments: tuple[str, ...] = ()
    timeout: int = 60

    def command(self) -> list[str]:
        """The command line of dockerd."""
        options = {
            "--host": self.url,
            "--pidfile": self.pidfile,
            "--data-root": self.data_root,
            "--exec-root": self.exec_root,
            "--bridge": self.bridge,
            "--config-file": self.config_file,
        }
        return [self.executable, *(f"{key}={value}" for key, value in options.items() if value), *self.arguments]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _get(url: str, path: str, timeout: float) -> Any:
    connection = _UnixConnection(urlsplit(url).path, timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise OSError(f"HTTP {response.status}: {body.decode(errors='replace').strip()[:200]}")
        return json.loads(body)
    finally:
        connection.close()


def probe(url: str, timeout: float = 5) -> dict[str, Any]:
    """Whether an engine answers at ``url`` (``unix://``): ``answers``, ``version``, how much it holds, and why it does not answer."""
    try:
        version = _get(url, "/version", timeout)
        containers = _get(url, "/containers/json?all=1", timeout)
        volumes = _get(url, "/volumes", timeout)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return {**UNKNOWN, "error": reason}
    return {
        "answers": True,
        "version": version.get("Version"),
        "containers": len(containers),
        "volumes": len(volumes.get("Volumes") or []),
        "error": None,
    }


def daemon_pid(pidfile: str) -> int | None:
    """Process id of the dockerd that ``pidfile`` names; None when it names none, or a process that is no dockerd."""
    try:
        pid = int(Path(pidfile).read_text(encoding="ascii").strip())
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return pid if name == "dockerd" else None


def started_before(pid: int, path: str) -> bool:
    """Whether the process began before the file was last changed, so that it cannot have read what the file says now."""
    try:
        changed = os.stat(path).st_mtime
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # Not by the time of the boot: /proc/stat has it in whole seconds only, and an engine is started within one
        # after its file was written. Nor by a file: a machine that is busy takes its time between the two clocks.
        uptime, now = time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    except (OSError, ValueError):
        return False
    # Field 22 of proc(5), counted from the state; clock ticks since the boot.
    return now - (uptime - int(fields[19]) / _CLOCK_TICKS) < changed


def start(daemon: Daemon) -> int:
    """Start dockerd in a session of its own and wait until it answers.

    :returns: its process id.
    :raises TenancyError: ``engine_not_started``, with the last lines of its log.
    """
    pid = daemon_pid(daemon.pidfile)
    if pid is not None:  # still starting, or an earlier run was cut off while it waited
        _wait(daemon, lambda: None)
        return pid
    # dockerd refuses to start when any process has the id in a file that a crash left behind.
    Path(daemon.pidfile).unlink(missing_ok=True)
    for folder in (daemon.pidfile, daemon.log_file, urlsplit(daemon.url).path):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
    executable = shutil.which(daemon.executable, path=SEARCH_PATH)
    if not executable:
        raise TenancyError(
            f"Docker Engine could not be started: there is no {daemon.executable}",
            cause="it is not installed, or not in PATH",
            remedy="Install the engine (role docker_host does), or give the path of dockerd",
            kind="engine_not_started",
        )
    # What an earlier engine wrote there explains nothing of this one.
    since = os.path.getsize(daemon.log_file) if os.path.exists(daemon.log_file) else 0
    pid = process.spawn([executable, *daemon.command()[1:]], daemon.log_file)
    _wait(daemon, lambda: process.exit_code(pid), since)
    return pid


def stop(daemon: Daemon) -> None:
    """Ask the dockerd of the pidfile to end and wait for it.

    :raises TenancyError: ``engine_not_stopped``.
    """
    pid = daemon_pid(daemon.pidfile)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + daemon.timeout
    while process.lives(pid):
        if time.monotonic() > deadline:
            raise TenancyError(
                f"Docker Engine (process {pid}) did not end within {daemon.timeout} s",
                cause=f"see the end of {daemon.log_file}: {process.log_tail(daemon.log_file, final=_FINAL)}",
                remedy="Look for a container that does not stop, and run this again",
                kind="engine_not_stopped",
            )
        time.sleep(0.1)


def _wait(daemon: Daemon, ended: Callable[[], int | None], since: int = 0) -> None:
    deadline = time.monotonic() + daemon.timeout
    while True:
        answer = probe(daemon.url, timeout=2)
        if answer["answers"]:
            return
        code = ended()
        if code is not None or time.monotonic() > deadline:
            what = f"ended with code {code}" if code is not None else f"did not answer within {daemon.timeout} s"
            raise TenancyError(
                f"Docker Engine at {daemon.url} {what}",
                cause=process.log_tail(daemon.log_file, since, _FINAL) or str(answer["error"]),
                remedy=f"Mend what the log {daemon.log_file} says and run this again",
                kind="engine_not_started",
            )
        time.sleep(0.1)
