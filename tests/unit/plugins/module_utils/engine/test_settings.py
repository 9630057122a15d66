# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings: what is given, else what is there, else the default; and everything that can be refused without an engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, GIB, check_spec, resolve
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

THERE = replace(
    DEFAULTS, port=11500, bind_address="0.0.0.0", memory_limit=2 * GIB, memory_reservation=GIB, environment={"A": "1"}
)


def spec(**given):
    return AgentSpec("a1", "acme", **given)


@pytest.mark.parametrize(
    ("given", "current", "expected"),
    [
        ({}, None, {}),
        ({"memory_limit": 4 * GIB}, None, {"memory_limit": 4 * GIB, "memory_reservation": 2 * GIB}),
        ({"memory_reservation": GIB}, None, {"memory_reservation": GIB}),
        ({"port": 11435}, None, {"port": 11435}),
        ({"bind_address": "0.0.0.0"}, None, {}),
        ({"bind_address": "0.0.0.0", "port": 1}, None, {"bind_address": "0.0.0.0", "port": 1}),
        ({}, THERE, {}),
        ({"memory_limit": 8 * GIB}, THERE, {"memory_limit": 8 * GIB}),
        ({"memory_limit": GIB // 2}, THERE, {"memory_limit": GIB // 2, "memory_reservation": GIB // 4}),
        ({"memory_limit": GIB}, THERE, {"memory_limit": GIB}),
        ({"memory_reservation": 0}, replace(THERE, memory_reservation=7), {"memory_reservation": GIB}),
        ({"port": 0}, THERE, {"port": None, "bind_address": "127.0.0.1"}),
        ({"environment": {}}, THERE, {"environment": {}}),
        ({"model": ""}, replace(THERE, model="phi4-mini"), {"model": ""}),
    ],
)
def test_resolve(given, current, expected):
    assert resolve(spec(**given), current) == replace(current or DEFAULTS, **expected)


def test_reservation_above_the_limit_is_refused():
    with pytest.raises(TenancyError) as error:
        resolve(spec(memory_reservation=3 * GIB), THERE)
    assert error.value.kind == "invalid_memory"
    assert "3.0 GiB" in str(error.value) and "2.0 GiB" in str(error.value)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"agent": "No_Slug"}, "invalid_slug"),
        ({"tenant": "-x"}, "invalid_slug"),
        ({"model": "no model"}, "invalid_model"),
        ({"image": "not an image"}, "invalid_image"),
        ({"image": ""}, "invalid_image"),
        ({"port": 65536}, "invalid_port"),
        ({"port": -1}, "invalid_port"),
        ({"bind_address": "localhost"}, "invalid_address"),
        ({"memory_limit": 1024}, "invalid_memory"),
        ({"memory_limit": 0}, "invalid_memory"),
        ({"cpu_limit": 0}, "invalid_cpus"),
        ({"context_length": 0}, "invalid_context_length"),
        ({"num_parallel": -1}, "invalid_num_parallel"),
        ({"keep_alive": "soon"}, "invalid_keep_alive"),
        ({"environment": {"OLLAMA_HOST": "x"}}, "invalid_environment"),
        ({"environment": {"OLLAMA_NOPRUNE": "0"}}, "invalid_environment"),
        ({"environment": {"a b": "x"}}, "invalid_environment"),
    ],
)
def test_refused(given, kind):
    with pytest.raises(TenancyError) as error:
        check_spec(AgentSpec(**{"agent": "a1", "tenant": "acme", **given}))
    assert error.value.kind == kind
    assert error.value.remedy


@pytest.mark.parametrize(
    "given",
    [
        {}, {"keep_alive": "5m"}, {"keep_alive": "-1"}, {"keep_alive": "0"}, {"keep_alive": "1h30m"}, {"keep_alive": "1.5h"},
        {"bind_address": "::1"}, {"port": 0}, {"image": "mirror.local:5000/ollama/ollama@sha256:00"}, {"model": ""},
        {"environment": {"HTTPS_PROXY": "http://proxy:3128", "OLLAMA_DEBUG": "1"}},
    ],
)
def test_accepted(given):
    check_spec(spec(**given))
