# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house, schema: editors are told what the code checks."""

from __future__ import annotations

import json

import house
import tenant_schema
import yaml


def test_schema_is_current() -> None:
    """`python tests/tools/tenant_schema.py` writes it."""
    assert tenant_schema.FILE.read_text() == tenant_schema.text()


def test_example_has_known_keys() -> None:
    """The example of an inventory is one that editors take."""
    known = json.loads(tenant_schema.FILE.read_text())["properties"]
    for path in (house.ROOT / "inventories").glob("*/tenants/*.yml"):
        assert set(yaml.safe_load(path.read_text())) <= set(known)
