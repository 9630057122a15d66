# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write schemas/tenant.schema.json from the checks and the argument specs: ``python tests/tools/tenant_schema.py``.

A test demands that it is current.
"""

from __future__ import annotations

import importlib
import json

import house
import reference

schema = importlib.import_module("ansible_collections.llmops.tenancy.plugins.module_utils.settings.schema")

FILE = house.ROOT / "schemas" / "tenant.schema.json"


def text() -> str:
    """The whole file."""
    made = schema.tenant_schema(lambda name: reference.described(name, "tenant", "main").replace("`", ""))
    return json.dumps(made, indent=2) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
