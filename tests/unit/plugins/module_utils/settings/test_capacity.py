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
        (
            {
                "agent_host_gpus": "4",
                "agent_host_disk": "1t",
                "agent_host_networks": 30,
                "agent_host_ports": "20000-20999",
                "agent_host_labels": {"gpu": "a100", "rack": 7},
                "agent_host_memory_overcommit": "1.5",
                "agent_host_cpus_overcommit": 4,
            },
            {
                "name": "gpu-01",
                "gpus": 4,
                "disk": "1t",
                "networks": 30,
                "ports": "20000-20999",
                "labels": ["gpu=a100", "rack=7"],
                "memory_overcommit": 1.5,
                "cpus_overcommit": 4.0,
            },
        ),
        ({"agent_host_labels": "gpu=a100, ssd"}, {"name": "gpu-01", "labels": ["gpu=a100", "ssd"]}),
    ],
)
def test_capacities(variables, expected):
    assert agent_host("gpu-01", variables) == expected


def test_a_wrong_capacity_names_its_host():
    with pytest.raises(TenancyError, match="agent_host_memory of host gpu-01 'lots' is not a size"):
        agent_host("gpu-01", {"agent_host_memory": "lots"})
    with pytest.raises(TenancyError, match="agent_host_cpus_overcommit of host gpu-01 '-2' is not a factor"):
        agent_host("gpu-01", {"agent_host_cpus_overcommit": -2})
