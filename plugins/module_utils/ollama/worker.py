# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worker of a job: a process of its own that brings models and writes down how far it is.

It is forked from the module, so it needs no files of the collection on the host once the module has ended; whatever it
uses of the collection is imported above, because the module's own archive is gone by then.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, NoReturn, Protocol, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Cancelled, Watcher
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.jobs import LEASE, Job
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.lifeline import Lifeline
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.transfer import transfer
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings

_BEAT = 0.2
_REWRITE = 1.0


class Errand(Protocol):
    """One model to bring to one place. Those with one ``endpoint`` are done one after the other, in their order."""

    @property
    def agent(self) -> str:
        """How to call the place."""

    @property
    def endpoint(self) -> str:
        """Where it is."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def known(self) -> Progress:
        """What is known of it before it begins."""


# Carries an errand out; is given whom to tell each reading, and each further attempt with its cause. What it returns
# is told as ``found``.
Carry = Callable[[Any, TransferSettings, Watcher, Callable[[int, str], None]], "dict[str, Any] | None"]


@dataclass
class _Line:
    """One step as the status tells it; ``state`` is waiting, running, done, failed or cancelled."""

    agent: str
    endpoint: str
    model: str
    state: str = "waiting"
    attempt: int = 1
    progress: Progress = field(default_factory=Progress)
    note: str = ""
    error: dict[str, Any] | None = None
    found: dict[str, Any] | None = None

    def as_result(self) -> dict[str, Any]:
        values = asdict(self)
        return {**values.pop("progress"), **values}


class Worker:
    """Carries the steps of one job out.

    :param leased: end when nobody renews the lease. :param carry: carries one of them out.
    """

    def __init__(
        self,
        job: Job,
        steps: Sequence[Errand],
        settings: TransferSettings,
        lifeline: Lifeline,
        leased: bool,
        carry: Carry,
    ) -> None:
        self._job = job
        self._lifeline = lifeline
        self._steps = steps
        self._settings = settings
        self._leased = leased
        self._carry = carry
        self._cancel = threading.Event()
        self._lines = [_Line(step.agent, step.endpoint, step.model, progress=step.known) for step in steps]
        self._changed = threading.Event()

    def run(self) -> None:
        """Carry all of them out: several agents at once, the models of one agent one after the other."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._cancel.set())
        agents: dict[str, list[int]] = {}
        for index, step in enumerate(self._steps):
            agents.setdefault(step.endpoint, []).append(index)
        with ThreadPoolExecutor(self._settings.parallel) as pool:
            running = [pool.submit(self._serve, indexes) for indexes in agents.values()]
            try:
                self._watch(running)
            finally:
                self._cancel.set()
        self.write(finished=True)

    def _watch(self, running: Sequence[Future[None]]) -> None:
        written = 0.0
        while wait(running, timeout=_BEAT).not_done:
            if self._unwanted():
                self._cancel.set()
            if self._changed.is_set() or time.monotonic() - written > _REWRITE:
                self.write(finished=False)
                written = time.monotonic()

    def _serve(self, indexes: Sequence[int]) -> None:
        for index in indexes:
            self._bring(self._steps[index], self._lines[index])

    def _bring(self, step: Errand, line: _Line) -> None:
        def report(progress: Progress) -> None:
            line.progress, line.note = progress, ""
            self._changed.set()

        def retrying(attempt: int, cause: str) -> None:
            line.attempt, line.note = attempt, cause
            self._changed.set()

        line.state = "running"
        try:
            line.found = self._carry(step, self._settings, Watcher(report, self._cancel, last=step.known), retrying)
            line.state = "done"
        except Cancelled:
            line.state = "cancelled"
        except TenancyError as error:
            line.state, line.error = "failed", error.as_result()["error"]
        except Exception as error:
            # A fault nobody foresaw must not look like a pull that goes on for ever.
            what = f"Unexpected {type(error).__name__} with model {step.model}"
            unforeseen = TenancyError(what, cause=str(error), remedy="Please report it", kind="unexpected")
            line.state, line.error = "failed", unforeseen.as_result()["error"]
        self._changed.set()

    def _unwanted(self) -> bool:
        forgotten = self._leased and self._job.silence() > LEASE
        return forgotten or self._job.cancelled() or self._lifeline.cut()

    def write(self, *, finished: bool) -> None:
        """Write down how far all of them are."""
        self._changed.clear()
        lines = [line.as_result() for line in self._lines]
        self._job.write("status.json", {"finished": finished, "updated": time.time(), "steps": lines})


def start(
    job: Job, steps: Sequence[Errand], settings: TransferSettings, *, leased: bool, carry: Carry = transfer
) -> Lifeline:
    """Start the worker of ``job`` and come back at once.

    :returns: what to let go of when the call that waits for the job ends.
    """
    lifeline = Lifeline()
    worker = Worker(job, steps, settings, lifeline, leased, carry)
    # First the lock: a job that is not finished, and whose lock nobody has, is one whose worker died.
    lock = job.lock()
    worker.write(finished=False)
    child = os.fork()
    if child == 0:
        lifeline.in_worker()
        _detach(lock, lifeline.reader)
        _work(worker)
    lifeline.in_call()
    os.close(lock)
    os.waitpid(child, 0)
    return lifeline


def _detach(*kept: int) -> None:
    """Leave the module's session and streams, so that neither its end nor its connection's ends the worker."""
    os.setsid()
    if os.fork():
        os._exit(0)
    # What whoever called the module does on Ctrl-C (Ansible's own worker: end its whole group) is not for this process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    for descriptor in set(range(3, 1024)) - set(kept):
        os.closerange(descriptor, descriptor + 1)
    os.chdir("/")
    os.umask(0o077)


def _work(worker: Worker) -> NoReturn:
    """Run, and end here whatever happens: the code below on the stack is the module's."""
    try:
        worker.run()
    finally:
        os._exit(0)
