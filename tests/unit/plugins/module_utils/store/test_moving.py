# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent's own directory comes along to another place, and takes nothing from what is there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import moving, places
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

from tests.support.deep_tree import deep


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


@pytest.mark.parametrize("stays", [False, True])
def test_what_stays_shares_no_file_with_the_agent(tmp_path: Path, stays: bool) -> None:
    old = filled(tmp_path / "old", {"manifests/a": "new"})
    moving.follow(str(old), str(tmp_path / "upper"), stays=stays)
    assert (old / "manifests/a").samefile(tmp_path / "upper/manifests/a") is not stays
    assert content(tmp_path / "upper") == content(old)


def test_a_killed_run_puts_what_it_had_together_in_its_place(tmp_path: Path) -> None:
    """Killed while the old directory is erased: what was only there is in the new one."""
    old = filled(tmp_path / "old", {"manifests/a": "new"})
    upper = filled(tmp_path / "upper", {"manifests/b": "mine"})
    filled(tmp_path / "upper.made", {"manifests/b": "mine", "blobs/b": "2"})
    filled(tmp_path / "upper.new", {"blobs/half": "of another run"})
    moving.follow(str(old), str(upper))
    assert content(upper) == {"manifests/a": "new", "manifests/b": "mine", "blobs/b": "2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "upper"]


def test_one_place_under_two_names_is_one_place(tmp_path: Path) -> None:
    """A store that moved and whose old path is a link to the new one: what the agent has is not erased as its old place."""
    (tmp_path / "store" / "agents" / "acme").mkdir(parents=True)
    (tmp_path / "store" / "agents" / "globex").mkdir()
    (tmp_path / "link").symlink_to("store")
    here, there = (places.mount_of(Layout(str(tmp_path / name)), "acme") for name in ("store", "link"))
    assert here != there and places.is_same(here, there)
    assert not places.is_same(here, places.mount_of(Layout(str(tmp_path / "store")), "globex"))
    assert not places.is_same(here, places.mount_of(Layout(str(tmp_path / "gone")), "acme"))


def test_only_the_agents_own_place_in_a_store_is_its_place(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "store"))
    (tmp_path / "store" / "locks").mkdir(parents=True)
    own = places.mount_of(layout, "acme")
    assert places.is_place(own, "acme") and not places.is_place(own, "globex")
    for upper in (f"{tmp_path}/upper", own.upper + "2"):
        assert not places.is_place(ModelMount(own.lower, upper, own.work), "acme")


def model(folder: Path, name: str, weights: bytes, blobs: Path | None = None) -> str:
    """A model of these weights; its blob is made in ``blobs``, or named only when that is None."""
    digest = hashlib.sha256(weights).hexdigest()
    if blobs:
        blobs.mkdir(parents=True, exist_ok=True)
        (blobs / f"sha256-{digest}").write_bytes(weights)
    place = folder / "manifests/registry.ollama.ai/library" / name / "latest"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"layers": [{"digest": f"sha256:{digest}", "size": len(weights)}]}))
    return f"blobs/sha256-{digest}"


@pytest.mark.parametrize("trap", ["blobs", "file", "manifests"])
def test_nothing_of_others_is_linked_into_what_a_tenant_writes(tmp_path: Path, trap: str) -> None:
    volume, upper, view, victim = (tmp_path / name for name in ("volume", "upper", "view", "victim"))
    named = model(victim, "secret", b"of the victim", victim / "blobs")
    model(volume, "mine", b"mine", volume / "own" if trap == "blobs" else volume / "blobs")
    if trap == "manifests":
        (volume / "manifests").rename(volume / "away")
        (volume / "manifests").symlink_to(victim / "manifests")
    else:
        model(volume, "stolen", b"of the victim")
        (volume / "blobs" if trap == "blobs" else volume / named).symlink_to(victim / ("blobs" if trap == "blobs" else named))
    moving.take(str(volume), str(upper), str(view))
    assert not (upper / named).exists() and not (upper / "manifests/registry.ollama.ai/library/secret").exists()
    assert all(os.lstat(path).st_nlink == 1 for path in victim.rglob("*") if path.is_file())


def test_a_file_with_names_elsewhere_is_copied_once(tmp_path: Path) -> None:
    """As an older release left it: the tenant would write to what others read."""
    old, upper = filled(tmp_path / "old", {"manifests/a": "1"}), tmp_path / "upper"
    shared = filled(tmp_path / "store", {"blob": "shared"}) / "blob"
    for name in ("x", "y"):
        os.link(shared, old / name)
    moving.follow(str(old), str(upper))
    assert content(upper) == {"manifests/a": "1", "x": "shared", "y": "shared"}
    assert not os.path.samefile(upper / "x", shared) and os.path.samefile(upper / "x", upper / "y")
    # What a killed run brought already is linked again: it needs no room.
    assert os.path.samefile(upper / "manifests/a", old / "manifests/a")
    moving.follow(str(old), str(upper))
    assert os.path.samefile(upper / "manifests/a", old / "manifests/a") and os.stat(shared).st_nlink == 3


def test_no_copy_leaves_the_volume(tmp_path: Path) -> None:
    upper, volume, outside = filled(tmp_path / "upper", {"cron/job": "evil"}), tmp_path / "volume", tmp_path / "outside"
    for folder in (volume, outside, upper / "blobs"):
        folder.mkdir()
    with open(upper / "blobs" / "sparse", "wb") as file:
        file.truncate(2**40)
        file.seek(2**39)
        file.write(b"middle")
    (volume / "cron").symlink_to(outside)
    with pytest.raises(TenancyError) as caught:
        moving.give(str(tmp_path / "view"), str(upper), str(volume))
    assert caught.value.kind == "link_in_the_way" and "cron" in caught.value.cause
    assert not list(outside.iterdir()) and not (volume / "blobs").exists()
    (volume / "cron").unlink()
    for _again in range(2):
        moving.give(str(tmp_path / "view"), str(upper), str(volume))
    assert (volume / "cron" / "job").read_text() == "evil" and os.stat(volume / "cron" / "job").st_mode & 0o777 == 0o644
    # Holes take no room there either.
    copy = os.stat(volume / "blobs" / "sparse")
    assert copy.st_size == 2**40 and copy.st_blocks < 2000
    with open(volume / "blobs" / "sparse", "rb") as file:
        file.seek(2**39)
        assert file.read(6) == b"middle"
    assert sorted(path.name for path in (volume / "blobs").iterdir()) == ["sparse"]


def test_what_its_own_models_are_made_of_comes_along(tmp_path: Path) -> None:
    """A tenant's model of the same name, made of the shared one: its manifest is its own, the weights are the view's."""
    view, upper, volume = (tmp_path / name for name in ("view", "upper", "volume"))
    shared = model(view, "base", b"weights", view / "blobs")
    model(upper, "base", b"weights")
    # What a run was copying when it was killed takes no room and does not stay.
    left = volume / "blobs" / f".{hashlib.sha256(os.path.basename(shared).encode()).hexdigest()[:16]}"
    filled(volume, {str(left.relative_to(volume)): "wei"})
    moving.give(str(view), str(upper), str(volume))
    assert (volume / shared).read_bytes() == b"weights" and not left.exists()
    assert (volume / "manifests/registry.ollama.ai/library/base/latest").exists()


def test_what_no_path_can_name_is_refused_for_its_agent(tmp_path: Path) -> None:
    old, upper = filled(tmp_path / "old", {"z": "1"}), filled(tmp_path / "upper", {"b": "2"})
    deep(old, "d" * 100, 50)
    deep(upper, "d" * 100, 40)
    with pytest.raises(TenancyError) as caught:
        moving.follow(str(old), str(upper))
    assert caught.value.kind == "tree_too_deep" and (upper / "b").exists() and (old / "z").exists()
    # It is known before anything is stopped, and of whom.
    with pytest.raises(TenancyError) as caught:
        moving.require_names(str(old), "acme")
    assert (caught.value.kind, caught.value.details["agent"]) == ("tree_too_deep", "acme")
    moving.follow(str(upper), str(tmp_path / "other"))
    assert (tmp_path / "other" / "b").exists()
