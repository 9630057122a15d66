#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files of tenants from the catalog."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_export
short_description: Write files of tenants from the catalog
version_added: 0.1.0
description:
  - Writes C(<tenant>.yml) for each tenant, with all that the catalog has of it in the keys that C(onboard_tenant) reads. Onboarding
    with such a file changes nothing, as long as the tenant has an agent.
  - Users whom Microsoft 365 owns are left out. The catalog has no secrets, so the files have none.
  - A file that is there stays as it is, unless O(overwrite=true).
author:
  - llmops.tenancy contributors (@llmops)
options:
  path:
    description: Folder for the files, made when it is missing.
    type: path
    required: true
  tenants:
    description: Shell patterns of tenants, for example V(empresa-*). Left out, all tenants.
    type: list
    elements: str
  overwrite:
    description: Whether files that are there are written anew.
    type: bool
    default: false
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: llmops.tenancy.tenant_files
"""

EXAMPLES = r"""
- name: Write the files that are missing
  llmops.tenancy.tenant_export:
    path: inventory/tenants

- name: Write those of some tenants anew
  llmops.tenancy.tenant_export:
    path: inventory/tenants
    tenants: [empresa-*]
    overwrite: true
"""

RETURN = r"""
actions:
  description: What was written, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{action: create, kind: file, name: /srv/inventory/tenants/empresa-corp.yml, impact: in_place, fields: {}}]
files:
  description: The file of each tenant by its path, and whether it was C(created), C(updated), is the C(same), or was C(kept) though the catalog differs.
  returned: success
  type: list
  elements: dict
  sample: [{tenant: empresa-corp, file: /srv/inventory/tenants/empresa-corp.yml, status: created}]
"""

from fnmatch import fnmatchcase
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import info
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.host import files
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Plan
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import export

SPEC = {
    "path": {"type": "path", "required": True},
    "tenants": {"type": "list", "elements": "str"},
    "overwrite": {"type": "bool", "default": False},
}
_VERBS = {"created": "create", "updated": "update"}


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Write the files."""
    wanted = _texts(params)
    listed, actions, before, after = [], [], {}, {}
    for tenant, text in wanted.items():
        path, there = files.find(params["path"], tenant, (".yml", ".yaml"))
        status = "created" if there is None else "same" if there == text else "updated" if params["overwrite"] else "kept"
        listed.append({"tenant": tenant, "file": path, "status": status})
        if status in _VERBS:
            actions.append(Action(_VERBS[status], "file", path))
            before[path], after[path] = there, text
    if not run.check:
        for path, text in after.items():
            files.write(path, text)
    return {**Plan(tuple(actions), before, after).as_result(), "files": listed}


def _texts(params: Mapping[str, Any]) -> dict[str, str]:
    """The text of each file, by tenant."""
    with reading(catalog.read(params)) as conn:
        tenants, users, agents = info.tenants(conn), info.users(conn), info.agents(conn)
    theirs: dict[str, dict[str, list[Any]]] = {}
    for kind, rows in (("users", users), ("agents", agents)):
        for row in rows:
            theirs.setdefault(row["tenant"], {"users": [], "agents": []})[kind].append(row)
    return {
        tenant["tenant"]: export.text(export.contents(tenant, **theirs.get(tenant["tenant"], {"users": [], "agents": []})))
        for tenant in tenants
        if params["tenants"] is None or any(fnmatchcase(tenant["tenant"], pattern) for pattern in params["tenants"])
    }


def main() -> None:
    """Entry point of the module."""
    run_module(logic, SPEC, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
