# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of an engine: they tell of a container, or the engine is asked."""

from __future__ import annotations

import json

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_files import read_container

LISTED = {
    "Id": "c1", "ImageID": "sha256:1", "Labels": {"a": "b"}, "Mounts": [], "State": "running", "Status": "Up 3 minutes (healthy)",
    "NetworkSettings": {"Networks": {}},
}
KNOWN = {
    "ID": "c1", "Image": "sha256:1", "Name": "/agent", "RestartCount": 1, "Config": {"Env": ["A=1"], "Labels": {"a": "b"}},
    "State": {"StartedAt": "2026-11-22T07:00:00Z", "OOMKilled": False},
}


def written(folder, known, host):
    place = folder / "containers" / "c1"
    place.mkdir(parents=True)
    for name, content in (("config.v2.json", known), ("hostconfig.json", host)):
        (place / name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    ("listed", "health"),
    [
        ({}, {"Status": "healthy"}),
        ({"Status": "Up 2 seconds (health: starting)"}, {"Status": "starting"}),
        ({"Status": "Up 2 hours (unhealthy)"}, {"Status": "unhealthy"}),
        ({"State": "exited", "Status": "Exited (137) 2 hours ago"}, None),
    ],
)
def test_what_files_and_listing_tell(tmp_path, listed, health):
    written(tmp_path, KNOWN, {"Memory": 1})
    found = read_container(str(tmp_path), {**LISTED, **listed})
    assert found["HostConfig"] == {"Memory": 1} and found["Config"] == KNOWN["Config"] and found["RestartCount"] == 1
    assert found["State"]["Status"] == {**LISTED, **listed}["State"] and found["State"].get("Health") == health


@pytest.mark.parametrize(
    ("known", "host"),
    [
        ({**KNOWN, "ID": "c2"}, {}),
        ({**KNOWN, "Image": "sha256:2"}, {}),
        ({name: value for name, value in KNOWN.items() if name != "State"}, {}),
        ({**KNOWN, "Config": None}, {}),
        ("{", {}),
        (KNOWN, ""),
    ],
)
def test_files_of_another_shape_tell_nothing(tmp_path, known, host):
    written(tmp_path, known, host)
    assert read_container(str(tmp_path), LISTED) is None


def test_no_files_tell_nothing(tmp_path):
    assert read_container(str(tmp_path), LISTED) is None
