#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_settings
short_description: Resolve what an operator asked of all tenants
version_added: 0.1.0
description:
  - Reads the variables of a playbook about the fleet, and all files C(tenants/<tenant>.yml) beside the inventory, checks each of
    them, and returns a record for each file in the shape that M(llmops.tenancy.tenant) takes.
  - What a file does not give comes from the variables of the play and the inventory, as when one tenant is onboarded.
    Extra variables describe the run and no tenant; those that would are refused.
  - A file that is wrong is reported in RV(failures) and stops no other.
  - It runs on the controller and reaches no host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  flow:
    description: Which playbook asks, which decides what variables there are.
    type: str
    choices: [drift, reconcile]
    default: drift
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
    details: It does the same in check mode.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
seealso:
  - module: llmops.tenancy.tenant_settings
  - module: llmops.tenancy.tenant
"""

EXAMPLES = r"""
- name: Resolve what is asked for
  llmops.tenancy.fleet_settings:
    flow: reconcile
  register: settings
"""

RETURN = r"""
records:
  description: A tenant for M(llmops.tenancy.tenant) for each file that is right and selected.
  returned: success
  type: list
  elements: dict
  sample: [{tenant: empresa-corp, agents: [{memory_limit: 8g}]}]
failures:
  description: Files that are wrong, each with its tenant, C(file), C(msg), and C(error) with C(kind), C(what), C(cause), C(remedy).
  returned: success
  type: list
  elements: dict
  sample: []
tenants:
  description: Patterns of the tenants that the run is about.
  returned: when the variable is given
  type: list
  elements: str
  sample: ["empresa-*"]
agent_host:
  description: The one agent host that the run is about.
  returned: when the variable is given
  type: str
  sample: gpu-01
retried:
  description: The tenants that the last run left.
  returned: with the variable C(retry)
  type: list
  elements: str
  sample: [empresa-corp]
agent_hosts:
  description: The agent hosts of the inventory with their capacities.
  returned: success
  type: list
  elements: dict
  sample: [{name: gpu-01, memory: 64g}]
audit_run:
  description: One name for all that this run writes into the audit.
  returned: success
  type: str
  sample: reconcile-20260101T120000Z-4711
audit_actor:
  description: On whose behalf it runs; empty when nobody said so.
  returned: success
  type: str
  sample: ops@example.com
started:
  description: When the run began, in seconds since 1970.
  returned: success
  type: float
  sample: 1767225600.0
"""
