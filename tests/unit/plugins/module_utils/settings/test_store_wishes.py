# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the model store of a host needs, from records and from what the host has."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.store_wishes import seeds, store_models

RECORDS = [
    {"agent": "a1", "host": "h1", "models": ["demo", "phi4-mini"]},
    {"agent": "a2", "host": "h1", "models": ["demo:latest", "tune"]},
    {"agent": "b1", "host": "h2", "models": ["other"]},
]
NOTHING = {"volumes": [], "directories": []}
PLAIN = {"agent": "a2", "path": "/d", "shared": False}
OWN = {"agent": "a2", "models": ["tune:latest"]}


@pytest.mark.parametrize(
    ("seen", "options", "expected"),
    [
        (NOTHING, {}, ["demo", "phi4-mini", "tune"]),
        # A plain volume stays plain, unless it is about to be moved.
        ({**NOTHING, "volumes": [PLAIN]}, {}, ["demo", "phi4-mini"]),
        ({**NOTHING, "volumes": [PLAIN]}, {"migrate": "shared"}, ["demo", "phi4-mini", "tune"]),
        # What a tenant made for itself has no other source.
        ({**NOTHING, "volumes": [{**PLAIN, "shared": True}], "directories": [OWN]}, {}, ["demo", "phi4-mini"]),
    ],
)
def test_models(seen, options, expected):
    assert [each["model"] for each in store_models(RECORDS, seen, "h1", **options)] == expected


def test_sources():
    sources = {"demo": {"path": "/m/demo.gguf"}, "tune": {"mirror": "m:5000", "insecure": True}}
    found = store_models(RECORDS, NOTHING, "h1", sources=sources, latest="phi4-mini")
    # What the task says for all of them (mirror, account) is not said here; of a mirror of its own it does not hold.
    assert found == [
        {"model": "demo", "state": "present", "path": "/m/demo.gguf"},
        {"model": "phi4-mini", "state": "latest"},
        {"model": "tune", "state": "present", "mirror": "m:5000", "insecure": True, "username": "", "password": "", "ca_path": ""},
    ]


def test_a_model_that_names_its_registry_is_on_no_mirror():
    records = [{"agent": "a1", "host": "h1", "models": ["hf.co/x/y:q4", "demo"]}]
    apart, on_mirror = store_models(records, NOTHING, "h1", mirror="m:5000")
    assert apart == {"model": "hf.co/x/y:q4", "state": "present", "mirror": "", "username": "", "password": "", "ca_path": ""}
    assert on_mirror == {"model": "demo", "state": "present"}
    # Without a mirror, an account is for the registries that names name.
    assert "username" not in store_models(records, NOTHING, "h1")[0]


@pytest.mark.parametrize("source", [{}, None])
def test_a_source_that_says_nothing(source):
    [found] = store_models([{"agent": "a1", "host": "h1", "models": ["demo"]}], NOTHING, "h1", sources={"demo": source}, mirror="m:5000")
    assert found == {"model": "demo", "state": "present"}


@pytest.mark.parametrize("spelled", ["library/demo", "registry.ollama.ai/library/demo:latest"])
def test_a_model_is_one_however_it_is_spelled(spelled):
    records = [{"agent": "a1", "host": "h1", "models": [spelled]}, RECORDS[0]]
    found = store_models(records, NOTHING, "h1", sources={"demo": {"path": "/m/demo.gguf"}}, latest="demo:latest")
    assert found == [{"model": spelled, "state": "latest", "path": "/m/demo.gguf"}, {"model": "phi4-mini", "state": "present"}]


def test_adopted_agents_keep_their_models_where_they_are():
    records = [RECORDS[0], {**RECORDS[1], "adopted": True}]
    assert [each["model"] for each in store_models(records, NOTHING, "h1")] == ["demo", "phi4-mini"]


def test_what_an_agent_brings_from_another_host_is_not_asked_of_a_registry():
    brings = [{**RECORDS[0], "shared": True, "own_models": ["phi4-mini:latest"]}, {**RECORDS[1], "shared": False, "own_models": []}]
    assert [each["model"] for each in store_models(brings, NOTHING, "h1")] == ["demo"]


def test_models_of_agents_that_move_may_be_their_own():
    found = store_models(RECORDS, NOTHING, "h1", sources={"demo": {"path": "/m/demo.gguf"}}, migrate="shared")
    assert [each.get("optional", False) for each in found] == [False, True, True]


def test_seeds_are_plain_volumes_of_agents_that_move():
    seen = {"volumes": [PLAIN, {**PLAIN, "path": "/shared", "shared": True}, {**PLAIN, "path": ""}]}
    assert seeds(seen, "shared") == ["/d"]
    assert seeds(seen, "private") == seeds(seen) == []
