#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes and migrates the catalog."""

from __future__ import annotations

DOCUMENTATION = r"""
module: catalog
short_description: Make the catalog, the database of record
version_added: 0.1.0
description:
  - Creates the schema of the catalog in a PostgreSQL database, or migrates it to the version that this collection needs.
  - Migrations are numbered and have checksums. Each runs in a transaction of its own, and two runs at once are fine.
  - A database that a newer release of the collection has migrated is refused.
  - Makes the database roles C(llmops_operator), which the other modules need to change records, and C(llmops_auditor), which
    only reads, unless they exist. O(operators) and O(auditors) grant them.
author:
  - llmops.tenancy contributors (@llmops)
options:
  state:
    description: The catalog should be there, in the version of this collection.
    type: str
    choices: [present]
    default: present
  create_database:
    description: Create the database first if the server has none of that name. The role needs the right to do so.
    type: bool
    default: false
  maintenance_database:
    description: Database to connect to for O(create_database=true).
    type: str
    default: postgres
  owner:
    description: Role that owns a database that is created. The connecting role if not given.
    type: str
  operators:
    description:
      - Database roles to let in as operators. They are created when they are missing, with the right to log in and no password, and get
        C(llmops_operator). Others keep what they have.
      - With peer authentication a role lets in the operating system user of its name.
    type: list
    elements: str
    default: []
  auditors:
    description: The same for C(llmops_auditor).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
attributes:
  check_mode:
    support: full
    details: Lists the migrations that it would apply.
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Make the catalog in the local PostgreSQL, or migrate it
  llmops.tenancy.catalog:
    create_database: true

- name: Migrate an external catalog
  llmops.tenancy.catalog:
    catalog_dsn: host=db.example.com dbname=llmops user=llmops_owner sslmode=verify-full
"""

RETURN = r"""
version:
  description: Version of the schema, as it is now or would be.
  returned: success
  type: int
  sample: 4
applied:
  description: Migrations that were applied by this run.
  returned: success
  type: list
  elements: str
  sample: [0001_tables, 0002_audit]
pending:
  description: Migrations that this run would apply, in check mode.
  returned: success
  type: list
  elements: str
  sample: []
database:
  description: Where the catalog is.
  returned: success
  type: dict
  sample:
    host: /var/run/postgresql
    port: '5432'
    dbname: llmops
    user: root
actions:
  description: Each thing that was done, or would be in check mode, with the fields that differ.
  returned: always
  type: list
  elements: dict
  sample:
    - action: migrate
      kind: catalog
      name: 0001_tables
      impact: in_place
      fields: {}
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import logins
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.setup import ensure_catalog
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog


def logic(params, run: Run):
    """Create the database if asked to, then migrate its schema."""
    return ensure_catalog(
        catalog.read(params),
        create_database=params["create_database"],
        maintenance=params["maintenance_database"],
        owner=params["owner"],
        members={logins.OPERATOR: params["operators"], logins.AUDITOR: params["auditors"]},
        check=run.check,
    )


def main() -> None:
    """Entry point."""
    spec = {
        "state": {"type": "str", "choices": ["present"], "default": "present"},
        "create_database": {"type": "bool", "default": False},
        "maintenance_database": {"type": "str", "default": "postgres"},
        "owner": {"type": "str"},
        "operators": {"type": "list", "elements": "str", "default": []},
        "auditors": {"type": "list", "elements": "str", "default": []},
    }
    run_module(logic, spec, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
