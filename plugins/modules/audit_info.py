#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the audit trail and verifies it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Read the catalog's audit trail and verify it
version_added: 0.1.0
description:
  - Lists who changed what in the catalog, when and in which run, the newest first.
  - Each row of the trail carries the hash of the one before. With O(verify=true) the whole chain is computed again,
    and the first row
    that was edited, moved or removed is named.
  - Who can rewrite the whole database can rewrite the whole chain, or cut its end off. Keep RV(head) elsewhere from
    time to time,
    and give it as O(anchor) to find that, too.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Only of this tenant.
    type: str
  entity:
    description: Only changes of this sort of record.
    type: str
    choices: [tenant, user, agent]
  key:
    description: Only changes of this record, for example V(empresa-corp) or V(empresa-corp/ana@empresa.example).
    type: str
  operation:
    description: Only this sort of change.
    type: str
    choices: [insert, update, delete]
  since:
    description: Only changes from this time on, as ISO 8601; UTC if it names no zone.
    type: str
  until:
    description: Only changes before this time.
    type: str
  actor:
    description: Only changes by this one, be it the claimed actor, the operating system user or the database role.
    type: str
  run:
    description: Only changes of this run, see O(audit_run).
    type: str
  limit:
    description: The greatest number of entries to return.
    type: int
    default: 100
  verify:
    description: Verify the whole trail, whatever the filters say.
    type: bool
    default: false
  anchor:
    description: What RV(head) was at an earlier time. Implies O(verify=true).
    type: str
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.info
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
"""

EXAMPLES = r"""
- name: What happened to a tenant this month
  llmops.tenancy.audit_info:
    tenant: empresa-corp
    since: '2026-11-01'
    limit: 1000

- name: Verify the trail against a head that was kept elsewhere
  llmops.tenancy.audit_info:
    verify: true
    anchor: "{{ lookup('ansible.builtin.file', '/var/lib/audit/head') }}"
    limit: 0
  register: trail
  failed_when: not trail.valid
"""

RETURN = r"""
entries:
  description: The changes, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    seq:
      description: Number of the row, without gaps.
      type: int
    at:
      description: When.
      type: str
    txid:
      description: Transaction.
      type: str
    entity:
      description: V(tenant), V(user) or V(agent).
      type: str
    operation:
      description: V(insert), V(update) or V(delete).
      type: str
    tenant:
      description: Tenant that it belongs to.
      type: str
    key:
      description: Name of the record.
      type: str
    before:
      description: The fields that changed, or the whole record that was removed.
      type: dict
    after:
      description: The fields that changed, or the whole record that was made.
      type: dict
    db_role:
      description: Database role that was authenticated.
      type: str
    acting_role:
      description: Database role that it acted as (SET ROLE), if any.
      type: str
    os_user:
      description: Operating system user of the module. A claim of the client, as all that follows but the address.
      type: str
    os_login:
      description: User who became that one by sudo, if any.
      type: str
    os_host:
      description: Machine that the module ran on.
      type: str
    actor:
      description: On whose behalf, see O(audit_actor).
      type: str
    run:
      description: In which run, see O(audit_run).
      type: str
    application:
      description: Program that changed it.
      type: str
    client_address:
      description: Network address of the client, none for a local socket.
      type: str
    hash:
      description: Hash of the row and of all before.
      type: str
  sample:
    - seq: 7
      at: '2026-11-22T07:00:00.000000Z'
      entity: user
      operation: update
      tenant: empresa-corp
      key: empresa-corp/ana@empresa.example
      before: {role: viewer}
      after: {role: admin}
      db_role: llmops
      os_user: awx
      actor: maria
      run: '4711'
head:
  description: Number and hash of the last row of the trail, to keep elsewhere. None for an empty trail.
  returned: success
  type: str
  sample: 7:4a30270e9b0dea91541be92a639d7447f2d3a77071fa5f7e336ee02db9b27d4b
valid:
  description: Whether the trail is whole.
  returned: with O(verify=true)
  type: bool
  sample: true
rows:
  description: Number of rows that were verified.
  returned: with O(verify=true)
  type: int
  sample: 7
first_bad:
  description: The first row that is wrong, and how; none if there is none.
  returned: with O(verify=true)
  type: dict
  sample:
    seq: 5
    reason: the row is not what was written, or not in its place
    entity: user
    operation: update
    key: empresa-corp/ana@empresa.example
    at: '2026-11-22T06:00:00.000000Z'
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import audit
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog


SPEC = {
    "tenant": {"type": "str"},
    "entity": {"type": "str", "choices": ["tenant", "user", "agent"]},
    "key": {"type": "str", "no_log": False},
    "operation": {"type": "str", "choices": ["insert", "update", "delete"]},
    "since": {"type": "str"},
    "until": {"type": "str"},
    "actor": {"type": "str"},
    "run": {"type": "str"},
    "limit": {"type": "int", "default": 100},
    "verify": {"type": "bool", "default": False},
    "anchor": {"type": "str"},
}


def logic(params, run: Run):
    """Reads the audit trail and verifies it."""
    with reading(catalog.read(params)) as conn:
        found = {"changed": False, "entries": audit.entries(conn, params), "head": audit.head(conn)}
        if params["verify"] or params["anchor"]:
            found.update(audit.verify(conn, params["anchor"]))
        return found


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
