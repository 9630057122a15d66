# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Full or delta, the brake, and the result of many tenants, as tables."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import fleet, status
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.brake import Brake
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.rounds import Memory, choose
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.selection import Selection
from ansible_collections.llmops.tenancy.plugins.module_utils.options import m365

NOW = datetime(2026, 1, 10, tzinfo=timezone.utc)


def memory(days: float = 1, fingerprint: str = "f", link: str | None = "https://g/x") -> Memory:
    """What a round some days ago left."""
    before = NOW - timedelta(days=days)
    return Memory(3, fingerprint, link, None, (), before, before, {})


@pytest.mark.parametrize(
    ("mode", "selection", "known", "expected", "word"),
    [
        ("auto", Selection(), None, "full", "no delta link"),
        ("auto", Selection(), memory(), "delta", "stored"),
        ("auto", Selection(), memory(5.9), "delta", "stored"),
        ("auto", Selection(), memory(6), "full", "6 days"),
        ("auto", Selection(), memory(link=None), "full", "no delta link"),
        ("auto", Selection(), memory(fingerprint="other"), "full", "changed"),
        ("auto", Selection(condition="x"), memory(), "full", "filter"),
        ("full", Selection(), memory(), "full", "asked for"),
        ("delta", Selection(), memory(), "delta", "stored"),
    ],
)
def test_mode(mode: str, selection: Selection, known: Memory | None, expected: str, word: str) -> None:
    found, reason = choose(mode, selection, "f", known, NOW, 6)
    assert found == expected and word in reason


@pytest.mark.parametrize("known", [None, memory(7), memory(fingerprint="other"), memory(link=None)])
def test_delta_that_is_not_possible(known: Memory | None) -> None:
    with pytest.raises(TenancyError) as caught:
        choose("delta", Selection(), "f", known, NOW, 6)
    assert caught.value.kind == "m365_no_delta"


@pytest.mark.parametrize(
    ("brake", "deactivations", "active", "stops"),
    [
        (Brake(), 0, 0, False),
        (Brake(), 1, 2, False),
        (Brake(), 2, 19, True),
        (Brake(), 2, 20, False),
        (Brake(), 20, 1000, False),
        (Brake(), 21, 100_000, True),
        (Brake(count=100), 21, 100_000, False),
        (Brake(count=100), 21, 100, True),
        (Brake(count=100, percent=21), 21, 100, False),
        (Brake(count=0), 1, 1000, True),
        (Brake(allow_deactivations=True), 99, 99, False),
    ],
)
def test_brake(brake: Brake, deactivations: int, active: int, stops: bool) -> None:
    if not stops:
        brake.check_deactivations("t", deactivations, active, [])
        return
    with pytest.raises(TenancyError) as caught:
        brake.check_deactivations("t", deactivations, active, ["a@x.example"])
    assert caught.value.kind == "m365_brake" and "a@x.example" in str(caught.value)
    assert "allow_deactivations=true" in caught.value.remedy


def test_empty_feed() -> None:
    Brake().check_feed("t", 1)
    Brake(allow_empty=True).check_feed("t", 0)
    with pytest.raises(TenancyError) as caught:
        Brake().check_feed("t", 0)
    assert caught.value.kind == "m365_empty_feed"


def done(name: str, **more: Any) -> dict[str, Any]:
    """Result of a tenant that was synchronised."""
    return {"tenant": name, "failed": False, "changed": True, "actions": [{"action": "create"}], "unnamed": 3,
            "diff": {"before": {}, "after": {"x": 1}}, **more}


def failed(name: str) -> dict[str, Any]:
    """Result of a tenant that failed."""
    return {"tenant": name, "changed": False, "failed": True, **TenancyError("Broken", kind="k").as_result()}


def test_combined() -> None:
    found = fleet.combined([done("a"), failed("b"), done("c", changed=False)], fail_at_end=False)
    assert (found["changed"], found["failed_tenants"], "failed" in found) == (True, ["b"], False)
    assert [diff["after_header"] for diff in found["diff"]] == ["tenant a, and 3 more users"]
    assert found["actions"][0] == {"action": "create", "tenant": "a"} and "actions" not in found["tenants"][0]
    found = fleet.combined([done("a"), failed("b")], fail_at_end=True)
    assert found["failed"] and found["msg"] == "1 of 2 tenants failed, the others were synchronised. b: Broken."
    assert fleet.combined([failed("b")], fail_at_end=True)["error"]["kind"] == "k"


@pytest.mark.parametrize(
    "given",
    [
        {"full_every": 0},
        {"full_every": 7},
        {"max_deactivations": -1},
        {"max_deactivations_percent": -1},
        {"max_deactivations_percent": 101},
    ],
)
def test_numbers_out_of_range(given: dict[str, int]) -> None:
    with pytest.raises(TenancyError) as caught:
        fleet.wish_of({**dict.fromkeys(m365.ENTITY), "tenant": "ab", **given})
    assert caught.value.kind == "invalid_options" and next(iter(given)) in str(caught.value)


def test_fault_that_nobody_foresaw_is_one_tenants_alone() -> None:
    """With an option that can't be, as a bug would bring it."""
    broken = {**dict.fromkeys(m365.ENTITY), "tenant": "ab", "role_mapping": 5}
    refused = {**dict.fromkeys(m365.ENTITY), "tenant": "NO"}
    given = {"optional": True, "check": False, "warn": print}
    results = fleet.synchronise_all(None, [broken, refused], **given)
    assert [result["error"]["kind"] for result in results] == ["unexpected", "invalid_slug"]
    found = fleet.combined(results, fail_at_end=True)
    assert found["msg"].startswith("2 of 2 tenants failed") and "AttributeError" in found["msg"]
    assert "Traceback" in found["exception"] and "exception" not in found["tenants"][0]


def test_wish() -> None:
    wish = fleet.wish_of({**dict.fromkeys(m365.ENTITY), "tenant": "ab", "max_deactivations": 0})
    assert (wish.mode, wish.full_every, wish.tenant_id, wish.link_manual) == ("auto", 6, "", False)
    assert (wish.brake.count, wish.brake.percent) == (0, 10)


def test_status() -> None:
    row = {"tenant": "t", "m365_tenant_id": None, "round": None, "last_run": None, "last_mode": None, "last_full": None,
           "counts": None, "pending": 0, "active": 0, "inactive": 0}
    assert status.as_result(row)["rounds"] == 0 and status.as_result(row)["next_full"] is None
    assert status.as_result({**row, "last_full": NOW, "round": 4})["next_full"] == "2026-01-16T00:00:00Z"
