# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patience: pauses between attempts, and what counts as a stall."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.patience import StallWatch, delays
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress

MIB = 1024**2


@pytest.mark.parametrize(
    ("retries", "chance", "expected"),
    [
        (0, 1.0, []),
        (5, 1.0, [1, 2, 4, 8, 16]),
        (7, 1.0, [1, 2, 4, 8, 16, 30, 30]),
        (3, 0.0, [0.5, 1, 2]),
        (3, 0.5, [0.75, 1.5, 3]),
    ],
)
def test_pauses_double_with_chance(retries, chance, expected):
    assert list(delays(retries, lambda: chance)) == expected


def pulling(completed: int, total: int = 100) -> Progress:
    return Progress("pulling a", total, completed)


@pytest.mark.parametrize(
    ("readings", "stalled"),
    [
        # Bytes come.
        ([(0, pulling(1)), (50, pulling(2)), (100, pulling(3))], False),
        # Lines come, bytes don't.
        ([(0, pulling(1)), (30, pulling(1)), (60, pulling(1)), (61, pulling(1))], True),
        ([(0, pulling(1)), (60, pulling(1))], False),
        # No line at all.
        ([(61, Progress())], True),
        # The manifest does not come.
        ([(0, Progress("pulling manifest")), (61, Progress("pulling manifest"))], True),
        # A new phase is a sign of life.
        ([(0, Progress("pulling manifest")), (59, pulling(0)), (110, pulling(0))], False),
        # A part is fetched anew: less bytes, then more.
        ([(0, pulling(50)), (50, pulling(10)), (70, pulling(11)), (120, pulling(12))], False),
        # Less bytes alone are none.
        ([(0, pulling(50)), (50, pulling(10)), (70, pulling(10))], True),
        # Ollama reads a big model again in silence: 20 MiB/s have to be enough.
        ([(0, Progress("verifying sha256 digest", 4000 * MIB, 4000 * MIB)),
          (259, Progress("verifying sha256 digest", 4000 * MIB, 4000 * MIB))], False),
        ([(0, Progress("verifying sha256 digest", 4000 * MIB, 4000 * MIB)),
          (261, Progress("verifying sha256 digest", 4000 * MIB, 4000 * MIB))], True),
    ],
)
def test_stall(readings, stalled):
    watch = StallWatch(60, now=0)
    assert [watch.stalled(progress, now) for now, progress in readings][-1] is stalled
