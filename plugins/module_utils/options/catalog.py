# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every module that reaches the catalog. Documented in doc_fragments/catalog.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping
from urllib.parse import unquote, urlsplit

from ansible.module_utils.basic import env_fallback

from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup

SPEC = {
    "catalog_dsn": {"type": "str", "no_log": True, "fallback": (env_fallback, ["LLMOPS_CATALOG_DSN"])},
    "catalog_password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["LLMOPS_CATALOG_PASSWORD"])},
    "connect_timeout": {"type": "int", "default": 10},
    "lock_timeout": {"type": "int", "default": 30},
    "statement_timeout": {"type": "int", "default": 60},
    "audit_actor": {"type": "str", "fallback": (env_fallback, ["LLMOPS_AUDIT_ACTOR"])},
    "audit_run": {"type": "str", "fallback": (env_fallback, ["LLMOPS_AUDIT_RUN", "JOB_ID"])},
}


@dataclass(frozen=True)
class CatalogSettings:
    """How to reach the catalog and as whom.

    :param dsn: libpq connection string or URI; empty means libpq's own environment and files.
    :param password: overrides the one in the DSN; never part of a message.
    :param connect_timeout: seconds. :param lock_timeout: seconds. :param statement_timeout: seconds.
    :param actor: whom the caller claims to act for (an AWX user), kept in the audit as a claim.
    :param run: which run this is (an AWX job id or the playbook's run id).
    """

    dsn: str
    password: str
    connect_timeout: int
    lock_timeout: int
    statement_timeout: int
    actor: str
    run: str


def read(params: Mapping[str, Any]) -> CatalogSettings:
    """Typed settings of the options."""
    return CatalogSettings(
        dsn=params["catalog_dsn"] or "",
        password=params["catalog_password"] or "",
        connect_timeout=params["connect_timeout"],
        lock_timeout=params["lock_timeout"],
        statement_timeout=params["statement_timeout"],
        actor=params["audit_actor"] or "",
        run=params["audit_run"] or "",
    )


def _secrets(params: Mapping[str, Any]) -> list[str]:
    """The password that may stand inside the DSN, which no_log of the whole DSN does not hide in a message."""
    dsn = params.get("catalog_dsn") or ""
    uri_password = urlsplit(dsn).password if "://" in dsn else None
    found = [unquote(uri_password), uri_password] if uri_password else []
    match = re.search(r"password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", dsn)
    if match:
        found.append(match[1].strip("'"))
    return found


GROUP = OptionGroup(spec=SPEC, secrets=_secrets, libraries=("psycopg",))
