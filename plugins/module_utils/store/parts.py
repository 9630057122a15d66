# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bytes of a file are there, and in which parts the others are fetched. Pure."""

from __future__ import annotations

from typing import Iterable

Range = tuple[int, int]
# Small enough that the front, and with it the checksum, keeps up with all connections; large enough that requests don't
# count. Small files come in some parts, too.
_LARGEST, _SMALLEST, _COUNT = 64 * 1024**2, 4 * 1024**2, 16


class Ledger:
    """The ranges of a file that are there: ``(start, end)`` with the end not in it, in order, apart from each other.

    :param size: bytes of the whole. :param done: ranges in any order; what lies beyond the size is left out.
    """

    def __init__(self, size: int, done: Iterable[Range] = ()) -> None:
        self.size = size
        self._done: list[Range] = []
        for start, end in done:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Note that these bytes are there."""
        start, end = max(start, 0), min(end, self.size)
        if start >= end:
            return
        touched = [each for each in self._done if each[0] <= end and start <= each[1]]
        apart = [each for each in self._done if each not in touched]
        edges = [start, end, *(edge for each in touched for edge in each)]
        self._done = sorted([*apart, (min(edges), max(edges))])

    @property
    def done(self) -> list[Range]:
        """The ranges that are there."""
        return list(self._done)

    @property
    def completed(self) -> int:
        """How many bytes are there."""
        return sum(end - start for start, end in self._done)

    @property
    def front(self) -> int:
        """How many bytes are there from the beginning on without a hole."""
        return self._done[0][1] if self._done and self._done[0][0] == 0 else 0

    def holes(self) -> list[Range]:
        """The ranges that are not there."""
        edges = [0, *(edge for each in self._done for edge in each), self.size]
        return [(start, end) for start, end in zip(edges[::2], edges[1::2]) if start < end]

    def parts(self) -> list[Range]:
        """What is to be fetched, in order, each in one request."""
        size = min(max(self.size // _COUNT, _SMALLEST), _LARGEST)
        return [(at, min(at + size, end)) for start, end in self.holes() for at in range(start, end, size)]
