#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_files
short_description: Check files of tenants offline
version_added: 0.1.0
description:
  - Checks all files C(tenants/<tenant>.yml) by the rules that a run has for them, and prints every fault as C(file:line:column), with
    the nearest right name for one that is misspelled. It fails at the end when there is a fault.
  - It also finds what stands in two files, namely tenants, agents, and ports of one agent host.
  - Values that are vaulted and values with expressions can't be known without a run, and are not looked at. A file that is vaulted as
    a whole is checked when the password of its vault is given, else it is told as not checked.
  - It runs on the controller and reaches neither a host nor the catalog.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenants:
    description: Shell patterns of tenants, for example V(empresa-*). Left out, all files.
    type: list
    elements: str
    default: []
  path:
    description: Folder with the files. Left out, the folders C(tenants) beside or inside of the inventory.
    type: path
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.info
  - llmops.tenancy.attributes.actiongroup
seealso:
  - module: llmops.tenancy.tenant_export
"""

EXAMPLES = r"""
- name: Check the files of all tenants
  llmops.tenancy.tenant_files:

- name: Check those of a folder
  llmops.tenancy.tenant_files:
    path: inventories/production/tenants
    tenants: [empresa-*]
"""

RETURN = r"""
findings:
  description: All that is wrong, by file and line.
  returned: always
  type: list
  elements: dict
  sample: [{file: /srv/tenants/acme.yml, line: 3, column: 1, kind: unknown_key, message: "The file has an unknown key 'modle'. Did you mean 'model'?"}]
checked:
  description: Files that were checked.
  returned: always
  type: list
  elements: str
  sample: [/srv/inventory/tenants/acme.yml]
not_checked:
  description: Files that are vaulted and can't be opened with the passwords given.
  returned: always
  type: list
  elements: str
  sample: []
"""
