#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads tenants from the catalog."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_info
short_description: Read tenants from the catalog
version_added: 0.1.0
description:
  - Lists tenants, each with counts of its users and agents and with what its agents take of the quota.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Only this tenant.
    type: str
  active:
    description: Only tenants that are active, or that are not.
    type: bool
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.info
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
"""

EXAMPLES = r"""
- name: All tenants
  llmops.tenancy.tenant_info:
  register: all_tenants

- name: Tenants that are not active
  llmops.tenancy.tenant_info:
    active: false
"""

RETURN = r"""
tenants:
  description: The tenants, by name.
  returned: success
  type: list
  elements: dict
  contains:
    tenant:
      description: Name of the tenant.
      type: str
    name:
      description: Display name.
      type: str
    domain:
      description: Domain.
      type: str
    m365_tenant_id:
      description: Microsoft 365 tenant.
      type: str
    active:
      description: Whether the tenant is served.
      type: bool
    quota_agents:
      description: Agents that it may have.
      type: int
    quota_memory:
      description: Bytes that its agents may have together.
      type: int
    quota_cpus:
      description: Millicpus that its agents may have together.
      type: int
    quota_disk:
      description: Bytes that its agents may have together.
      type: int
    quota_agents_per_hour:
      description: Number of agents that may be made for it within an hour.
      type: int
    used_memory:
      description: Bytes that the limits of its agents add up to.
      type: int
    used_cpus:
      description: Millicpus that the limits of its agents add up to.
      type: int
    used_disk:
      description: Bytes that the limits of its agents' disk add up to.
      type: int
    agents_made_last_hour:
      description: Number of agents that were made for it within the last hour, if that is limited.
      type: int
    user_count:
      description: Number of its users.
      type: int
    active_user_count:
      description: Number of its active users.
      type: int
    active_admin_count:
      description: Number of its active admins.
      type: int
    agent_count:
      description: Number of its agents.
      type: int
    started_agent_count:
      description: Number of its agents that should run.
      type: int
    created_at:
      description: When the record was made.
      type: str
    state:
      description: Always V(present).
      type: str
  sample:
    - tenant: empresa-corp
      name: Empresa Corp
      active: true
      quota_agents: null
      quota_memory: 25769803776
      used_memory: 6442450944
      used_cpus: 2000
      user_count: 12
      active_user_count: 11
      active_admin_count: 1
      agent_count: 1
      started_agent_count: 1
      state: present
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import info
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog


SPEC = {
    "tenant": {"type": "str"},
    "active": {"type": "bool"},
}


def logic(params, run: Run):
    """Reads tenants from the catalog."""
    with reading(catalog.read(params)) as conn:
        tenants = info.tenants(conn, tenant=params["tenant"], active=params["active"])
        return {"changed": False, "tenants": tenants}


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
