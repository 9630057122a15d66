#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_report
short_description: Print what a playbook of this collection ends with
version_added: 0.1.0
description:
  - Prints a summary or a table for people, line by line, so that it reads the same under every callback.
  - It runs on the controller and reaches no host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  view:
    description: What is to be shown.
    type: str
    choices: [onboarded, changed, offboarded, users, status, files, stores, adopted]
    required: true
  tenant:
    description: Which tenant it is about. With O(view=changed), O(view=offboarded) and O(view=users).
    type: str
  tenants:
    description: Tenants as M(llmops.tenancy.tenant) returns them, or, with O(view=status), as the filter P(llmops.tenancy.tenant_status#filter) does.
    type: list
    elements: dict
    default: []
  agents:
    description: Records of agents as M(llmops.tenancy.tenant_agent) returns them. With O(view=changed).
    type: list
    elements: dict
    default: []
  observed:
    description: What runs, as the filter P(llmops.tenancy.agent_observations#filter) gives it.
    type: list
    elements: dict
    default: []
  users:
    description: Users as M(llmops.tenancy.tenant_user) returns them. With O(view=users).
    type: list
    elements: dict
    default: []
  synchronised:
    description: What M(llmops.tenancy.m365_sync) told of tenants. With O(view=onboarded).
    type: list
    elements: dict
    default: []
  adoption:
    description: What can be adopted, as the filter P(llmops.tenancy.adoption#filter) gives it. With O(view=adopted).
    type: dict
    default: {}
  failures:
    description: Tenants that M(llmops.tenancy.tenant) could not record. With O(view=adopted).
    type: list
    elements: dict
    default: []
  silent:
    description: Agent hosts that did not answer. With O(view=adopted).
    type: list
    elements: str
    default: []
  files:
    description: Files as M(llmops.tenancy.tenant_export) returns them. With O(view=files).
    type: list
    elements: dict
    default: []
  stores:
    description: What M(llmops.tenancy.model_store_info) returned, by host. With O(view=stores).
    type: dict
    default: {}
  kept:
    description: Volumes that stay, as the filter P(llmops.tenancy.kept_data#filter) gives them. With O(view=offboarded).
    type: list
    elements: dict
    default: []
  erased:
    description: What went out of model stores, as the filter P(llmops.tenancy.erased_data#filter) gives it. With O(view=offboarded).
    type: list
    elements: dict
    default: []
  actions:
    description: All that was done, as the modules return it.
    type: list
    elements: dict
    default: []
  store_use:
    description: What came into model stores, as the filter P(llmops.tenancy.store_use#filter) gives it. With O(view=onboarded) and O(view=changed).
    type: list
    elements: dict
    default: []
  known:
    description: Whether the catalog knew the tenant. With O(view=offboarded).
    type: bool
    default: true
  remove_data:
    description: Whether data was to be removed. With O(view=offboarded).
    type: bool
    default: false
  started:
    description: When the run began, in seconds since 1970.
    type: float
  output:
    description: A table for people, or JSON. With O(view=status).
    type: str
    choices: [table, json]
    default: table
  output_file:
    description: A file of the controller to write to instead of the terminal.
    type: path
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details: It says what would be done. O(output_file) is written all the same.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
"""

EXAMPLES = r"""
- name: Show the users
  llmops.tenancy.tenant_report:
    view: users
    tenant: empresa-corp
    users: "{{ result.users }}"
    actions: "{{ result.actions }}"
"""

RETURN = r"""
lines:
  description: What was printed.
  returned: success
  type: list
  elements: str
  sample: ["Tenant     empresa-corp", "Took       2.1 s"]
seconds:
  description: What the run took.
  returned: success
  type: float
  sample: 2.1
"""
