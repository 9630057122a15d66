# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a pull is: bytes, rate and remaining time out of the events of its stream. Pure; time comes from outside."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event

# The rate is of the last seconds, so that it follows the line's speed without jumping at each reading.
_RATE_WINDOW = 10.0


@dataclass(frozen=True)
class Progress:
    """One reading.

    :param phase: what is done now, in Ollama's words.
    :param total: bytes of all layers that are known so far. :param completed: bytes of them that are there.
    :param moved: bytes that came in this attempt; what an earlier one had left is in ``completed`` only.
    :param percent: 0 to 100. :param rate: bytes per second. :param remaining: seconds, None while it can't be told.
    """

    phase: str = ""
    total: int = 0
    completed: int = 0
    moved: int = 0
    percent: int = 0
    rate: float = 0.0
    remaining: float | None = None

    def as_result(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def at(self, phase: str) -> Progress:
        """The same reading in another phase."""
        return replace(self, phase=phase)


class Meter:
    """Adds the events of one pull up."""

    def __init__(self) -> None:
        self._phase = ""
        self._layers: dict[str, tuple[int, int]] = {}
        self._first: dict[str, int] = {}
        self._readings: deque[tuple[float, int]] = deque()

    def add(self, event: Event, now: float) -> Progress:
        """Take one event in.

        :param now: seconds of a monotonic clock.
        """
        self._phase = event.status or self._phase
        if event.digest and event.total:
            self._layers[event.digest] = (event.total, min(event.completed, event.total))
            self._first.setdefault(event.digest, min(event.completed, event.total))
        return self.read(now)

    def read(self, now: float) -> Progress:
        """The reading at ``now``."""
        total = sum(total for total, _completed in self._layers.values())
        completed = sum(completed for _total, completed in self._layers.values())
        moved = completed - sum(self._first.values())
        rate = self._rate(moved, now)
        left = total - completed
        return Progress(
            phase=self._phase,
            total=total,
            completed=completed,
            moved=max(moved, 0),
            percent=completed * 100 // total if total else 0,
            rate=rate,
            remaining=0.0 if total and not left else (left / rate if rate else None),
        )

    def _rate(self, moved: int, now: float) -> float:
        self._readings.append((now, moved))
        while len(self._readings) > 2 and self._readings[1][0] <= now - _RATE_WINDOW:
            self._readings.popleft()
        then, before = self._readings[0]
        # A part that Ollama fetches anew lowers the count: that is no negative speed.
        return max(moved - before, 0) / (now - then) if now > then else 0.0
