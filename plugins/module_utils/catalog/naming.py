# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which agent an entry without a name means. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


def name_agents(
    tenant: str, asked: Sequence[Mapping[str, Any]], existing: Sequence[str]
) -> list[dict[str, Any]]:
    """The entries with their names.

    An entry without a name is the tenant's only agent; a tenant without agents gets one called as the tenant. So a
    second onboarding that names no agent is about those that are there, whatever they are called. An entry that gives
    nothing at all asks for no more than that there is an agent.

    :param asked: options of agents; a name that is None or absent is to be found.
    :param existing: names of the agents that the tenant has.
    :raises TenancyError: ``ambiguous_agent`` when it could be any of several.
    """
    named = []
    for options in asked:
        if options.get("agent"):
            named.append(dict(options))
        elif not existing or tenant in existing:
            named.append({**options, "agent": tenant})
        elif len(existing) == 1:
            named.append({**options, "agent": existing[0]})
        elif _asks_something(options):
            raise TenancyError(
                f"Tenant {tenant} has {len(existing)} agents, and it is not said which one is meant",
                cause=f"it has {', '.join(sorted(existing))}",
                remedy=f"Name it, for example agent={sorted(existing)[0]}",
                kind="ambiguous_agent", agents=sorted(existing),
            )
    return named


def _asks_something(options: Mapping[str, Any]) -> bool:
    return any(value is not None for name, value in options.items() if name not in ("tenant", "state"))
