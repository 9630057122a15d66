# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans are values: what they say is what the result says."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change, Impact, Plan, differences


def test_empty_plan_changes_nothing():
    assert Plan().as_result() == {"changed": False, "actions": [], "diff": {"before": {}, "after": {}}}


def test_plan_names_each_action_with_its_impact():
    action = Action("update", "container", "ollama-agent-x", Impact.RECREATE, (Change("image", "a", "b"),))
    result = Plan((action,), {"x": {"image": "a"}}, {"x": {"image": "b"}}).as_result()
    assert result["changed"]
    assert result["actions"] == [
        {
            "action": "update", "kind": "container", "name": "ollama-agent-x", "impact": "recreate",
            "fields": {"image": {"before": "a", "after": "b"}},
        }
    ]
    assert result["diff"] == {"before": {"x": {"image": "a"}}, "after": {"x": {"image": "b"}}}


@pytest.mark.parametrize(
    ("desired", "current", "changes"),
    [
        ({}, {}, ()),
        ({"a": 1}, {"a": 1}, ()),
        ({"a": None}, {"a": 1}, ()),
        ({"a": 2}, {"a": 1}, (Change("a", 1, 2),)),
        ({"a": 2}, {}, (Change("a", None, 2),)),
        ({"a": False}, {"a": True}, (Change("a", True, False),)),
        ({"a": ""}, {"a": "x"}, (Change("a", "x", ""),)),
    ],
)
def test_differences_keep_what_is_not_given(desired, current, changes):
    assert differences(desired, current) == changes


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TenancyError("It failed"), "It failed."),
        (TenancyError("It failed.", cause="disk\nfull", remedy="Free 2 GiB"), "It failed: disk full. Free 2 GiB."),
    ],
)
def test_error_is_one_line_of_what_cause_remedy(error, text):
    assert str(error) == text
    assert error.as_result()["msg"] == text
