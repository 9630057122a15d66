# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the bench: started with a log and a pid file, ended by process id."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path


class BenchError(Exception):
    """A part of the bench does not do what it should; the message says which, and where its log is."""


def wait_until(ready: Callable[[], object], what: str, timeout: float = 300.0, interval: float = 0.03) -> None:
    """Call ``ready`` until it returns something true.

    Args:
        ready: Called again and again; an ``OSError`` counts as not ready.
        what: Named in the error.
        timeout: Seconds to wait at most; much more than it takes, as CI's machines are slow.
        interval: Seconds between two calls.

    Raises:
        BenchError: It was not ready in time.
    """
    end = time.monotonic() + timeout
    while True:
        try:
            if ready():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise BenchError(f"{what} was not ready after {timeout:g} s")
        time.sleep(interval)


def _stat(folder: Path) -> list[str]:
    # The command name may hold spaces and brackets, so only what follows the last bracket is split.
    return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()


def alive(pid: int) -> bool:
    """Whether any thread of the process runs: the first may be a zombie while others hold its ports; a whole zombie does not."""
    try:
        return any(_runs(thread) for thread in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False


def _runs(thread: Path) -> bool:
    try:
        return _stat(thread)[0] not in "ZX"
    except (OSError, IndexError):
        return False


def start_time(pid: int) -> str:
    """Start of the process in clock ticks since boot: with it a process id names one process for good."""
    return _stat(Path(f"/proc/{pid}"))[19]


class Server:
    """A long-running process that any process of the bench may start, find again and end.

    Args:
        name: Name of the part; the pid file and the log are named after it.
        folder: Folder of the pid file and the log.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.pid_file = folder / f"{name}.pid"
        self.log = folder / f"{name}.log"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it does not run."""
        try:
            pid, started = self.pid_file.read_text().split()
            if alive(int(pid)) and start_time(int(pid)) == started:
                return int(pid)
        except (OSError, ValueError):
            pass
        return None

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None, user: str | None = None) -> None:
        """Start the server in a session of its own, its output appended to the log.

        Args:
            command: The program and its arguments.
            env: Its whole environment; this process's by default.
            user: Account that it runs as, with that account's group alone.

        Raises:
            BenchError: It runs already.
        """
        if self.pid:
            raise BenchError(f"{self.name} runs already, as process {self.pid}")
        if user:
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
        pid = os.posix_spawnp(
            command[0],
            command,
            dict(os.environ if env is None else env),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        self.pid_file.write_text(f"{pid} {start_time(pid)}\n")

    def wait_ready(self, ready: Callable[[], object], timeout: float = 300.0) -> None:
        """Wait until ``ready`` is true; at the end of the process or of the time, raise with the end of the log."""

        def ready_or_dead() -> bool:
            if not self.pid:
                raise BenchError(f"{self.name} ended at once")
            return bool(ready())

        try:
            wait_until(ready_or_dead, self.name, timeout)
        except BenchError as error:
            raise BenchError(f"{error}; the end of {self.log}:\n{self.log_tail()}") from error

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, how: int = signal.SIGTERM, timeout: float = 120.0) -> None:
        """Send a signal and wait for the end; a server that outlives the time is killed."""
        pid = self.pid
        if pid:
            os.kill(pid, how)
            try:
                wait_until(lambda: not alive(pid), self.name, timeout)
            except BenchError:
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: not alive(pid), self.name)
        self.pid_file.unlink(missing_ok=True)


def processes() -> dict[int, int]:
    """All processes as {process id: parent's process id}."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = int(_stat(Path(f"/proc/{entry}"))[1])
            except (OSError, IndexError):
                continue
    return found


def marked(marker: str) -> set[int]:
    """Processes whose environment at their start held ``marker``, such as ``LLMOPS_TEST_RUN=<uuid>``."""
    wanted = marker.encode()
    found = set()
    for pid in processes():
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
        except OSError:
            continue
    return found


def descendants(pids: Iterable[int]) -> set[int]:
    """The given processes and all that descend from them, whatever their session."""
    parents = processes()
    found = {pid for pid in pids if pid in parents}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def kill_tree(pid: int, how: int = signal.SIGKILL, marker: str | None = None, timeout: float = 300.0) -> set[int]:
    """End a whole process tree, workers in sessions of their own and orphans included.

    Ansible's workers outlive a killed ``ansible-playbook``: once their parent is gone, only the environment that they
    inherited still tells whose they are.

    Args:
        pid: The root of the tree.
        how: The signal; after ``SIGKILL`` the processes found are waited for.
        marker: ``NAME=value`` that the root was started with in its environment.
        timeout: Seconds to wait at most.

    Returns:
        The process ids that got the signal.
    """
    hit: set[int] = set()
    own = os.getpid()
    while True:
        found = (descendants({pid}) | (descendants(marked(marker)) if marker else set())) - hit - {own}
        found = {one for one in found if alive(one)}
        if not found:
            break
        if how == signal.SIGKILL:
            # Stopped first, so that none starts another between the look and the kill.
            _signal(found, signal.SIGSTOP)
        _signal(found, how)
        hit |= found
        if how != signal.SIGKILL:
            return hit
    wait_until(lambda: not any(map(alive, hit)), f"the end of processes {sorted(hit)}", timeout)
    return hit


def _signal(pids: Iterable[int], how: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            continue
