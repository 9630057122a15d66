# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a synchronisation with Microsoft 365, besides those of Graph itself."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.options import graph
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities

# No defaults: in a list they would hide what stands at the top. The domain has them.
ENTITY: dict[str, Any] = {
    "tenant": {"type": "str", "required": True},
    "mode": {"type": "str", "choices": ["auto", "full", "delta"]},
    "full_every": {"type": "int"},
    "scope_groups": {"type": "list", "elements": "str"},
    "filter": {"type": "str"},
    "guests": {"type": "bool"},
    "unlicensed": {"type": "bool"},
    "role_mapping": {"type": "dict"},
    "default_role": {"type": "str", "choices": ["admin", "analyst", "viewer", "none"]},
    "manage_roles": {"type": "bool"},
    "role_app_id": {"type": "str"},
    "manual_users": {"type": "str", "choices": ["report", "link"]},
    "max_deactivations": {"type": "int"},
    "max_deactivations_percent": {"type": "int"},
    "allow_deactivations": {"type": "bool"},
    "allow_empty": {"type": "bool"},
    "allow_missing_groups": {"type": "bool"},
    **graph.ENTITY,
}

# What stands at the top holds for all tenants of the list that say nothing themselves.
SHARED = tuple(name for name in ENTITY if name not in ("tenant", "m365_tenant_id"))


def entries(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tenants of a call, each with all its options, and with one credential: its own, that of the top, or that of
    the environment.

    :raises TenancyError: ``invalid_options``.
    """
    found = entities(params, ENTITY, "tenants", shared=SHARED)
    own = params["tenants"] or [{}] * len(found)
    return [
        {**entry, **graph.credential((item, params, graph.environment()))} for entry, item in zip(found, own)
    ]
