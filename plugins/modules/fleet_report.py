#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Tell how a fleet of agents differs from what it should be
version_added: 0.1.0
description:
  - Brings together what the catalog and the engines of all agent hosts would do in check mode, and tells it by tenant.
  - All that it brings together is read from variables that its options name, registered or facts, so without templates in them.
  - It runs on the controller and reaches no host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  view:
    description:
      - V(drift) prints each difference, or writes it to a file, and fails when there is one.
      - V(brake) fails when more agents would be stopped, restarted, made anew or removed than one run may. Otherwise it notes the tenants
        that are not as they should be, so that a run that is killed can be tried again.
      - V(reconciled) prints what became of a run, and notes the tenants that failed or were left for the next one. It does not fail.
    type: str
    choices: [drift, brake, reconciled]
    required: true
  settings:
    description: Name of the variable with what is asked for, as M(llmops.tenancy.fleet_settings) returned it.
    type: str
    required: true
  recorded:
    description: Name of the one with what the catalog would be, as M(llmops.tenancy.tenant) returned it with C(others=true).
    type: str
    required: true
  written:
    description: Name of the one with what M(llmops.tenancy.tenant) wrote of it. With O(view=reconciled).
    type: str
  compared:
    description: Name of the variable in which each host has the result of M(llmops.tenancy.ollama_agent) in check mode.
    type: str
    required: true
  engine:
    description: Name of the one with the result of M(llmops.tenancy.fleet_waves). With O(view=reconciled).
    type: str
  store:
    description: Name of the one with the result of M(llmops.tenancy.model_store), by which agents lack models. With O(view=reconciled).
    type: str
  models:
    description: Name of the one with the result of M(llmops.tenancy.ollama_model). With O(view=reconciled).
    type: str
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
  - module: llmops.tenancy.fleet_settings
"""

EXAMPLES = r"""
- name: Tell what differs
  llmops.tenancy.fleet_report:
    view: drift
    settings: settings
    recorded: recorded
    compared: compared
"""

RETURN = r"""
counts:
  description: How many tenants are in sync, different, missing, unreachable and failed, and how many orphans and moving agents there are.
  returned: with O(view=drift)
  type: dict
  sample: {in_sync: 998, different: 1, missing: 0, unreachable: 0, failed: 1, orphans: 0, moving: 0}
in_sync:
  description: Whether nothing differs and no agent moves. Data that was kept on purpose is no difference.
  returned: success of O(view=drift)
  type: bool
  sample: true
tenants:
  description:
    - Each tenant with its C(status), the worst of C(in_sync), C(different), C(missing), C(unreachable) and C(failed).
    - Its C(differences) have C(object), C(field), C(from), C(to), C(impact) (in_place, restart, recreate or data_loss) and C(host).
    - Its C(failures) have C(msg), and C(error) with C(kind), C(what), C(cause), C(remedy).
  returned: success of O(view=drift)
  type: list
  elements: dict
  sample: [{tenant: empresa-corp, status: in_sync, differences: [], failures: []}]
orphans:
  description: What belongs to no record, with C(host), C(kind), C(name), C(agent), C(tenant), C(state), and whether it was C(kept) on purpose.
  returned: success of O(view=drift)
  type: list
  elements: dict
  sample: []
moving:
  description:
    - Agents that are on their way to another host, with C(tenant), C(agent), C(from) and C(to).
    - Nothing else is told of them, and a reconciliation leaves them to their moves. That is no failure.
  returned: success of O(view=drift), and with O(view=reconciled)
  type: list
  elements: dict
  sample: []
brake:
  description:
    - With C(msg) and C(error), why a reconciliation would stop before its first change.
    - None when it would not.
  returned: with O(view=drift)
  type: dict
  sample: null
hosts:
  description: The hosts that have anything to do.
  returned: success of O(view=brake)
  type: list
  elements: str
  sample: [gpu-01]
tenants_changed:
  description: Tenants of which something was changed, with their C(actions).
  returned: with O(view=reconciled)
  type: list
  elements: dict
  sample: []
tenants_failed:
  description: Tenants of which something failed, with their C(failures).
  returned: with O(view=reconciled)
  type: list
  elements: dict
  sample: []
left:
  description: Agents that were left untouched after a wave that failed.
  returned: with O(view=reconciled)
  type: list
  elements: str
  sample: []
stopped_by:
  description: The waves after which they were left, each once, as M(llmops.tenancy.fleet_waves) returns them.
  returned: with O(view=reconciled)
  type: list
  elements: dict
  sample: []
unchanged:
  description: How many tenants had nothing to do.
  returned: with O(view=reconciled)
  type: int
  sample: 998
retry:
  description: Tenants that the variable C(retry) would run again.
  returned: with O(view=reconciled)
  type: list
  elements: str
  sample: []
observations:
  description: What runs, where the catalog knows otherwise, for M(llmops.tenancy.tenant_agent).
  returned: with O(view=reconciled)
  type: list
  elements: dict
  sample: []
disruptions:
  description: The containers that would be stopped, restarted, made anew or removed.
  returned: success of O(view=brake)
  type: list
  elements: str
  sample: []
"""
