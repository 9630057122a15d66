#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_settings
short_description: Resolve what an operator asked a playbook for
version_added: 0.1.0
description:
  - Reads the variables of a playbook of this collection, checks each of them, and returns them in the shape that the modules take.
    So a mistake is one clear line before anything is touched.
  - A variable comes from the extra variables, else from C(tenants/<tenant>.yml) beside the inventory (or inside of it, when it is
    a folder), else from the variables of the play and the inventory.
  - Null and an empty text count as not given, since an AWX survey sends them for a field left blank. What is not given is not
    in the result, so that the catalog keeps it as it is. The variable C(clear) names those to empty.
  - Extra variables and keys of the file that nothing knows are refused with the nearest right name.
  - It runs on the controller and reaches no host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  flow:
    description: Which playbook asks, which decides what variables there are.
    type: str
    choices: [onboard, m365, offboard, start, stop, pull, migrate, promote, user, move, drain, status, validate, export, adopt]
    default: onboard
  known:
    description: Further extra variables that are right, for example those of a playbook around it.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details: It only reads, so it does the same in check mode.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
seealso:
  - module: llmops.tenancy.tenant
"""

EXAMPLES = r"""
- name: Resolve what is asked for
  llmops.tenancy.tenant_settings:
    flow: onboard
  register: settings

- name: Record it
  llmops.tenancy.tenant:
    tenants: "{{ [settings.record] }}"
    agent_hosts: "{{ settings.agent_hosts }}"
"""

RETURN = r"""
tenant:
  description: The tenant. Other plain variables are returned by their own names, too, when they are given.
  returned: when given
  type: str
  sample: empresa-corp
record:
  description: An entity for M(llmops.tenancy.tenant), with its users and agents.
  returned: O(flow=onboard)
  type: dict
  sample: {tenant: empresa-corp, name: Empresa Corp, agents: [{models: [demo]}]}
users:
  description: Entities for M(llmops.tenancy.tenant_user), without the tenant.
  returned: O(flow=onboard) and O(flow=user)
  type: list
  elements: dict
  sample: [{email: ana@empresa.com, role: admin}]
m365:
  description: An entity for M(llmops.tenancy.m365_sync). Secrets are not among what is resolved here.
  returned: O(flow=onboard) and O(flow=m365)
  type: dict
  sample: {tenant: empresa-corp, guests: true}
agent_hosts:
  description: The inventory group C(agent_hosts) with the capacities that its hosts' variables give.
  returned: success
  type: list
  elements: dict
  sample: [{name: gpu-01, memory: 64g}]
sources:
  description: Where each variable came from.
  returned: success
  type: dict
  sample: {tenant: the extra variables}
started:
  description: When it ran, in seconds since 1970.
  returned: success
  type: float
  sample: 1763793600.0
audit_run:
  description: The name of this run for the audit.
  returned: success
  type: str
  sample: onboard_tenant-20261122T064000Z-4711
audit_actor:
  description: On whose behalf the run acts, for the audit; empty when nobody says.
  returned: success
  type: str
  sample: ana
"""
