# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run left is noted, and found by the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import retry


def kind_of(call, *arguments):
    with pytest.raises(TenancyError) as caught:
        call(*arguments)
    return caught.value.kind


def test_note(tmp_path):
    path = str(tmp_path / "folder" / "left.json")
    run = {"retry_file": path}
    assert kind_of(retry.read, path) == "nothing_to_retry"
    retry.note(run, [])
    retry.note(run, ["blue", "acme", "blue"])
    assert retry.read(path) == ["acme", "blue"]
    retry.note(run, [])
    assert kind_of(retry.read, path) == "nothing_to_retry"


@pytest.mark.parametrize(
    ("selection", "left", "noted"),
    [
        ({}, ["cyan"], ["cyan"]),
        ({"tenants": ["acme"]}, [], ["blue"]),
        ({"tenants": ["a*", "c*"]}, ["cyan"], ["blue", "cyan"]),
        ({"retried": ["acme", "blue"]}, ["blue"], ["blue"]),
        ({"agent_host": "gpu-01"}, ["cyan"], ["acme", "blue", "cyan"]),
        ({"retried": ["acme", "blue"], "agent_host": "gpu-01"}, [], ["acme", "blue"]),
    ],
)
def test_a_run_for_some_keeps_what_is_noted_of_others(tmp_path, selection, left, noted):
    run = {"retry_file": str(tmp_path / "left.json")}
    retry.note(run, ["acme", "blue"])
    retry.note({**run, **selection}, left)
    assert retry.read(run["retry_file"]) == noted


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"tenants": 1}'])
def test_broken_note(tmp_path, content):
    path = tmp_path / "left.json"
    path.write_text(content)
    assert kind_of(retry.read, str(path)) == "invalid_file"
    retry.note({"retry_file": str(path)}, ["acme"])
    assert retry.read(str(path)) == ["acme"]


def test_several_runs_at_once(tmp_path):
    run = {"retry_file": str(tmp_path / "left.json")}

    def note_often(tenant):
        for _turn in range(50):
            retry.note(run, [tenant])
            retry.note(run, [])

    with ThreadPoolExecutor() as pool:
        list(pool.map(note_often, ["acme", "blue", "cyan"]))
    assert list(tmp_path.iterdir()) == []


def test_nowhere_to_write(tmp_path):
    assert kind_of(retry.note, {"retry_file": str(tmp_path)}, ["acme"]) == "file"
