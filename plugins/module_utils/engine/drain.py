# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until an agent answers nobody, before it is stopped: Ollama's SIGTERM cuts requests in flight.

A connection alone says little, since a gateway keeps some open. One that waits for an answer is told by bytes that are
still on their way, or by an agent that computes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

_ESTABLISHED = "01"
_PAUSE = 1.0
# Of one CPU. An idle Ollama uses a thousandth; one that reads a model from a slow disk a few hundredths.
_BUSY = 0.02
_QUIET_SAMPLES = 2


@dataclass(frozen=True)
class Sample:
    """What an agent was doing at a moment.

    :param connections: of clients. :param queued: bytes of theirs on their way in or out.
    :param cpu_seconds: CPU time since its start. :param moment: seconds of a clock that never goes back.
    """

    connections: int
    queued: int
    cpu_seconds: float
    moment: float


def answering(before: Sample, now: Sample) -> bool:
    """Whether a request was in flight between two samples."""
    if not now.connections:
        return False
    passed = max(now.moment - before.moment, 0.001)
    return bool(now.queued) or (now.cpu_seconds - before.cpu_seconds) / passed > _BUSY


def wait_idle(sample: Callable[[], Sample], timeout: float) -> bool:
    """Wait until no request is in flight; False when there still is one after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    before, quiet = sample(), 0
    while before.connections and quiet < _QUIET_SAMPLES:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)
        now = sample()
        quiet = 0 if answering(before, now) else quiet + 1
        before = now
    return True


def connections(pid: int, port: int, proc: Path = Path("/proc")) -> tuple[int, int]:
    """Established connections to a port in the network namespace of a process, and the bytes queued in them."""
    found = [queued for table in ("tcp", "tcp6") for queued in _established(proc / str(pid) / "net" / table, port)]
    return len(found), sum(found)


def _established(table: Path, port: int) -> Iterator[int]:
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        # It has ended, or there is no IPv6.
        return
    for line in lines:
        columns = line.split()
        if columns[3] == _ESTABLISHED and int(columns[1].rpartition(":")[2], 16) == port:
            sent, _colon, received = columns[4].partition(":")
            yield int(sent, 16) + int(received, 16)
