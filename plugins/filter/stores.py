# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the role model_store. Documented in the .yml beside."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import store_use, stores


class FilterModule:
    """The pure functions of stores.py and store_use.py in module_utils/settings as filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"model_entries": stores.model_entries, "orphan_told": stores.orphan_told, "store_use": store_use.use_of}
