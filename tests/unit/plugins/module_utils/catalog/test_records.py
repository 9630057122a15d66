# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call wants against the rows that are there: created, changed, removed, or left alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import records
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import CLEAR, Kind, Steps
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import format_size

KIND = Kind(
    name="thing",
    table="things",
    identity="id",
    keys=("tenant", "name"),
    fields=("size", "note", "active"),
    key=lambda row: (row["tenant"], row["name"].lower()),
    title=lambda row: f"{row['tenant']}/{row['name']}",
    defaults=lambda row: {"size": 1024, "active": True},
    show={"size": format_size},
)


def row(**given: Any) -> dict[str, Any]:
    return {"id": 7, "tenant": "x", "name": "One", "size": 1024, "note": "n", "active": True, **given}


def wish(**given: Any) -> dict[str, Any]:
    return {"tenant": "x", "name": "one", "state": "present", "size": None, "note": None, "active": None, **given}


HERE = {("x", "one"): row()}
CHANGES = [
    ("nothing given", {}, ()),
    ("the same given", {"size": 1024, "note": "n", "active": True}, ()),
    ("one field", {"size": 2048}, (Change("size", 1024, 2048),)),
    ("false is a value", {"active": False}, (Change("active", True, False),)),
    ("cleared to its default", {"active": CLEAR, "size": CLEAR}, ()),
    ("cleared to nothing", {"note": CLEAR}, (Change("note", "n", None),)),
    ("cleared and changed", {"note": CLEAR, "size": 1}, (Change("size", 1024, 1), Change("note", "n", None))),
]


@pytest.mark.parametrize(("given", "changes"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_only_differences_are_written(given: dict[str, Any], changes: tuple[Change, ...]) -> None:
    steps = records.compare(KIND, [wish(**given)], HERE)
    assert not steps.create and not steps.remove
    assert [found for _row, found in steps.update] == ([changes] if changes else [])
    for changed, _changes in steps.update:
        assert changed == row(**{change.field: change.after for change in changes})


NEW = [
    ({}, {"size": 1024, "note": None, "active": True}),
    ({"size": 5, "active": False, "note": "y"}, {"size": 5, "note": "y", "active": False}),
    ({"size": CLEAR, "note": CLEAR}, {"size": 1024, "note": None, "active": True}),
]


@pytest.mark.parametrize(("given", "fields"), NEW)
def test_defaults_apply_to_new_rows_only(given: dict[str, Any], fields: dict[str, Any]) -> None:
    assert records.compare(KIND, [wish(**given)], {}) == Steps(create=({"tenant": "x", "name": "one", **fields},))


def test_absent_removes_what_is_there_and_nothing_else() -> None:
    absent = wish(state="absent", size=9)
    assert records.compare(KIND, [absent], HERE) == Steps(remove=(row(),))
    assert records.compare(KIND, [absent], {}) == Steps()


def test_the_same_record_twice_is_refused_whatever_its_case() -> None:
    with pytest.raises(TenancyError, match="x/ONE is named twice") as caught:
        records.compare(KIND, [wish(), wish(name="ONE")], {})
    assert caught.value.kind == "named_twice"


def test_plan_shows_people_what_happens() -> None:
    steps = records.compare(
        KIND,
        [wish(size=2048, note=CLEAR), wish(name="new"), wish(name="old", state="absent")],
        {**HERE, ("x", "old"): row(name="old", note=None)},
    )
    plan = records.plan(KIND, steps, {("x", "new"): row(name="new", note=None)})
    assert [(action.verb, action.name) for action in plan.actions] == [
        ("create", "x/new"),
        ("update", "x/One"),
        ("remove", "x/old"),
    ]
    assert plan.before == {"thing x/One": {"size": "1k", "note": "n"}, "thing x/old": {"size": "1k", "active": True}}
    assert plan.after == {"thing x/One": {"size": "2k", "note": None}, "thing x/new": {"size": "1k", "active": True}}


def test_no_steps_is_no_plan() -> None:
    assert not records.plan(KIND, Steps(), {}).changed


def test_merge_keeps_the_order() -> None:
    first = records.plan(KIND, records.compare(KIND, [wish(size=1)], HERE), {})
    second = records.plan(KIND, records.compare(KIND, [wish(state="absent")], HERE), {})
    merged = records.merge(first, second)
    assert [action.verb for action in merged.actions] == ["update", "remove"]
    assert set(merged.before) == set(merged.after) == {"thing x/One"}


PLAIN = [
    (None, None),
    (3, 3),
    ("x", "x"),
    (["a"], ["a"]),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (datetime(2026, 11, 22, 8, tzinfo=timezone.utc), "2026-11-22T08:00:00.000000Z"),
    (datetime(2026, 11, 22, 8, tzinfo=timezone(timedelta(hours=2))), "2026-11-22T06:00:00.000000Z"),
]


@pytest.mark.parametrize(("value", "expected"), PLAIN)
def test_results_are_plain(value: Any, expected: Any) -> None:
    assert records.plain(value) == expected


@pytest.mark.parametrize(("text", "expected"), [(None, None), ("", CLEAR), ("  ", CLEAR), ("7", 7)])
def test_empty_text_clears_and_none_is_not_given(text: str | None, expected: Any) -> None:
    found = records.clearable(text, int)
    assert found is expected or found == expected
