# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may go from a store, and what stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Stored
from ansible_collections.llmops.tenancy.plugins.module_utils.store.garbage import (
    Garbage,
    decide,
    of_models,
    parse_grace,
    settled,
    sweep,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.staging import stage
from ansible_collections.llmops.tenancy.plugins.module_utils.store.usage import Piece, Usage, ViewUse

DAY = 86400.0
OLD, NEW = 30 * DAY, 1 * DAY


def model(name: str, *blobs: str, version: str = "1") -> Stored:
    parts = tuple(Blob(blob, 10) for blob in blobs)
    return Stored(name, f"{name}-{version}", 10 * len(parts), parts, (), 0.0)


A, B = model("a:latest", "shared", "a"), model("b:latest", "shared", "b")
STORE = Usage(
    models=(A, B),
    ages={"a:latest": OLD, "b:latest": OLD},
    blobs={name: Piece(10, OLD) for name in ("shared", "a", "b")},
)


def decided(usage: Usage, *keep: str, grace: float = 7 * DAY) -> list[tuple[str, str, int]]:
    return [(each.kind, each.name, each.size) for each in decide(usage, keep, grace)]


@pytest.mark.parametrize(
    ("usage", "keep", "expected"),
    [
        (STORE, (), [("model", "a:latest", 20), ("model", "b:latest", 10)]),
        (STORE, ("a:latest",), [("model", "b:latest", 10)]),
        (replace(STORE, ages={"a:latest": NEW, "b:latest": OLD}), (), [("model", "b:latest", 10)]),
        # An agent that uses a model keeps it, however old; so does a view that was left a moment ago.
        (replace(STORE, views=(ViewUse("v", (A,), ("x",), OLD),)), (), [("model", "b:latest", 10)]),
        (replace(STORE, views=(ViewUse("v", (A,), (), NEW),)), (), [("model", "b:latest", 10)]),
        (
            replace(STORE, views=(ViewUse("v", (A,), (), OLD),)),
            (),
            [("model", "a:latest", 20), ("model", "b:latest", 10), ("view", "v", 0)],
        ),
        # A view of the version before keeps its blobs, and not the name.
        (
            replace(
                STORE,
                models=(B,),
                views=(ViewUse("v", (model("b:latest", "shared", "a", version="0"),), ("x",), OLD),),
            ),
            (),
            [("model", "b:latest", 10)],
        ),
        (replace(STORE, models=(A,)), ("a:latest",), [("blob", "b", 10)]),
        (replace(STORE, models=(A,), blobs={"b": Piece(10, NEW)}), ("a:latest",), []),
        (
            Usage(partial={"p": Piece(5, OLD), "q": Piece(5, NEW)}, staging={"s": Piece(7, OLD)}, asides=(".v",)),
            (),
            [("view", ".v", 0), ("partial", "p", 5), ("staging", "s", 7)],
        ),
    ],
)
def test_what_nobody_used_for_the_grace_goes(usage, keep, expected):
    assert decided(usage, *keep) == expected


def test_without_grace_all_that_is_unused_goes_and_nothing_else():
    usage = replace(STORE, ages={"a:latest": 0.0, "b:latest": 0.0}, views=(ViewUse("v", (B,), ("x",), 0.0),))
    assert decided(usage, grace=0.0) == [("model", "a:latest", 10)]


def test_a_model_that_shall_be_absent_takes_its_own_blobs_along():
    assert of_models(STORE, {"a:latest"}) == [Garbage("model", "a:latest", 10, OLD, ("a",))]
    seen = replace(STORE, views=(ViewUse("v", (A,), (), OLD),))
    assert of_models(seen, {"a:latest"}) == [Garbage("model", "a:latest", 0, OLD, ())]


def test_while_something_comes_what_may_be_part_of_it_stays():
    found = [
        Garbage("model", "a", 10, OLD, ("a",)), Garbage("model", "b", 0, OLD), Garbage("view", "v", 0, OLD),
        Garbage("partial", "p", 5, OLD), Garbage("staging", "s", 5, OLD), Garbage("blob", "x", 5, OLD, ("x",)),
    ]
    assert [each.name for each in settled(found, False)] == ["b", "v"]
    assert settled(found, True) == found


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("30s", 30), ("5m", 300), ("12h", 43200), ("7d", 604800), ("1.5 D", 129600), ("2w", 1209600)]
)
def test_a_grace_in_words(text, seconds):
    assert parse_grace(text) == seconds


@pytest.mark.parametrize("text", ["", "week", "-1d", "1y"])
def test_a_grace_that_is_none(text):
    with pytest.raises(TenancyError) as raised:
        parse_grace(text)
    assert raised.value.kind == "invalid_grace"


def test_what_a_killed_run_left_goes_and_what_a_run_holds_stays(tmp_path):
    layout = Layout(str(tmp_path / "models"))
    layout.prepare()
    staging = tmp_path / "models" / "staging"
    (staging / "file").touch()
    (staging / "folder").mkdir()
    with stage(layout) as held:
        sweep(layout, [Garbage("staging", path.name, 0, OLD) for path in staging.iterdir()])
        assert [path.name for path in staging.iterdir()] == [held.name]
