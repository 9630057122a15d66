#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads users of tenants from the catalog."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_user_info
short_description: Read users of tenants from the catalog
version_added: 0.1.0
description:
  - Lists users, of all tenants or those that the filters name.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Only of this tenant.
    type: str
  email:
    description: Only users with this address, whatever its case.
    type: str
  role:
    description: Only users with this role.
    type: str
    choices: [admin, analyst, viewer]
  active:
    description: Only users that are active, or that are not.
    type: bool
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.info
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
"""

EXAMPLES = r"""
- name: Active admins of a tenant
  llmops.tenancy.tenant_user_info:
    tenant: empresa-corp
    role: admin
    active: true
"""

RETURN = r"""
users:
  description: The users, by tenant and address.
  returned: success
  type: list
  elements: dict
  contains:
    tenant:
      description: Tenant that the user belongs to.
      type: str
    email:
      description: Email address as it was first written.
      type: str
    name:
      description: Name of the person.
      type: str
    role:
      description: What the user may do.
      type: str
    active:
      description: Whether the user may be used.
      type: bool
    source:
      description: V(manual) or V(m365).
      type: str
    id:
      description: Key of the user, a UUID. A run in check mode shows one that the real run will not use.
      type: str
    last_access:
      description: When the user was last seen.
      type: str
    created_at:
      description: When the record was made.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
  sample:
    - email: ana@empresa.example
      tenant: empresa-corp
      name: Ana
      role: admin
      active: true
      source: manual
      state: present
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import info
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog


SPEC = {
    "tenant": {"type": "str"},
    "email": {"type": "str"},
    "role": {"type": "str", "choices": ["admin", "analyst", "viewer"]},
    "active": {"type": "bool"},
}


def logic(params, run: Run):
    """Reads users of tenants from the catalog."""
    with reading(catalog.read(params)) as conn:
        users = info.users(conn, **{name: params[name] for name in SPEC})
        return {"changed": False, "users": users}


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
