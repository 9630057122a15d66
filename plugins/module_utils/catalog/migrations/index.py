# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All migrations in order. Imported one by one, since a module takes only imported Python files along to its host."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.migrations import (
    m0001_tables,
    m0002_audit,
    m0003_rules,
    m0004_roles,
    m0005_m365,
    m0006_fleet,
    m0007_adopted,
    m0008_placement,
    m0009_moves,
)


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema.

    :param version: its number, from 1 without gaps.
    :param name: what it brings.
    :param sql: statements, run in one transaction.
    """

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, which tells an edited migration from the applied one."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def label(self) -> str:
        """For people: ``0002_audit``."""
        return f"{self.version:04d}_{self.name}"


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "tables", m0001_tables.SQL),
    Migration(2, "audit", m0002_audit.SQL),
    Migration(3, "rules", m0003_rules.SQL),
    Migration(4, "roles", m0004_roles.SQL),
    Migration(5, "m365", m0005_m365.SQL),
    Migration(6, "fleet", m0006_fleet.SQL),
    Migration(7, "adopted", m0007_adopted.SQL),
    Migration(8, "placement", m0008_placement.SQL),
    Migration(9, "moves", m0009_moves.SQL),
)
