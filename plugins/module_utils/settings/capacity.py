# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent host can carry, from its variables in the inventory."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

# Variable of the host -> key of an entry of the option `agent_hosts` of the catalog modules.
VARIABLES: dict[str, tuple[str, values.Check]] = {
    "agent_host_memory": ("memory", values.size),
    "agent_host_cpus": ("cpus", values.cpus),
    "agent_host_agents": ("agents", values.number(0, 100_000)),
    "agent_host_gpus": ("gpus", values.number(0, 1024)),
    "agent_host_disk": ("disk", values.size),
    "agent_host_networks": ("networks", values.number(0, 100_000)),
    "agent_host_ports": ("ports", values.text),
    "agent_host_labels": ("labels", values.labels),
    "agent_host_memory_overcommit": ("memory_overcommit", values.factor),
    "agent_host_cpus_overcommit": ("cpus_overcommit", values.factor),
}


def agent_host(name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """One agent host, with the capacities that its variables give.

    :param name: inventory name.
    :raises TenancyError: for a capacity that is none, naming the host.
    """
    found = {"name": name}
    for variable, (key, check) in VARIABLES.items():
        if values.is_given(variables.get(variable)):
            found[key] = check(variables[variable], f"{variable} of host {name}")
    return found
