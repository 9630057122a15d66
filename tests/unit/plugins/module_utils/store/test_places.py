# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which views an agent uses: the one that its link names, and the one that it runs with until its next start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import garbage, places, usage
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


@pytest.fixture(name="layout")
def _layout(tmp_path: Path) -> Layout:
    """A store with three views, and an agent that sees the first."""
    layout = Layout(str(tmp_path / "store"))
    layout.prepare()
    for view in ("one", "two", "three"):
        Path(layout.view(view)).mkdir()
    places.prepare(layout, "acme", "acme")
    places.switch(layout, "acme", "one")
    return layout


def unused(layout: Layout) -> list[str]:
    return sorted(each.name for each in garbage.decide(usage.survey(layout), (), 0))


def test_a_view_that_an_agent_runs_with_stays_until_its_next_start(layout: Layout) -> None:
    assert unused(layout) == ["three", "two"]
    places.switch(layout, "acme", "two", running=True)
    assert unused(layout) == ["three"]
    # It runs with the first one still, however often it is given another.
    places.switch(layout, "acme", "three", running=True)
    assert unused(layout) == ["two"]
    places.settle(layout, "acme", time.time())
    assert unused(layout) == ["two"]
    # The moment of a switch counts as a little later, since an engine tells a start a moment late.
    places.settle(layout, "acme", time.time() + 60)
    places.settle(layout, "acme", 0.0)
    assert unused(layout) == ["one", "two"]


def test_a_switch_while_it_does_not_run_leaves_no_view_behind(layout: Layout) -> None:
    places.switch(layout, "acme", "two", running=True)
    places.switch(layout, "acme", "three")
    assert unused(layout) == ["one", "two"]
    assert sorted(path.name for path in Path(layout.agents, "acme").iterdir()) == ["tenant", "upper", "view", "work"]
