#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells how tenants stand with Microsoft 365."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_sync_info
short_description: Tell when tenants were synchronised from Microsoft 365, and what came of it
version_added: 0.1.0
description:
  - Reads the catalog alone; Microsoft 365 is not asked.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenants:
    description: Tenants to tell of. When not given, all that have a Microsoft 365 tenant id or were synchronised once.
    type: list
    elements: str
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.attributes.info
  - llmops.tenancy.catalog
seealso:
  - module: llmops.tenancy.m365_sync
"""

EXAMPLES = r"""
- name: When was each tenant synchronised?
  llmops.tenancy.m365_sync_info:
  register: synchronisation
"""

RETURN = r"""
tenants:
  description: The tenants, by name.
  returned: success
  type: list
  elements: dict
  contains:
    tenant:
      description: The tenant.
      type: str
    m365_tenant_id:
      description: Its Microsoft 365 tenant.
      type: str
    rounds:
      description: How many rounds were stored, 0 when it was never synchronised.
      type: int
    last_run:
      description: When the last round began.
      type: str
    last_mode:
      description: V(full) or V(delta).
      type: str
    last_full:
      description: When the last full round began.
      type: str
    next_full:
      description: When the next full round is due, with the default of O(llmops.tenancy.m365_sync#module:full_every).
      type: str
    counts:
      description: What the last round did, as in RV(llmops.tenancy.m365_sync#module:tenants[].counts).
      type: dict
    pending:
      description: People whom the next round asks for by name, since they could not be placed.
      type: int
    active:
      description: Active users from Microsoft 365.
      type: int
    inactive:
      description: Disabled users from Microsoft 365.
      type: int
  sample:
    - tenant: empresa-corp
      rounds: 12
      last_mode: delta
      active: 120
      inactive: 4
      pending: 0
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import m365_state
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import status
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog


def logic(params, run: Run):
    """Read the state of the tenants."""
    with reading(catalog.read(params)) as conn:
        rows = m365_state.overview(conn, params["tenants"])
    return {"changed": False, "tenants": [status.as_result(row) for row in rows]}


def main() -> None:
    """Entry point."""
    run_module(logic, {"tenants": {"type": "list", "elements": "str"}}, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
