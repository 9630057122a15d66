#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records users of tenants."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_user
short_description: Record users of tenants in the catalog
version_added: 0.1.0
description:
  - Makes, changes and removes a user of a tenant, or a list of them, in one transaction. Lists of 50,000 are fine.
  - What is not given stays as the catalog has it. Defaults apply when a user is made.
  - The last active admin of a tenant is not removed, deactivated or demoted, unless forced.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Tenant that the user belongs to. Given at the top it holds for the whole list.
    type: str
  email:
    description: Email address, unique within the tenant whatever its case.
    type: str
  state:
    description: Whether the record should be there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the person. An empty string clears it.
    type: str
  role:
    description: What the user may do in the tenant. A new user is V(viewer) if not given.
    type: str
    choices: [admin, analyst, viewer]
  active:
    description: Whether the user may be used. A new user is active if not given.
    type: bool
  force:
    description: Go ahead even if the tenant loses its last active admin.
    type: bool
  users:
    description: Users, in place of one at the top.
    type: list
    elements: dict
    suboptions:
      tenant:
        description: Tenant that the user belongs to. Given at the top it holds for the whole list.
        type: str
      email:
        description: Email address, unique within the tenant whatever its case.
        type: str
        required: true
      state:
        description: Whether the record should be there.
        type: str
        choices: [present, absent]
        default: present
      name:
        description: Name of the person. An empty string clears it.
        type: str
      role:
        description: What the user may do in the tenant. A new user is V(viewer) if not given.
        type: str
        choices: [admin, analyst, viewer]
      active:
        description: Whether the user may be used. A new user is active if not given.
        type: bool
      force:
        description: Go ahead even if the tenant loses its last active admin.
        type: bool
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
attributes:
  check_mode:
    support: full
    details: Runs the same statements and rolls them back.
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Make a user an admin
  llmops.tenancy.tenant_user:
    tenant: empresa-corp
    email: ana@empresa.example
    name: Ana
    role: admin

- name: Several users of one tenant
  llmops.tenancy.tenant_user:
    tenant: empresa-corp
    users:
      - email: ben@empresa.example
        role: analyst
      - email: eva@empresa.example
        active: false
      - email: old@empresa.example
        state: absent
"""

RETURN = r"""
users:
  description: The users that were named, as they are now or would be.
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
actions:
  description: Each thing that was done, or would be in check mode, with the fields that differ.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: tenant user
      name: empresa-corp/ana@empresa.example
      impact: in_place
      fields: {role: {before: viewer, after: admin}}
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import members
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import writing
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog, records
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list


def logic(params, run: Run):
    """Make the users as wished, in one transaction."""
    options = entities(params, records.USER, "users", shared=("tenant",))
    with writing(catalog.read(params), check=run.check, warn=run.warn) as conn:
        plan, users = members.ensure_users(conn, options, check=run.check, warn=run.warn)
    return {**plan.as_result(), "users": users}


def main() -> None:
    """Entry point."""
    run_module(logic, one_or_list(records.USER, "users", shared=("tenant",)), groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
