# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of agents that are gone goes only when nobody knows of them any more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import Foreign, Listed, Observation, Volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelView
from ansible_collections.llmops.tenancy.plugins.module_utils.store import orphans, places, report
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

from tests.support.deep_tree import deep

DAY = 86400.0
NAME = "ollama-agent-gone"
NOTHING = Observation()


@pytest.fixture(name="layout")
def _layout(tmp_path: Path) -> Layout:
    """A store with what an agent has of its own."""
    layout = Layout(str(tmp_path / "store"))
    layout.prepare()
    for agent in ("gone", "known"):
        places.prepare(layout, agent, "acme")
        Path(layout.agent(agent).upper, "mine").write_bytes(bytes(9000))
    return layout


def volume(layout: Layout, name: str) -> Volume:
    return Volume(name, "other", "acme", mount=places.mount_of(layout, "gone"))


@pytest.mark.parametrize(
    ("observed", "grace", "remove", "why"),
    [
        (lambda layout: NOTHING, 0, True, ""),
        (lambda layout: NOTHING, 0, False, "not set"),
        (lambda layout: NOTHING, DAY, True, "grace"),
        (lambda layout: Observation(containers=(Listed("gone", "acme", "renamed", "exited"),)), 0, True, "engine"),
        (lambda layout: Observation(foreign={("container", NAME): Foreign("container", NAME, "")}), 0, True, "engine"),
        (lambda layout: Observation(volumes={NAME: Volume(NAME, "gone", "acme")}), 0, True, "engine"),
        (lambda layout: Observation(volumes={"other": volume(layout, "other")}), 0, True, "engine"),
    ],
)
def test_kept_and_erased(layout: Layout, observed, grace: float, remove: bool, why: str) -> None:
    [found] = orphans.look(layout, ["known"], grace, remove, lambda: observed(layout))
    assert (found.agent, found.tenant, found.size >= 9000) == ("gone", "acme", True)
    assert why in found.kept and bool(found.kept) is bool(why)
    orphans.erase(layout, [found])
    assert layout.agent_names() == (["gone", "known"] if why else ["known"])


def test_one_that_is_made_again_meanwhile_stays(layout: Layout) -> None:
    found = orphans.look(layout, ["known"], 0, True, lambda: NOTHING)
    # Longer than a tick of the clock that a file system has, and than nothing had changed before.
    time.sleep(0.05)
    places.prepare(layout, "gone", "acme")
    time.sleep(0.2)
    [kept] = orphans.erase(layout, found)
    assert "while this ran" in kept.kept and layout.agent_names() == ["gone", "known"]


def test_times_that_a_tenant_sets_make_nothing_old(layout: Layout) -> None:
    for path in Path(layout.agents, "gone").rglob("*"):
        os.utime(path, (0, 0))
    [found] = orphans.look(layout, ["known"], DAY, True, lambda: NOTHING)
    assert found.age < DAY and "grace" in found.kept
    assert orphans.look(layout, ["known", "gone"], 0, True, lambda: NOTHING) == []


def test_what_an_agent_nested_without_end_is_told_and_erased(layout: Layout) -> None:
    deep(Path(layout.agent("gone").upper))
    [found] = orphans.look(layout, ["known"], 0, True, lambda: NOTHING)
    assert found.size >= 9000 + 5000 and places.look(layout, "gone", ModelView(), "", 0).private_bytes == found.size
    [told, _known] = report.report(layout, report.Limits(DAY))[0]["agents"]
    assert (told["agent"], told["private_bytes"]) == ("gone", found.size)
    orphans.erase(layout, [found])
    assert layout.agent_names() == ["known"]
