# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs: pulls that outlive the module call which started them.

A job is a directory that its owner alone may read: ``status.json`` (written by the worker, replaced as a whole),
``context.json`` (what the caller wants to remember), ``lease`` (touched by whoever waits), ``cancel`` (made to end it)
and ``lock``. The worker holds a lock on the last one as long as it lives, so the kernel tells whether it still does,
after a kill and after a reboot too, and a process id that was given out again fools nobody.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# Without a sign of life from its waiter for so many seconds, a job that is waited for ends.
LEASE = 60.0
_KEEP_FINISHED = 24 * 3600.0
_KEEP_BROKEN = 300.0
_POLL = 0.05
_JOB = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Job:
    """One job, by its directory."""

    path: str

    @property
    def name(self) -> str:
        """What to call it."""
        return os.path.basename(self.path)

    def file(self, name: str) -> str:
        """Path of one of its files."""
        return os.path.join(self.path, name)

    def status(self) -> dict[str, Any]:
        """What the worker wrote last: ``finished``, ``steps``…; empty before its first word."""
        return _read_json(self.file("status.json"))

    def context(self) -> dict[str, Any]:
        """What the one who started it wanted to remember."""
        return _read_json(self.file("context.json"))

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Replace a file of it as a whole."""
        with open(self.file(name + ".new"), "w", encoding="utf-8") as out:
            json.dump(value, out)
        os.replace(self.file(name + ".new"), self.file(name))

    def renew(self) -> None:
        """Tell the worker that someone still waits."""
        _touch(self.file("lease"))

    def cancel(self) -> None:
        """Tell the worker to end."""
        _touch(self.file("cancel"))

    def cancelled(self) -> bool:
        """Whether it was told to end, or its directory was taken away."""
        return os.path.exists(self.file("cancel")) or not os.path.exists(self.path)

    def silence(self) -> float:
        """Seconds since someone last told that they wait."""
        return time.time() - _changed(self.file("lease"))

    def lock(self) -> int:
        """Take the worker's lock; the descriptor holds it. Whoever asks whether the worker lives has it for a moment."""
        descriptor = self._open_lock()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def alive(self) -> bool:
        """Whether its worker lives."""
        try:
            descriptor = self._open_lock()
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two who ask at once don't take each other for the worker.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _open_lock(self) -> int:
        return os.open(self.file("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def remove(self) -> None:
        """Forget it."""
        shutil.rmtree(self.path, ignore_errors=True)


def root() -> str:
    """The directory of all jobs of this user, made when it is not there.

    :raises TenancyError: ``unsafe_state_directory`` when another user made it, who could read or forge what is in it.
    """
    path = os.path.join(tempfile.gettempdir(), f"llmops-tenancy-{os.geteuid()}")
    if not os.path.lexists(path):
        os.makedirs(path, mode=0o700, exist_ok=True)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise TenancyError(
            f"'{path}' can't be used to keep track of pulls",
            cause="it belongs to another user, or others may open it",
            remedy=f"Remove it, or make it yours alone: chown {os.geteuid()} and chmod 700",
            kind="unsafe_state_directory",
        )
    return path


def create(context: Mapping[str, Any]) -> Job:
    """A new job, without a worker yet."""
    job = Job(os.path.join(root(), secrets.token_hex(8)))
    os.mkdir(job.path, 0o700)
    job.write("context.json", context)
    job.renew()
    return job


def find(name: str) -> Job:
    """The job of that name.

    :raises TenancyError: ``no_such_job``.
    """
    job = Job(os.path.join(root(), name))
    if not _JOB.fullmatch(name) or not job.context():
        raise TenancyError(
            f"There is no pull '{name}' on this host",
            cause="its directory is gone or damaged: the host was restarted, or the directory was cleaned up",
            remedy="Run again: what was pulled is kept",
            kind="no_such_job",
        )
    return job


def every() -> Iterator[Job]:
    """All jobs of this user, oldest first."""
    names = [name for name in os.listdir(root()) if _JOB.fullmatch(name)]
    jobs = [(_changed(os.path.join(root(), name)), name) for name in names]
    for _time, name in sorted(jobs):
        yield Job(os.path.join(root(), name))


def wait(job: Job, patience: float | None) -> dict[str, Any]:
    """Wait until a job is finished or its worker dead, and give its status.

    :param patience: seconds after which to come back in any case; None for no end.
    """
    started = time.monotonic()
    while True:
        job.renew()
        status = job.status()
        waited = time.monotonic() - started
        if status.get("finished") or not job.alive() or (patience is not None and waited >= patience):
            return job.status()
        time.sleep(_POLL)


def check_alive(job: Job) -> None:
    """Accept a job that is not finished, if there is still hope.

    :raises TenancyError: ``worker_died``; the job is forgotten then.
    """
    if not job.alive():
        job.remove()
        raise TenancyError(
            "The process that brings the models has ended before it was done",
            cause="it was killed, or the host was restarted",
            remedy="Run again: what was pulled is kept",
            kind="worker_died",
        )


def tidy() -> None:
    """Forget the jobs that nobody will ask for any more."""
    for job in every():
        age = time.time() - _changed(job.path)
        keep = _KEEP_FINISHED if job.status().get("finished") else _KEEP_BROKEN
        if age > keep and not job.alive():
            job.remove()


def _touch(path: str) -> None:
    with open(path, "a", encoding="utf-8"):
        os.utime(path)


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _read_json(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as content:
            found = json.load(content)
    except (FileNotFoundError, ValueError):
        # After a crash of the host, or on a disk that was full, a file can be empty or cut.
        return {}
    return found if isinstance(found, dict) else {}
