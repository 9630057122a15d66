# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results have one shape, whether predicted, in progress or reached."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import Model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.outcomes import (
    ModelsFailed,
    Outcome,
    predicted,
    reached,
    result,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import parse_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.wishes import Finding, Wish

OLD = Model("demo:latest", "a" * 64, 10)
NEW = Model("demo:latest", "b" * 64, 12)


def wish(agent: str = "a", model: str = "demo:latest") -> Wish:
    return Wish(agent, f"http://{agent}:11434", model, "present", parse_model(model))


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [("", OLD, OLD), ("pull", None, NEW), ("update", OLD, NEW), ("remove", OLD, None), ("", None, None)],
)
def test_what_is_predicted_is_what_is_reached(verb, before, after):
    forecast = predicted(Finding(wish(), verb, before, after))
    assert result([reached(forecast, after)]) == result([forecast])
    assert result([forecast])["changed"] is bool(verb)


def test_a_pull_that_brought_nothing_new_is_no_change():
    forecast = predicted(Finding(wish(), "update", OLD, Model("demo:latest", "", 0)))
    assert result([forecast])["changed"]
    assert not result([reached(forecast, OLD)])["changed"]


def test_a_removal_loses_data_and_says_so():
    [action] = result([predicted(Finding(wish(), "remove", OLD, None))])["actions"]
    assert (action["impact"], action["name"]) == ("data_loss", "demo:latest on a")


def test_the_mirrors_name_that_was_left_is_in_the_diff():
    outcome = result([predicted(Finding(wish(), "", OLD, OLD, leftover="m:5000/library/demo:latest"))])
    assert outcome["changed"] and outcome["actions"][0]["name"] == "m:5000/library/demo:latest on a"
    assert set(outcome["diff"]["before"]["a"]) - set(outcome["diff"]["after"]["a"]) == {"m:5000/library/demo:latest"}


def failed(agent: str, what: str) -> Outcome:
    error = TenancyError(what, cause="because", remedy="Do that", kind="k").as_result()["error"]
    return Outcome(wish(agent), "failed", error=error)


def test_one_failure_is_told_as_it_is():
    error = ModelsFailed([predicted(Finding(wish(), "pull", None, NEW)), failed("b", "It broke")]).as_result()
    assert error["msg"] == "It broke: because. Do that."
    assert (error["changed"], error["error"]["kind"], len(error["models"])) == (True, "k", 2)


def test_several_failures_are_told_each():
    error = ModelsFailed([failed("a", "One broke"), failed("b", "Two broke")]).as_result()
    assert "2 of 2 models failed" in error["msg"] and "1) One broke" in error["msg"] and "2) Two broke" in error["msg"]
    assert (error["changed"], error["error"]["kind"]) == (False, "models_failed")
