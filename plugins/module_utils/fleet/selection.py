# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tenants and agents a run over the fleet is about. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

_PATTERN = re.compile(r"[a-z0-9*?!\[\]-]{1,64}")


@dataclass(frozen=True)
class Selection:
    """What the operator chose; all of it by default.

    :param patterns: of names of tenants, as a shell knows them. :param host: agent host; empty for all.
    :param names: tenants that the last run left; None for all.
    """

    patterns: tuple[str, ...] = ()
    host: str = ""
    names: frozenset[str] | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Selection":
        """The selection in a result of the module ``fleet_settings``."""
        names = settings.get("retried")
        return cls(
            tuple(settings.get("tenants") or ()), settings.get("agent_host") or "", None if names is None else frozenset(names)
        )

    @property
    def everything(self) -> bool:
        """Whether no tenant is left out by its name."""
        return not self.patterns and self.names is None

    def wants(self, tenant: str) -> bool:
        """Whether the run is about a tenant, by its name."""
        if self.names is not None and tenant not in self.names:
            return False
        return not self.patterns or any(fnmatchcase(tenant, pattern) for pattern in self.patterns)

    def wants_agent(self, agent: Mapping[str, Any]) -> bool:
        """Whether the run is about an agent of a tenant that it is about."""
        return not self.host or agent["host"] == self.host


def patterns(value: Any) -> list[str]:
    """The variable ``tenants``: names and patterns, as a list or text with commas.

    :raises TenancyError: ``invalid_pattern``.
    """
    found = [values.text(item, "tenants") for item in values.as_list(value, "tenants")]
    for pattern in found:
        if not _PATTERN.fullmatch(pattern):
            raise TenancyError(
                f"tenants: '{pattern}' can match no tenant",
                cause="names of tenants are of a-z, 0-9 and '-'; * stands for any text, ? for one character",
                remedy="Write for example tenants='empresa-*' or tenants=acme,globex",
                kind="invalid_pattern",
            )
    return found
