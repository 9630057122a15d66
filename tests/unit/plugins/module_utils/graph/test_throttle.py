# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to wait, as a table."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.throttle import Budget, backoff, retry_after

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        (" 3 ", 3.0),
        ("0.75", 0.75),
        ("0", 0.0),
        ("-5", 0.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("attempt", "low", "high"), [(1, 0.25, 0.5), (2, 0.5, 1.0), (4, 2.0, 4.0), (8, 30.0, 60.0), (100, 30.0, 60.0)]
)
def test_backoff_grows_to_a_limit(attempt: int, low: float, high: float) -> None:
    assert backoff(attempt, lambda: 0.0) == low
    assert backoff(attempt, lambda: 1.0) == high


def test_budget() -> None:
    slept: list[float] = []
    budget = Budget(10, slept.append)
    budget.wait(4, "busy")
    assert budget.allows(6) and not budget.allows(6.1)
    with pytest.raises(TenancyError) as caught:
        budget.wait(7, "Graph is busy")
    assert (slept, budget.spent, caught.value.kind) == ([4], 4, "m365_throttled")
    assert "Graph is busy" in str(caught.value) and "throttle_budget" in str(caught.value)
