# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of module_utils/options/catalog.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that reaches the catalog."""

    DOCUMENTATION = r"""
options:
  catalog_dsn:
    description:
      - Where the catalog is, as a libpq connection string (C(host=db.example.com dbname=llmops)) or URI (C(postgresql://…)).
      - What it leaves out comes from libpq's own conventions, so C(PGHOST), C(PGSERVICE), C(PGSSLMODE), C(~/.pgpass) and the like work.
        The database defaults to C(llmops).
      - If not set, the environment variable E(LLMOPS_CATALOG_DSN) is used.
    type: str
  catalog_password:
    description:
      - Password of the database role. Prefer C(~/.pgpass) or peer authentication, which need none here.
      - If not set, the environment variable E(LLMOPS_CATALOG_PASSWORD) is used.
    type: str
  connect_timeout:
    description: Seconds to wait for the connection.
    type: int
    default: 10
  lock_timeout:
    description: Seconds to wait for a lock that another run holds.
    type: int
    default: 30
  statement_timeout:
    description: Seconds that one statement may take.
    type: int
    default: 60
  audit_actor:
    description:
      - On whose behalf the run acts, for example the AWX user. The audit keeps it as a claim, apart from the
        operating system and database identities, which can't be forged from here.
      - If not set, the environment variable E(LLMOPS_AUDIT_ACTOR) is used.
    type: str
  audit_run:
    description:
      - Which run this is, for example the AWX job id; all audit rows of one run carry it.
      - If not set, the environment variables E(LLMOPS_AUDIT_RUN) and E(JOB_ID) are used.
    type: str
requirements:
  - psycopg >= 3.2
"""

    # The same for plugins, whose options are read by Ansible itself, the environment included.
    PLUGIN = r"""
options:
  catalog_dsn:
    description:
      - Where the catalog is, as a libpq connection string (C(host=db.example.com dbname=llmops)) or URI (C(postgresql://…)).
      - What it leaves out comes from libpq's own conventions, so C(PGHOST), C(PGSERVICE), C(PGSSLMODE), C(~/.pgpass) and the like work.
        The database defaults to C(llmops).
    type: str
    env:
      - name: LLMOPS_CATALOG_DSN
  catalog_password:
    description:
      - Password of the database role. Prefer C(~/.pgpass) or peer authentication, which need none here.
    type: str
    env:
      - name: LLMOPS_CATALOG_PASSWORD
  connect_timeout:
    description: Seconds to wait for the connection.
    type: int
    default: 10
  lock_timeout:
    description: Seconds to wait for a lock that another run holds.
    type: int
    default: 30
  statement_timeout:
    description: Seconds that one statement may take.
    type: int
    default: 60
  audit_actor:
    description:
      - On whose behalf the run acts, for example the AWX user. The audit keeps it as a claim, apart from the
        operating system and database identities, which can't be forged from here.
    type: str
    env:
      - name: LLMOPS_AUDIT_ACTOR
  audit_run:
    description:
      - Which run this is, for example the AWX job id; all audit rows of one run carry it.
    type: str
    env:
      - name: LLMOPS_AUDIT_RUN
      - name: JOB_ID
requirements:
  - psycopg >= 3.2
"""
