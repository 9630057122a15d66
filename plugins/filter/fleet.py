# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters about the fleet: which hosts it runs on, and what each of them is to run. Documented in the .yml beside."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import engine_agents


def hosts(recorded: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The agent hosts that a run over the fleet asks."""
    return desired(settings, recorded).hosts


def agents(recorded: Mapping[str, Any], settings: Mapping[str, Any], host: str, **defaults: Any) -> list[dict[str, Any]]:
    """What a host is to run, for the module ``ollama_agent``."""
    return engine_agents(desired(settings, recorded).agents, host, **defaults)


class FilterModule:
    """The pure functions as filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"fleet_hosts": hosts, "fleet_agents": agents}
