# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every module that reaches the catalog. Documented in doc_fragments/catalog.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping
from urllib.parse import unquote

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


_URI_PASSWORD = re.compile(r"^\w+://[^:@/?#]*:(?P<password>.*)@")
_QUERY_PASSWORD = re.compile(r"[?&](?:ssl)?password=(?P<password>[^&#]*)")
_KEY_PASSWORD = re.compile(r"(?:ssl)?password\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'?|(?P<plain>(?:[^\s'\\]|\\.)+))")


def _secrets(params: Mapping[str, Any]) -> list[str]:
    """Passwords inside the DSN, which no_log of the whole DSN does not hide in a message.

    libpq's own parser would be the right one, but it refuses a malformed DSN as a whole, and that is when an error
    message is sure to follow. So each spelling that may hold a password counts, encoded and decoded.
    """
    dsn = params.get("catalog_dsn") or ""
    if "://" in dsn:
        found = [match["password"] for pattern in (_URI_PASSWORD, _QUERY_PASSWORD) for match in pattern.finditer(dsn)]
        # A raw @ in a password is an error, yet people write it: the part before it is as secret as the whole.
        found += [text.partition("@")[0] for text in found]
        return [secret for secret in {*found, *map(unquote, found)} if secret]
    found = [match["quoted"] or match["plain"] or "" for match in _KEY_PASSWORD.finditer(dsn)]
    return [secret for secret in {*found, *(re.sub(r"\\(.)", r"\1", text) for text in found)} if secret]


GROUP = OptionGroup(spec=SPEC, secrets=_secrets, libraries=("psycopg",))
