# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arithmetic of progress: bytes, rate, remaining time."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Meter, Progress


def layer(digest: str, total: int, completed: int) -> Event:
    return Event(f"pulling {digest}", digest, total, completed)


def read(*timed: tuple[float, Event]) -> Progress:
    meter = Meter()
    return [meter.add(event, now) for now, event in timed][-1]


def test_nothing_is_known_at_first():
    assert read((0, Event("pulling manifest"))) == Progress("pulling manifest")


@pytest.mark.parametrize(
    ("timed", "percent", "rate", "remaining"),
    [
        # 100 bytes in 10 seconds, 300 to come.
        ([(0, layer("a", 400, 0)), (10, layer("a", 400, 100))], 25, 10.0, 30.0),
        # What an earlier attempt left counts for the percentage and not for the rate.
        ([(0, layer("a", 400, 200)), (10, layer("a", 400, 300))], 75, 10.0, 10.0),
        # One reading gives no rate, hence no time.
        ([(5, layer("a", 400, 100))], 25, 0.0, None),
        # Nothing comes any more: no guess.
        ([(0, layer("a", 400, 100)), (60, layer("a", 400, 100))], 25, 0.0, None),
        # A part that is fetched anew is no negative speed.
        ([(0, layer("a", 400, 300)), (10, layer("a", 400, 100))], 25, 0.0, None),
        # Done.
        ([(0, layer("a", 400, 0)), (10, layer("a", 400, 400))], 100, 40.0, 0.0),
        # Layers add up.
        ([(0, layer("a", 300, 0)), (10, layer("a", 300, 300)), (10, layer("b", 100, 0))], 75, 30.0, 100 / 30),
        # A server that counts more than there is.
        ([(0, layer("a", 100, 0)), (10, layer("a", 100, 120))], 100, 10.0, 0.0),
    ],
)
def test_arithmetic(timed, percent, rate, remaining):
    progress = read(*timed)
    assert (progress.percent, progress.rate, progress.remaining) == (percent, rate, remaining)


def test_layers_that_are_there_from_before_have_no_rate():
    assert read((0, layer("a", 300, 300)), (1, layer("b", 100, 0)), (2, layer("b", 100, 50))).moved == 50


def test_the_rate_is_of_the_last_ten_seconds():
    meter = Meter()
    for second in range(0, 61):
        meter.add(layer("a", 10_000, min(second, 30) * 100), second)
    assert meter.read(60).rate == 0
    assert meter.read(61).remaining is None


def test_the_rate_follows_a_change_of_speed():
    meter, done = Meter(), 0
    for second in range(40):
        done += 100 if second < 20 else 10
        meter.add(layer("a", 10_000, done), second)
    assert meter.read(39).rate == pytest.approx(10, rel=0.2)


def test_a_phase_without_bytes_keeps_the_bytes():
    meter = Meter()
    meter.add(layer("a", 400, 400), 0)
    progress = meter.add(Event("verifying sha256 digest"), 5)
    assert (progress.phase, progress.percent, progress.total) == ("verifying sha256 digest", 100, 400)
