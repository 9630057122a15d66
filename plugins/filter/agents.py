# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters between the catalog's records of agents and the modules of an agent host. Documented in the .yml beside."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import adopt, handover, store_wishes


class FilterModule:
    """The pure functions of handover.py, adopt.py and store_wishes.py in module_utils/settings as filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "tenant_agents": lambda tenants: handover.resting(handover.records_of(tenants)),
            "agent_hosts": handover.hosts_of,
            "offboard_hosts": handover.offboard_hosts,
            "engine_agents": handover.engine_agents,
            "absent_agents": handover.absent_agents,
            "adopted_agents": handover.adopted_agents,
            "adoption": adopt.adoption,
            "absent_records": handover.absent_records,
            "wanted_agents": handover.wanted_agents,
            "missing_models": handover.missing_models,
            "agent_observations": handover.observations,
            "tenant_status": handover.status_of,
            "gone_agents": handover.gone_agents,
            "erased_data": handover.erased_data,
            "kept_data": handover.kept_data,
            "store_models": store_wishes.store_models,
            "store_seeds": store_wishes.seeds,
        }
