# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and paths of a store."""

from __future__ import annotations

import os

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import (
    Layout,
    full_name,
    manifest_path,
    name_of,
)


@pytest.mark.parametrize(
    ("model", "name", "path"),
    [
        ("phi4-mini", "phi4-mini:latest", "registry.ollama.ai/library/phi4-mini/latest"),
        ("phi4-mini:3.8b", "phi4-mini:3.8b", "registry.ollama.ai/library/phi4-mini/3.8b"),
        ("library/phi4-mini", "phi4-mini:latest", "registry.ollama.ai/library/phi4-mini/latest"),
        ("registry.ollama.ai/library/phi4-mini:3.8b", "phi4-mini:3.8b", "registry.ollama.ai/library/phi4-mini/3.8b"),
        ("someone/model:v1", "someone/model:v1", "registry.ollama.ai/someone/model/v1"),
        ("registry.ollama.ai/someone/model", "someone/model:latest", "registry.ollama.ai/someone/model/latest"),
        ("hub.example.com/org/model", "hub.example.com/org/model:latest", "hub.example.com/org/model/latest"),
        ("hub.example.com/library/m:q4", "hub.example.com/library/m:q4", "hub.example.com/library/m/q4"),
        ("192.0.2.1:5000/org/model:q4_K", "192.0.2.1:5000/org/model:q4_K", "192.0.2.1:5000/org/model/q4_K"),
    ],
)
def test_a_model_has_one_name_and_one_path(model, name, path):
    assert (full_name(model), manifest_path(model), name_of(path)) == (name, path, name)


@pytest.mark.parametrize("model", ["../org/model", "./org/model:x", "..", "a/../b", "a/b/c/d", "model:", "mo del", ""])
def test_a_name_never_leads_out_of_the_store(model):
    with pytest.raises(TenancyError) as raised:
        manifest_path(model)
    assert raised.value.kind == "invalid_model"


@pytest.mark.parametrize("root", ["models", "/", "/srv/a:b", "/srv/a,b", "/srv/a\\b", "/srv/my models", "/srv/a\nb", ""])
def test_a_root_that_no_mount_can_name(root):
    with pytest.raises(TenancyError) as raised:
        Layout(root)
    assert raised.value.kind == "invalid_store"


def test_the_places_of_an_agent():
    places = Layout("/srv/models/").agent("empresa-corp")
    assert (places.link, places.upper, places.work) == tuple(
        f"/srv/models/agents/empresa-corp/{name}" for name in ("view", "upper", "work")
    )


def test_a_store_is_made_for_root_alone_and_found_again(tmp_path):
    layout = Layout(str(tmp_path / "new" / "models"))
    assert not layout.exists()
    layout.prepare()
    os.rmdir(layout.views)
    assert not layout.exists()
    layout.prepare()
    assert layout.exists()
    assert os.stat(layout.root).st_mode & 0o777 == 0o700


def test_a_disk_of_its_own_is_a_place_and_a_directory_with_other_things_is_not(tmp_path):
    (tmp_path / "lost+found").mkdir()
    assert not Layout(str(tmp_path)).exists()
    (tmp_path / "letters").mkdir()
    with pytest.raises(TenancyError) as raised:
        Layout(str(tmp_path)).prepare()
    assert raised.value.kind == "not_a_store"
    assert os.listdir(tmp_path / "letters") == []
