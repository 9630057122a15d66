# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which migrations a database lacks, and when the collection must keep its hands off."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import schema
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.migrations.index import MIGRATIONS, Migration
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

KNOWN = (Migration(1, "one", "SELECT 1"), Migration(2, "two", "SELECT 2"))
ONE, TWO = (step.checksum for step in KNOWN)
STATES = [
    ({}, 0, [1, 2], None, "schema_missing"),
    ({1: ONE}, 1, [2], None, "schema_older"),
    ({1: ONE, 2: TWO}, 2, [], None, None),
    ({1: ONE, 2: TWO, 3: "?"}, 3, [], "schema_newer", "schema_newer"),
    ({1: "other", 2: TWO}, 2, [], "schema_differs", "schema_differs"),
    ({2: TWO}, 2, [1], None, "schema_older"),
]


@pytest.mark.parametrize(("applied", "version", "pending", "refusal", "demanded"), STATES)
def test_states(
    applied: dict[int, str], version: int, pending: list[int], refusal: str | None, demanded: str | None
) -> None:
    state = schema.compare(applied, KNOWN)
    assert (state.version, [step.version for step in state.pending]) == (version, pending)
    assert (state.refusal.kind if state.refusal else None) == refusal
    if demanded is None:
        schema.demand_current(state)
        return
    with pytest.raises(TenancyError) as caught:
        schema.demand_current(state)
    assert caught.value.kind == demanded
    assert caught.value.remedy


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert all(step.sql.strip() and step.label.endswith(step.name) for step in MIGRATIONS)


def test_a_checksum_tells_an_edited_migration() -> None:
    assert Migration(1, "one", "SELECT 1").checksum == ONE
    assert Migration(1, "one", "SELECT 1 ").checksum != ONE
