# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capacities of agent hosts out of the inventory."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.capacity import agent_host


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"name": "gpu-01"}),
        ({"agent_host_memory": None, "agent_host_cpus": ""}, {"name": "gpu-01"}),
        (
            {"agent_host_memory": "64g", "agent_host_cpus": 16, "agent_host_agents": "20"},
            {"name": "gpu-01", "memory": "64g", "cpus": "16", "agents": 20},
        ),
    ],
)
def test_capacities(variables, expected):
    assert agent_host("gpu-01", variables) == expected


def test_a_wrong_capacity_names_its_host():
    with pytest.raises(TenancyError, match="agent_host_memory of host gpu-01 'lots' is not a size"):
        agent_host("gpu-01", {"agent_host_memory": "lots"})
