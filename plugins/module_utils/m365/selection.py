# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who of a directory becomes a tenant user, and in which role: the operator's choices. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.directory import LICENSES, USER_PROPERTIES
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.people import Person

# From the lowest to the highest, each a bit of the flags in grants.
ROLES = ("viewer", "analyst", "admin")
IN_SCOPE = 8
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Counted up when a release reads the directory in another way, so that the next round is a full one.
_VERSION = 1


@dataclass(frozen=True)
class Selection:
    """Scope and mapping of one tenant.

    :param scope_groups: ids of groups; only who is in one of them counts. Empty for no such limit.
    :param condition: OData filter; empty for none. With one, every round is a full one.
    :param guests: whether guests count. :param unlicensed: whether users without any licence count.
    :param group_roles: role by group id. :param app_roles: role by the value of an app role.
    :param default_role: of whom no mapping names; None leaves such people out.
    :param manage_roles: whether roles of users that are there already follow the mapping.
    :param role_app: application whose app roles are meant.
    """

    scope_groups: tuple[str, ...] = ()
    condition: str = ""
    guests: bool = False
    unlicensed: bool = True
    group_roles: Mapping[str, str] = field(default_factory=dict)
    app_roles: Mapping[str, str] = field(default_factory=dict)
    default_role: str | None = "viewer"
    manage_roles: bool = False
    role_app: str = ""

    @property
    def properties(self) -> tuple[str, ...]:
        """What to ask Graph for."""
        return USER_PROPERTIES if self.unlicensed else (*USER_PROPERTIES, LICENSES)

    @property
    def needs_grants(self) -> bool:
        """Whether groups or app roles have to be read at all."""
        return bool(self.scope_groups or self.group_roles or self.app_roles)

    def fingerprint(self, tenant_id: str, graph_url: str) -> str:
        """Hash of all that makes a stored delta link right or wrong."""
        known = [_VERSION, tenant_id.lower(), graph_url.lower(), self.properties, asdict(self)]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def refusal(self, person: Person, flags: int) -> str | None:
        """Why a person does not count, or None."""
        if self.scope_groups and not flags & IN_SCOPE:
            return "out of scope"
        if person.guest and not self.guests:
            return "guest"
        if not self.unlicensed and not person.licensed:
            return "unlicensed"
        return None if self.role(flags) else "without a role"

    def role(self, flags: int) -> str | None:
        """The highest role that the flags grant, else the default."""
        for number in reversed(range(len(ROLES))):
            if flags & 1 << number:
                return ROLES[number]
        return self.default_role


def flag(role: str) -> int:
    """The bit of a role."""
    return 1 << ROLES.index(role)


def read(entity: Mapping[str, Any]) -> Selection:
    """The selection that one entry of the options describes, with the defaults of what it leaves out.

    :raises TenancyError: ``invalid_role``, ``invalid_group``.
    """
    mapping = {str(key).strip(): role for key, role in (entity["role_mapping"] or {}).items()}
    for key, role in mapping.items():
        if role not in ROLES:
            raise TenancyError(
                f"role_mapping gives '{key}' the role '{role}', which does not exist",
                remedy=f"Use one of {', '.join(reversed(ROLES))}", kind="invalid_role",
            )
    scope = tuple(sorted({_group(group) for group in entity["scope_groups"] or ()}))
    default = entity["default_role"] or "viewer"
    return Selection(
        scope_groups=scope,
        condition=(entity["filter"] or "").strip(),
        guests=bool(entity["guests"]),
        unlicensed=entity["unlicensed"] is not False,
        group_roles={key.lower(): role for key, role in mapping.items() if _GUID.fullmatch(key.lower())},
        app_roles={key: role for key, role in mapping.items() if not _GUID.fullmatch(key.lower())},
        default_role=None if default == "none" else default,
        # Without a mapping there is nothing to manage: roles given by hand must not fall back to the default.
        manage_roles=bool(mapping) if entity["manage_roles"] is None else entity["manage_roles"],
        role_app=entity["role_app_id"] or entity["client_id"] or "",
    )


def _group(text: str) -> str:
    group = str(text).strip().lower()
    if _GUID.fullmatch(group):
        return group
    raise TenancyError(
        f"scope_groups has '{text}', which is not the id of a group", cause="names of groups change, so ids are used",
        remedy="Give the group's Object ID, as Entra shows it", kind="invalid_group",
    )
