# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options go together when a bad tenant must take only itself back."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.keep_going import by_tenant


def options(tenant: str, state: str = "present", *, agents: list[str] | None = None) -> dict[str, Any]:
    """One entry of a list."""
    nested = None if agents is None else [{"state": agent} for agent in agents]
    return {"tenant": tenant, "state": state, "agents": nested}


GROUPS = [
    ([], []),
    ([options("a"), options("b")], [["a"], ["b"]]),
    ([options("a"), options("b"), options("a")], [["a", "a"], ["b"]]),
    ([options("a"), options("b", "absent"), options("c")], [["b"], ["a"], ["c"]]),
    ([options("a", agents=["present"]), options("b", agents=["present", "absent"])], [["b"], ["a"]]),
    ([options("a"), options("b"), options("b", "absent")], [["b", "b"], ["a"]]),
]


@pytest.mark.parametrize(("listed", "grouped"), GROUPS)
def test_a_tenant_stays_together_and_removal_comes_first(listed: list[dict[str, Any]], grouped: list[list[str]]) -> None:
    assert [[each["tenant"] for each in group] for group in by_tenant(listed)] == grouped
