#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Synchronises the users of tenants from Microsoft 365."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_sync
short_description: Synchronise the users of tenants from Microsoft 365
version_added: 0.1.0
description:
  - Reads the users of a Microsoft 365 directory through Microsoft Graph and makes the tenant's users in the catalog match.
  - Users are disabled, never deleted. Users that were made by hand are not touched, unless O(manual_users=link).
    A user whom an operator disabled by hand stays disabled until the directory disables and enables the person again.
  - The last active admin of a tenant stays, and the result says so.
  - The directory is fetched before a transaction opens, so no lock is held while Microsoft Graph makes the run wait.
    The link from which the next delta starts is stored in the transaction that writes the users.
  - A brake stops the run with nothing changed when too many users would be deactivated, when the directory sends no user
    at all, or when a group that is named does not exist.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description:
      - Tenant of the catalog whose users are synchronised.
    type: str
  mode:
    description:
      - V(delta) fetches only what changed since the last run, V(full) the whole directory. V(auto) takes V(delta)
        when a fresh, matching delta link is stored, and V(full) otherwise, that is the first time, after O(full_every) days,
        when scope, mapping or selection changed, and when Microsoft Graph has forgotten the link.
      - Taken as V(auto) when not given.
    type: str
    choices: [auto, full, delta]
  full_every:
    description:
      - Days after which V(auto) makes a full round, 1 to 6. A delta now and then misses a removal; a full round finds
        it.
      - Taken as V(6) when not given.
    type: int
  scope_groups:
    description:
      - Object ids of groups. Only people in one of them, or in a group inside it, become users.
      - Everybody in the directory when not given.
    type: list
    elements: str
  filter:
    description:
      - OData filter on the users of the directory, for example C(department eq 'Legal'). With one, every round is a
        full one, since Microsoft Graph has no delta of a filter.
    type: str
  guests:
    description:
      - Whether guests of the directory become users.
      - Taken as V(false) when not given.
    type: bool
  unlicensed:
    description:
      - Whether people without any Microsoft 365 licence become users.
      - Taken as V(true) when not given.
    type: bool
  role_mapping:
    description:
      - Role (V(admin), V(analyst) or V(viewer)) by the object id of a group or by the value of an app role. The highest
        role that a person has a claim to wins.
    type: dict
  default_role:
    description:
      - Role of whom O(role_mapping) does not name. With V(none) such people do not become users.
      - Taken as V(viewer) when not given.
    type: str
    choices: [admin, analyst, viewer, none]
  manage_roles:
    description:
      - Whether the mapping also sets the role of users that are there already, and so overwrites a role set by hand.
        Otherwise it only sets the role of new ones.
      - Taken as V(true) when O(role_mapping) is given, and as V(false) when it is not.
    type: bool
  role_app_id:
    description:
      - Application (client) id whose app roles O(role_mapping) names. Taken as O(client_id) when not given.
    type: str
  manual_users:
    description:
      - What to do with a person whose email a manually created user has already. V(report) leaves both alone and
        reports it; V(link) turns the manual user into that person.
      - Taken as V(report) when not given.
    type: str
    choices: [report, link]
  max_deactivations:
    description:
      - The run stops with nothing changed when it would deactivate more users than this.
      - Taken as V(20) when not given.
    type: int
  max_deactivations_percent:
    description:
      - The run stops with nothing changed when it would deactivate two users or more, and more than this share of the
        tenant's active Microsoft 365 users.
      - Taken as V(10) when not given.
    type: int
  allow_deactivations:
    description:
      - Lift O(max_deactivations) and O(max_deactivations_percent) for this run.
      - Taken as V(false) when not given.
    type: bool
  allow_empty:
    description:
      - Take a directory, or a filter, without any user at its word.
      - Taken as V(false) when not given.
    type: bool
  allow_missing_groups:
    description:
      - Take a group or app role that does not exist for an empty one, instead of stopping.
      - Taken as V(false) when not given.
    type: bool
  optional:
    description:
      - Leave a tenant alone that has no Microsoft 365 tenant id or no credentials, and say so in the result, instead of failing.
    type: bool
    default: false
  fail_at_end:
    description:
      - With O(tenants), whether the task fails at the end when a tenant failed. The others are synchronised either way.
    type: bool
    default: true
  tenants:
    description:
      - Tenants, in place of one at the top. What stands at the top holds for each that says nothing itself, except for
        O(m365_tenant_id). A tenant with a credential of its own takes none from the top or from the environment.
      - Each has a transaction of its own, so one that fails does not keep the others back.
    type: list
    elements: dict
    suboptions:
      tenant:
        description:
          - Tenant of the catalog whose users are synchronised.
        type: str
        required: true
      mode:
        description:
          - Like O(mode) at the top, for this tenant.
        type: str
        choices: [auto, full, delta]
      full_every:
        description:
          - Like O(full_every) at the top, for this tenant.
        type: int
      scope_groups:
        description:
          - Like O(scope_groups) at the top, for this tenant.
        type: list
        elements: str
      filter:
        description:
          - Like O(filter) at the top, for this tenant.
        type: str
      guests:
        description:
          - Like O(guests) at the top, for this tenant.
        type: bool
      unlicensed:
        description:
          - Like O(unlicensed) at the top, for this tenant.
        type: bool
      role_mapping:
        description:
          - Like O(role_mapping) at the top, for this tenant.
        type: dict
      default_role:
        description:
          - Like O(default_role) at the top, for this tenant.
        type: str
        choices: [admin, analyst, viewer, none]
      manage_roles:
        description:
          - Like O(manage_roles) at the top, for this tenant.
        type: bool
      role_app_id:
        description:
          - Like O(role_app_id) at the top, for this tenant.
        type: str
      manual_users:
        description:
          - Like O(manual_users) at the top, for this tenant.
        type: str
        choices: [report, link]
      max_deactivations:
        description:
          - Like O(max_deactivations) at the top, for this tenant.
        type: int
      max_deactivations_percent:
        description:
          - Like O(max_deactivations_percent) at the top, for this tenant.
        type: int
      allow_deactivations:
        description:
          - Like O(allow_deactivations) at the top, for this tenant.
        type: bool
      allow_empty:
        description:
          - Like O(allow_empty) at the top, for this tenant.
        type: bool
      allow_missing_groups:
        description:
          - Like O(allow_missing_groups) at the top, for this tenant.
        type: bool
      m365_tenant_id:
        description:
          - The Microsoft 365 tenant (directory) id. Needed only where the catalog does not know it yet.
        type: str
      client_id:
        description:
          - Like O(client_id) at the top, for this tenant.
        type: str
      client_secret:
        description:
          - Like O(client_secret) at the top, for this tenant.
        type: str
      client_certificate:
        description:
          - Like O(client_certificate) at the top, for this tenant.
        type: path
      client_certificate_key:
        description:
          - Like O(client_certificate_key) at the top, for this tenant.
        type: path
      client_certificate_passphrase:
        description:
          - Like O(client_certificate_passphrase) at the top, for this tenant.
        type: str
      client_assertion_file:
        description:
          - Like O(client_assertion_file) at the top, for this tenant.
        type: path
      managed_identity:
        description:
          - Like O(managed_identity) at the top, for this tenant.
        type: bool
      cloud:
        description:
          - Like O(cloud) at the top, for this tenant.
        type: str
        choices: [global, usgov, usgov_dod, china]
      authority_url:
        description:
          - Like O(authority_url) at the top, for this tenant.
        type: str
      graph_url:
        description:
          - Like O(graph_url) at the top, for this tenant.
        type: str
      ca_path:
        description:
          - Like O(ca_path) at the top, for this tenant.
        type: path
      request_timeout:
        description:
          - Like O(request_timeout) at the top, for this tenant.
        type: int
      throttle_budget:
        description:
          - Like O(throttle_budget) at the top, for this tenant.
        type: int
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
  - llmops.tenancy.graph
attributes:
  check_mode:
    support: full
    details: Fetches, runs the same statements and rolls them back; the stored delta link stays where it was.
  diff_mode:
    support: full
    details: Names 200 users at most and counts the rest.
  idempotent:
    support: full
    details: As far as the directory does not change in between.
seealso:
  - module: llmops.tenancy.tenant_user
"""

EXAMPLES = r"""
- name: Synchronise one tenant, its secret from Ansible Vault
  llmops.tenancy.m365_sync:
    tenant: empresa-corp
    client_id: 00000000-0000-0000-0000-000000000001
    client_secret: "{{ vault_m365_secret }}"

- name: Only the people of one group, admins by another
  llmops.tenancy.m365_sync:
    tenant: empresa-corp
    client_id: 00000000-0000-0000-0000-000000000001
    client_certificate: /etc/llmops/m365.pem
    scope_groups: [00000000-0000-0000-0000-00000000000a]
    role_mapping:
      00000000-0000-0000-0000-00000000000b: admin
      LLM.Analyst: analyst

- name: Look what would happen
  llmops.tenancy.m365_sync:
    tenant: empresa-corp
    mode: full
  check_mode: true
  diff: true

- name: Several tenants, each with an application of its own
  llmops.tenancy.m365_sync:
    fail_at_end: true
    tenants:
      - tenant: empresa-corp
        client_id: 00000000-0000-0000-0000-000000000001
        client_secret: "{{ vault_empresa_secret }}"
      - tenant: otra-corp
        client_id: 00000000-0000-0000-0000-000000000002
        client_secret: "{{ vault_otra_secret }}"
"""

RETURN = r"""
tenants:
  description: What happened to each tenant.
  returned: always
  type: list
  elements: dict
  contains:
    tenant:
      description: The tenant.
      type: str
    failed:
      description: Whether its synchronisation failed; RV(tenants[].msg) and RV(tenants[].error) tell why.
      type: bool
    skipped:
      description: Whether it was left alone, with O(optional=true).
      type: bool
    changed:
      description: Whether users were, or would be, written.
      type: bool
    mode:
      description: V(full) or V(delta).
      type: str
    reason:
      description: Why that mode, or why the tenant was left alone.
      type: str
    counts:
      description:
        - C(added), C(linked), C(changed), C(disabled), C(enabled), C(role_changes) and C(unchanged) users.
        - C(conflicts) and C(without_email) are people who could not become users. C(active) is the number of active
          Microsoft 365 users afterwards.
      type: dict
    fetched:
      description: Users that Microsoft Graph sent, those left out included.
      type: int
    left_out:
      description: People who do not become users, by reason.
      type: dict
    cleaned:
      description: Users from whose texts unprintable characters were taken out.
      type: int
    conflicts:
      description: People who could not get the email that the directory gives them, 200 at most.
      type: list
      elements: dict
    kept_admins:
      description: Emails of last active admins who stay, although the directory would disable or demote them.
      type: list
      elements: str
    next_full:
      description: When O(mode=auto) makes the next full round.
      type: str
    pages:
      description: Pages fetched.
      type: int
    requests:
      description: Requests sent, those for tokens included.
      type: int
    throttled_seconds:
      description: Seconds waited because Microsoft Graph asked for it, or because the line failed.
      type: float
    catalog_seconds:
      description: Seconds in the catalog.
      type: float
    duration:
      description: Seconds in all.
      type: float
    msg:
      description: What failed, why, and what to do.
      type: str
    error:
      description: The same in parts, with a stable C(kind), Microsoft's C(code) and C(request_id).
      type: dict
  sample:
    - tenant: empresa-corp
      failed: false
      changed: true
      mode: delta
      reason: a delta link is stored
      counts: {added: 2, linked: 0, changed: 1, disabled: 1, enabled: 0, role_changes: 0, unchanged: 0, conflicts: 0}
      next_full: "2026-01-07T02:00:00Z"
failed_tenants:
  description: Tenants that failed.
  returned: always
  type: list
  elements: str
actions:
  description: What was, or would be, done to users, 200 of each tenant at most, those who lose their access first.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import fleet
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog, graph, m365
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import one_or_list


def logic(params, run: Run):
    """Synchronise the tenants, each in a transaction of its own."""
    results = fleet.synchronise_all(
        catalog.read(params), m365.entries(params), optional=params["optional"], check=run.check, warn=run.warn
    )
    return fleet.combined(results, fail_at_end=params["fail_at_end"] or params["tenants"] is None)


def main() -> None:
    """Entry point."""
    spec = {
        **one_or_list(m365.ENTITY, "tenants"),
        "optional": {"type": "bool", "default": False},
        "fail_at_end": {"type": "bool", "default": True},
    }
    run_module(logic, spec, groups=[catalog.GROUP, graph.GROUP])


if __name__ == "__main__":
    main()
