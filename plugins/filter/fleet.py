# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters about the fleet: which hosts a run asks, and what there is to do. Documented in the .yml beside."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import outcome, work
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.names import each_once
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import engine_agents

Values = Mapping[str, Any]


def hosts(recorded: Values, settings: Values) -> list[str]:
    """The agent hosts that a run over the fleet asks."""
    return desired(settings, recorded).hosts


def records(recorded: Values, settings: Values, host: str) -> list[Values]:
    """The records of the selected agents of a host."""
    return [agent for agent in desired(settings, recorded).agents if agent["host"] == host]


def agents(recorded: Values, settings: Values, host: str, **defaults: Any) -> list[dict[str, Any]]:
    """What a host is to run, for the module ``ollama_agent``."""
    return engine_agents(records(recorded, settings, host), host, **defaults)


def models(recorded: Values, settings: Values, host: str) -> list[dict[str, Any]]:
    """The models of a host's agents, each once, as the module ``ollama_agent`` takes those that its store is about to get."""
    names = each_once(model for agent in records(recorded, settings, host) for model in agent["models"])
    return [{"model": name} for name in names.values()]


def to_change(
    recorded: Values, planned: Values, settings: Values, host: str, compared: Values, **defaults: Any
) -> list[Values]:
    """The agents of a host that have something to do, for the module ``fleet_waves``."""
    wanted = agents(recorded, settings, host, **defaults)
    return work.agents_to_change(wanted, agents(planned, settings, host, **defaults), compared)


def to_record(planned: Values, settings: Values) -> list[Values]:
    """The records to write, for the module ``tenant``."""
    return work.records_to_write(settings, planned)


def after(planned: Values, written: Values) -> dict[str, Any]:
    """The catalog once they are written."""
    return work.recorded(planned, None if written.get("skipped") else written)


class FilterModule:
    """The pure functions as filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "fleet_hosts": hosts,
            "fleet_records": records,
            "fleet_agents": agents,
            "fleet_models": models,
            "fleet_work": to_change,
            "fleet_to_record": to_record,
            "fleet_recorded": after,
            "failures_by_store": outcome.by_store,
        }
