# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bytes are there, and in which parts the others come."""

from __future__ import annotations

import random

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store.parts import Ledger

MIB = 1024**2


@pytest.mark.parametrize(
    ("done", "ranges", "completed", "front", "holes"),
    [
        ([], [], 0, 0, [(0, 100)]),
        ([(0, 100)], [(0, 100)], 100, 100, []),
        ([(10, 20)], [(10, 20)], 10, 0, [(0, 10), (20, 100)]),
        ([(0, 10), (10, 20)], [(0, 20)], 20, 20, [(20, 100)]),
        ([(50, 60), (0, 10)], [(0, 10), (50, 60)], 20, 10, [(10, 50), (60, 100)]),
        ([(0, 10), (20, 30), (5, 25)], [(0, 30)], 30, 30, [(30, 100)]),
        ([(90, 200), (-5, 3)], [(0, 3), (90, 100)], 13, 3, [(3, 90)]),
        ([(30, 30), (40, 20), (200, 300)], [], 0, 0, [(0, 100)]),
    ],
)
def test_ranges_grow_together(done, ranges, completed, front, holes):
    ledger = Ledger(100, done)
    assert (ledger.done, ledger.completed, ledger.front, ledger.holes()) == (ranges, completed, front, holes)


def test_any_order_of_chunks_is_the_same_as_a_set_of_bytes():
    chance = random.Random(1)
    for _round in range(50):
        ledger, there = Ledger(60), set()
        for _chunk in range(chance.randrange(12)):
            start = chance.randrange(60)
            end = chance.randrange(start, 61)
            ledger.add(start, end)
            there.update(range(start, end))
        assert {at for start, end in ledger.done for at in range(start, end)} == there
        assert {at for start, end in ledger.holes() for at in range(start, end)} == set(range(60)) - there


@pytest.mark.parametrize(
    ("size", "done", "parts"),
    [
        (0, [], []),
        (10, [], [(0, 10)]),
        (10 * MIB, [], [(0, 4 * MIB), (4 * MIB, 8 * MIB), (8 * MIB, 10 * MIB)]),
        (10 * MIB, [(0, 7 * MIB)], [(7 * MIB, 10 * MIB)]),
        (10 * MIB, [(0, 10 * MIB)], []),
    ],
)
def test_what_is_missing_comes_in_parts(size, done, parts):
    assert Ledger(size, done).parts() == parts


@pytest.mark.parametrize(("size", "count"), [(160 * MIB, 16), (2000 * MIB, 32), (40 * 1024 * MIB, 640)])
def test_parts_of_large_blobs_stay_moderate(size, count):
    parts = Ledger(size).parts()
    assert len(parts) == count
    assert sum(end - start for start, end in parts) == size
