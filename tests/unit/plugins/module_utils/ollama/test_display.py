# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress as people see it: rewritten in a terminal, sparse in a log."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.display import (
    SparseLines,
    describe,
    duration,
    rewritten,
    summarize,
)

GIB = 1024**3


def line(**values):
    base = {
        "model": "phi4-mini:latest", "agent": "agent a", "state": "running", "attempt": 1, "note": "", "error": None,
        "phase": "pulling 3c16", "total": 2 * GIB, "completed": GIB, "moved": GIB, "percent": 50,
        "rate": 32.0 * 1024**2, "remaining": 32.0,
    }
    return {**base, **values}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "phi4-mini on agent a: 50 % of 2.0 GiB, 32.0 MiB/s, 0:32 left"),
        ({"model": "m:7b"}, "m:7b on agent a: 50 % of 2.0 GiB, 32.0 MiB/s, 0:32 left"),
        ({"rate": 0.0, "remaining": None}, "phi4-mini on agent a: 50 % of 2.0 GiB"),
        ({"completed": 2 * GIB, "percent": 100}, "phi4-mini on agent a: 100 % of 2.0 GiB"),
        ({"phase": "verifying sha256 digest"}, "phi4-mini on agent a: verifying sha256 digest"),
        ({"phase": "checking"}, "phi4-mini on agent a: checked 50 % of 2.0 GiB, 32.0 MiB/s, 0:32 left"),
        ({"phase": "", "total": 0}, "phi4-mini on agent a: running"),
        ({"state": "done"}, "phi4-mini on agent a: done"),
        ({"state": "failed"}, "phi4-mini on agent a: failed"),
        ({"note": "no byte came for 60 s", "attempt": 2}, "phi4-mini on agent a: attempt 2 after: no byte came for 60 s"),
    ],
)
def test_describe(values, expected):
    assert describe(line(**values)) == expected


def test_the_prefix_names_the_host():
    assert describe(line(state="done"), "gpu-01: ") == "gpu-01: phi4-mini on agent a: done"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0:00"), (0.6, "0:01"), (47, "0:47"), (725, "12:05"), (3725, "1:02:05")]
)
def test_duration(seconds, expected):
    assert duration(seconds) == expected


def test_several_models_are_summed_up():
    lines = [line(state="done"), line(), line(agent="agent b"), line(state="waiting", total=0, completed=0)]
    assert summarize(lines) == "1 of 4 models done, 2 on the way: 50 % of 6.0 GiB, 64.0 MiB/s"
    assert summarize([line(state="done"), line()]).startswith(
        "1 of 2 done, 50 % of 4.0 GiB in all, 1:04 left; phi4-mini on agent a: 50 %"
    )
    unknown = line(state="waiting", total=0, completed=0)
    assert summarize([unknown, line()]).startswith("0 of 2 done, phi4-mini on agent a: 50 %")
    assert summarize([line()]) == describe(line())


@pytest.mark.parametrize(("text", "width", "shown"), [("abc", 80, "abc"), ("abcdefgh", 6, "abcd…"), ("", 80, "")])
def test_rewritten_line_fits_the_terminal(text, width, shown):
    assert rewritten(text, width) == f"\r\x1b[K{shown}"


def chosen(*timed):
    sparse = SparseLines()
    return [sparse.choose([line(**values)], now) for now, values in timed]


@pytest.mark.parametrize(
    ("timed", "counts"),
    [
        # A line for each tenth.
        ([(0, {"percent": 3}), (1, {"percent": 9}), (2, {"percent": 10}), (3, {"percent": 19}), (4, {"percent": 25})],
         [1, 0, 1, 0, 1]),
        # A line each half minute when it is slow.
        ([(0, {"percent": 3}), (29, {"percent": 4}), (30, {"percent": 4}), (59, {"percent": 5}), (61, {"percent": 5})],
         [1, 0, 1, 0, 1]),
        # The end is told once.
        ([(0, {"percent": 3}), (1, {"state": "done", "percent": 100}), (99, {"state": "done", "percent": 100})], [1, 1, 0]),
        # A new attempt is told, even when it begins below.
        ([(0, {"percent": 55}), (1, {"percent": 55, "attempt": 2, "note": "cut"}), (2, {"percent": 40, "attempt": 2})],
         [1, 1, 0]),
        # Nothing to tell yet.
        ([(0, {"state": "waiting", "total": 0}), (1, {"total": 0, "percent": 0, "phase": "pulling manifest"})], [0, 0]),
    ],
)
def test_sparse_lines(timed, counts):
    assert [len(lines) for lines in chosen(*timed)] == counts


def test_sparse_lines_of_a_long_pull_are_few():
    sparse = SparseLines("gpu-01: ")
    lines = [text for second in range(101) for text in sparse.choose([line(percent=second)], second / 2)]
    assert len(lines) == 11
    assert all(text.startswith("gpu-01: phi4-mini") for text in lines)


def test_sparse_lines_of_several_models_tell_their_sum():
    sparse, told = SparseLines(), []
    for percent in range(0, 101, 5):
        half = line(percent=percent, completed=percent * 2 * GIB // 100)
        told += [text for text in sparse.choose([half, line(state="waiting", completed=0)], percent) if "models" in text]
    assert told[-1] == "0 of 2 models done, 50 % of 4.0 GiB in all, 1:04 left"
    assert [int(text.split()[5]) // 10 for text in told] == [1, 2, 3, 4, 5]
