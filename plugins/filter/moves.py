# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters about agents that move from host to host. Documented in the .yml beside."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import moves


class FilterModule:
    """The pure functions of module_utils/settings/moves.py as filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "move_hosts": moves.hosts,
            "move_records": moves.records,
            "moves_switched": moves.switched,
            "moves_refused": moves.refused,
            "moves_staying": moves.staying,
            "moves_arrived": moves.arrived,
            "move_causes": moves.causes,
            "move_outcome": moves.outcome,
        }
