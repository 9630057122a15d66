# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules and playbooks of the checkout for a test."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import module_server
from tests.support.process import kill_tree
from tests.support.settings import ROOT

RECAP = re.compile(r"^(\S+)\s+:\s+(ok=\d+.*)$", re.MULTILINE)


def environment(env: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of a run of the checkout, with ``env`` added."""
    paths = [str(ROOT / ".collections"), str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))} | dict(env or {})


@dataclass(frozen=True)
class ModuleRun:
    """What a module did: its exit code, its result, and what else it printed."""

    rc: int
    result: dict[str, Any]
    stdout: str
    stderr: str

    @property
    def failed(self) -> bool:
        """Whether the module failed."""
        return self.rc != 0 or bool(self.result.get("failed"))

    @property
    def changed(self) -> bool:
        """Whether the module says that it changed something."""
        return bool(self.result.get("changed"))

    @property
    def msg(self) -> str:
        """The module's message."""
        return str(self.result.get("msg", ""))

    def ok(self) -> dict[str, Any]:
        """The result of a module that must not fail."""
        assert not self.failed, f"the module failed: {self.msg or self.stdout}\n{self.stderr}"
        return self.result


def run_module(
    name: str,
    params: Mapping[str, Any] | None = None,
    check: bool = False,
    diff: bool = False,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> ModuleRun:
    """Run a module of the collection in a process of its own.

    Args:
        name: Short name of the module, such as ``tenant``.
        params: Its options, as a task gives them.
        check: Check mode.
        diff: Diff mode.
        env: Added to the environment.
        timeout: Seconds to wait for it.

    Returns:
        What it did; a traceback is an ``rc`` other than 0 with an empty result, and the traceback in ``stderr``.
    """
    modes = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_module_name": f"llmops.tenancy.{name}"}
    request = {"module": name, "args": {**(params or {}), **modes}}
    rc, stdout, stderr = module_server.ask(request, environment(env), timeout)
    try:
        result = json.loads(stdout)
    except ValueError:
        result = {}
    return ModuleRun(rc, result, stdout, stderr)


@dataclass(frozen=True)
class PlaybookRun:
    """What a run of ``ansible-playbook`` did, and the MiB of the largest of its processes."""

    rc: int
    stdout: str
    stderr: str
    memory: int = 0

    @property
    def output(self) -> str:
        """All that it printed."""
        return self.stdout + self.stderr

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Counts by host: ``{"localhost": {"ok": 3, "changed": 1, ...}}``."""
        return {
            host: {key: int(value) for key, value in (pair.split("=") for pair in counts.split())}
            for host, counts in RECAP.findall(self.stdout)
        }

    @property
    def changed(self) -> int:
        """Changed tasks of all hosts."""
        return sum(counts["changed"] for counts in self.recap.values())

    def ok(self) -> PlaybookRun:
        """This run, which must not have failed."""
        assert self.rc == 0, f"ansible-playbook ended with {self.rc}:\n{self.output}"
        return self


class Playbook:
    """A run of ``ansible-playbook`` that goes on beside the test.

    Args:
        args: Arguments after ``ansible-playbook``.
        env: Added to the environment.
        cwd: Folder it is started in; the root of the checkout by default.
        terminal: Whether it writes to a terminal, as with a person before it.
    """

    def __init__(
        self, args: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path = ROOT, terminal: bool = False
    ) -> None:
        self.marker = f"LLMOPS_TEST_RUN={uuid.uuid4()}"
        marker_name, _equals, marker_value = self.marker.partition("=")
        settings = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        # Files and not pipes: a worker that outlives a kill would hold a pipe open.
        self._stdout = tempfile.TemporaryFile("w+", errors="replace", newline="")
        self._stderr = tempfile.TemporaryFile("w+", errors="replace")
        self._memory = 0
        seen, written = pty.openpty() if terminal else (-1, self._stdout.fileno())
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-playbook")), *args],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written if terminal else self._stderr,
            env=environment(settings | dict(env or {}) | {marker_name: marker_value}),
            cwd=cwd,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(seen,), daemon=True)
        if terminal:
            os.close(written)
            self._reader.start()

    def _read(self, terminal: int) -> None:
        """Keep what is written to a terminal, which ends with the last that writes to it."""
        with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as screen:
            while data := screen.read(65536):
                os.write(self._stdout.fileno(), data)

    def told(self) -> str:
        """What it printed until now."""
        # The offset of the file is shared with the one that writes to it.
        return os.pread(self._stdout.fileno(), 1 << 24, 0).decode(errors="replace")

    def wait(self, timeout: float = 600) -> PlaybookRun:
        """Wait for its end; a run that outlives the time is killed, tree and all."""
        end = time.monotonic() + timeout
        while self.process.returncode is None:
            # As Popen waits, but told what the process and its children took.
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode, self._memory = os.waitstatus_to_exitcode(status), usage.ru_maxrss // 1024
            elif time.monotonic() > end:
                return self.kill()
            else:
                time.sleep(0.02)
        return self._result()

    def kill(self) -> PlaybookRun:
        """End the whole run by ``kill -9``: the command, its workers and the modules that they run."""
        kill_tree(self.process.pid, marker=self.marker)
        self.process.wait()
        return self._result()

    def _result(self) -> PlaybookRun:
        if self._reader.ident:
            self._reader.join(60)
        texts = []
        for file in (self._stdout, self._stderr):
            file.seek(0)
            texts.append(file.read())
            file.close()
        return PlaybookRun(self.process.returncode, *texts, memory=self._memory)


def run_playbook(
    args: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 600, cwd: Path = ROOT
) -> PlaybookRun:
    """Run ``ansible-playbook`` to its end; see `Playbook`."""
    return Playbook(args, env, cwd).wait(timeout)
