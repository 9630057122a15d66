# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which views an agent uses: the one that its link names, and the one that it runs with until its next start."""

from __future__ import annotations

import fcntl
import signal
import time
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import garbage, hostile, places, usage
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


def test_a_view_that_goes_during_a_survey_is_none(layout: Layout) -> None:
    # Listed, and nothing when it is looked at.
    Path(layout.view("gone")).symlink_to("nowhere")
    assert [view.id for view in usage.survey(layout).views] == ["one", "three", "two"]


def test_manifests_are_those_of_the_tenant_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = '{"layers": []}'
    for folder in ("tenant", "outside"):
        place = tmp_path / folder / "manifests" / "registry.ollama.ai" / "library" / f"of-{folder}"
        place.mkdir(parents=True)
        for path in (place / "latest", place / "below" / "latest", place.parent / "latest"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(body)
    tenant, outside = (tmp_path / folder / "manifests" for folder in ("tenant", "outside"))
    (tenant / "link").symlink_to(outside / "registry.ollama.ai")
    assert set(places.manifests_of(str(tenant.parent))) == {"of-tenant:latest"}
    # However many there are, it comes to an end.
    monkeypatch.setattr(places, "_MOST", 2)
    assert places.manifests_of(str(tenant.parent)) == {}
    monkeypatch.setattr(places, "_MOST", 100)
    monkeypatch.setattr(places, "_MOST_BYTES", 10)
    assert places.manifests_of(str(tenant.parent)) == {}
    tenant.rename(tmp_path / "away")
    tenant.symlink_to(outside)
    assert places.manifests_of(str(tenant.parent)) == {}


def test_a_file_with_a_lease_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with open(tmp_path / "file", "r+b") as file:
        # The kernel asks its holder to let go by a signal that ends it, unless it is ignored.
        before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            assert hostile.read(str(tmp_path), ["file"], 100) == b""
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            assert hostile.read(str(tmp_path), ["file"], 100) == b"text"
        finally:
            signal.signal(signal.SIGIO, before)
