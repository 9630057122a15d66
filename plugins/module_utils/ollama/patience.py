# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patience: when a pull counts as stalled, and how long to wait before the next attempt. Pure."""

from __future__ import annotations

from typing import Callable, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 30.0
# After the last byte Ollama reads all of them again, silently. A slow disk gives at least this many bytes per second.
_SLOWEST_VERIFY = 20 * 1024**2


def delays(retries: int, chance: Callable[[], float]) -> Iterator[float]:
    """Seconds before each of ``retries`` attempts: doubling from one second to thirty, each half to all of it.

    The chance keeps a hundred agents that lost one registry from coming back to it in one moment.

    :param chance: gives numbers from 0 to 1.
    """
    for attempt in range(retries):
        yield min(_FIRST_DELAY * 2**attempt, _LONGEST_DELAY) * (0.5 + chance() / 2)


class StallWatch:
    """Notices that bytes stopped to arrive.

    Ollama repeats its last line many times a second while nothing comes, so lines alone prove nothing.

    :param limit: seconds without a new byte that count as a stall.
    :param now: seconds of a monotonic clock.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._since = now
        self._last = Progress()

    def stalled(self, progress: Progress, now: float) -> bool:
        """Whether nothing has moved for too long."""
        moved = progress.completed > self._last.completed or progress.phase != self._last.phase
        if moved or progress.completed < self._last.completed:
            self._last = progress
        if moved:
            self._since = now
        return now - self._since > self._allowance(progress)

    def _allowance(self, progress: Progress) -> float:
        if progress.phase.startswith("pulling"):
            return self._limit
        return self._limit + progress.total / _SLOWEST_VERIFY
