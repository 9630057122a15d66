# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of an agent as operators write them."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agent_options import (
    ENTITY,
    hide_environment,
    ordinary_values,
    read,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, GIB
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"memory_limit": "6g"}, {"memory_limit": 6 * GIB}),
        ({"memory_limit": "1.5GiB", "memory_reservation": "512m"}, {"memory_limit": 3 * GIB // 2, "memory_reservation": GIB // 2}),
        ({"memory_limit": ""}, {"memory_limit": DEFAULTS.memory_limit}),
        ({"memory_reservation": ""}, {"memory_reservation": 0}),
        ({"cpu_limit": "0.5"}, {"cpu_limit": 500}),
        ({"cpu_limit": ""}, {"cpu_limit": 2000}),
        ({"image": ""}, {"image": DEFAULTS.image}),
        ({"keep_alive": "", "bind_address": ""}, {"keep_alive": "5m", "bind_address": "127.0.0.1"}),
        ({"model": ""}, {"model": ""}),
        ({"state": "absent", "remove_volume": True}, {"state": "absent", "remove_volume": True}),
        ({"environment": {"A": True, "B": 1, "C": None, "D": "x"}}, {"environment": {"A": "true", "B": "1", "C": "", "D": "x"}}),
    ],
)
def test_read(given, expected):
    entity = {**dict.fromkeys(ENTITY), "agent": "a1", "tenant": "acme", **given}
    assert read(entity) == AgentSpec("a1", "acme", **expected)


@pytest.mark.parametrize(("given", "kind"), [({"memory_limit": "lots"}, "invalid_size"), ({"cpu_limit": "two"}, "invalid_cpus")])
def test_refused(given, kind):
    with pytest.raises(TenancyError) as error:
        read({"agent": "a1", "tenant": "acme", **given})
    assert error.value.kind == kind


def test_values_of_variables_do_not_come_back():
    params = {"environment": {"A": "1", "TOKEN": "hidden-value"}, "agents": [{"environment": {"B": "secret"}}, {"environment": None}]}
    assert sorted(ordinary_values(params)) == ["1"]
    hide_environment(params)
    assert params["environment"] == {"A": "********", "TOKEN": "********"}
    assert params["agents"][0]["environment"] == {"B": "********"}
