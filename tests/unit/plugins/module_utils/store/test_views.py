# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views over a store: what is in one, and that it is whole whatever was done to it by hand."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


def add(layout: Layout, name: str, *contents: str) -> str:
    """Put a model of these blobs in; its digest."""
    parts = []
    for content in contents:
        digest = hashlib.sha256(content.encode()).hexdigest()
        Path(layout.blob(digest)).write_text(content)
        parts.append({"digest": f"sha256:{digest}", "size": len(content)})
    body = json.dumps({"layers": parts[1:], "config": parts[0]})
    place = Path(layout.manifest(name))
    place.parent.mkdir(parents=True, exist_ok=True)
    # As a store does: a view has a link to the file, which must not change under it.
    aside = place.with_name(".new")
    aside.write_text(body)
    aside.rename(place)
    return hashlib.sha256(body.encode()).hexdigest()


@pytest.fixture(name="layout")
def _layout(tmp_path) -> Layout:
    layout = Layout(str(tmp_path / "models"))
    layout.prepare()
    return layout


def files(place: str) -> dict[str, str]:
    return {str(path.relative_to(place)): path.read_text() for path in Path(place).rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ({}, "e3b0c44298fc1c14"),
        ({"demo:latest": "aa"}, hashlib.sha256(b"demo:latest aa\n").hexdigest()[:16]),
        ({"z:1": "bb", "a:1": "aa"}, hashlib.sha256(b"a:1 aa\nz:1 bb\n").hexdigest()[:16]),
    ],
)
def test_an_id_says_which_models_in_which_version(models, expected):
    assert views.view_id(models) == expected


def test_a_view_has_what_was_asked_for_and_nothing_else(layout):
    digest = add(layout, "demo", "config", "weights")
    add(layout, "192.0.2.1:5000/org/other:q4", "config", "other weights")
    view = views.wanted(layout, ["demo", "library/demo:latest", "absent"])
    assert (view.models, view.missing) == ({"demo:latest": digest}, ("absent:latest",))
    place = views.build(layout, view)
    assert place == layout.view(view.id)
    assert sorted(files(place).values())[:2] == ["config", "weights"]
    assert len(files(place)) == 3
    assert os.stat(layout.blob(hashlib.sha256(b"weights").hexdigest())).st_nlink == 2
    assert views.read(place) == views.View(view.id, view.models)


def test_no_models_are_a_view_too(layout):
    view = views.wanted(layout, [])
    assert sorted(os.listdir(views.build(layout, view))) == ["blobs", "manifests"]


def test_a_model_without_one_of_its_blobs_counts_as_missing(layout):
    add(layout, "demo", "config", "weights")
    os.unlink(layout.blob(hashlib.sha256(b"weights").hexdigest()))
    assert views.wanted(layout, ["demo"]).missing == ("demo:latest",)


def test_a_pinned_name_keeps_its_version_and_others_move_on(layout):
    old = views.wanted(layout, ["demo"]) if add(layout, "demo", "config", "weights") else None
    views.build(layout, old)
    newer = add(layout, "demo", "config", "better weights")
    assert views.wanted(layout, ["demo"]).models == {"demo:latest": newer}
    pinned = views.wanted(layout, ["demo", "absent"], pinned=old.models)
    assert (pinned.models, pinned.missing) == (old.models, ("absent:latest",))
    other = add(layout, "other", "config")
    both = views.wanted(layout, ["demo", "other"], pinned=old.models)
    assert both.models == {**old.models, "other:latest": other}
    assert "weights" in files(views.build(layout, both)).values()


@pytest.mark.parametrize("damage", ["blob", "short blob", "manifest", "wrong manifest", "manifests", "stranger", "all"])
def test_a_damaged_view_is_mended(layout, damage):
    add(layout, "demo", "config", "weights")
    view = views.wanted(layout, ["demo"])
    place = Path(views.build(layout, view))
    whole = files(str(place))
    blob = next(path for path in (place / "blobs").iterdir() if path.read_text() == "weights")
    manifest = next(path for path in (place / "manifests").rglob("*") if path.is_file())
    if damage == "blob":
        blob.unlink()
    elif damage == "short blob":
        blob.unlink()
        blob.write_text("w")
    elif damage == "manifest":
        manifest.unlink()
    elif damage == "wrong manifest":
        body = manifest.read_text()
        manifest.unlink()
        manifest.write_text(body.replace("layers", "LAYERS"))
    elif damage == "manifests":
        for path in reversed(sorted((place / "manifests").rglob("*"))):
            path.unlink() if path.is_file() else path.rmdir()
    elif damage == "stranger":
        (manifest.parent / "v2").write_text(manifest.read_text())
    else:
        for path in reversed(sorted(place.rglob("*"))):
            path.unlink() if path.is_file() else path.rmdir()
        place.rmdir()
    views.build(layout, view)
    assert files(str(place)) == whole
    assert [name for name in os.listdir(layout.views) if name.startswith(".")] == []


def test_a_view_of_a_lost_model_is_an_error(layout):
    add(layout, "demo", "config", "weights")
    view = views.wanted(layout, ["demo"])
    os.unlink(layout.manifest("demo"))
    with pytest.raises(TenancyError) as raised:
        views.build(layout, view)
    assert raised.value.kind == "model_not_in_store"


def test_many_who_build_one_view_at_once_get_the_same(layout):
    for number in range(30):
        add(layout, f"demo{number}", "config", f"weights {number}")
    view = views.wanted(layout, [f"demo{number}" for number in range(30)])
    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _number: views.build(layout, view), range(16)))
    assert places == {layout.view(view.id)}
    assert len(files(layout.view(view.id))) == 61
