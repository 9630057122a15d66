# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent's own directory comes along to another place, and takes nothing from what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount
from ansible_collections.llmops.tenancy.plugins.module_utils.store import moving, places
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


def filled(folder: Path, files: dict[str, str]) -> Path:
    """A directory with these files."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    """The files of a directory."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ({}, {"manifests/a": "new", "blobs/a": "1"}),
        ({"manifests/a": "old", "manifests/b": "mine", "blobs/b": "2"},
         {"manifests/a": "new", "manifests/b": "mine", "blobs/a": "1", "blobs/b": "2"}),
        # What was a directory there is a file now.
        ({"blobs/a/c": "3"}, {"manifests/a": "new", "blobs/a": "1"}),
    ],
)
def test_what_an_agent_wrote_comes_over_what_it_has_there(tmp_path: Path, there: dict[str, str], after: dict[str, str]) -> None:
    old = filled(tmp_path / "old", {"manifests/a": "new", "blobs/a": "1"})
    upper = filled(tmp_path / "upper", there)
    for _again in range(2):
        moving.follow(str(old), str(upper))
        assert content(upper) == after


def test_only_the_agents_own_place_in_a_store_is_its_place(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "store"))
    (tmp_path / "store" / "locks").mkdir(parents=True)
    own = places.mount_of(layout, "acme")
    assert places.is_place(own, "acme") and not places.is_place(own, "globex")
    for upper in (f"{tmp_path}/upper", own.upper + "2"):
        assert not places.is_place(ModelMount(own.lower, upper, own.work), "acme")
