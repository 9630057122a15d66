# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is in the groups and app roles that scope and mapping name."""

from __future__ import annotations

import zlib
from typing import Iterable, Mapping
from uuid import UUID

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph import directory
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.client import GraphClient
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.people import key_bytes
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.selection import IN_SCOPE, Selection, flag

_ENTRY = 17


class Grants:
    """Flags by user: a bit for each role that a mapping grants, and one for being in scope.

    :param flags: by the 16 bytes of a user's id.
    """

    def __init__(self, flags: Mapping[bytes, int] | None = None) -> None:
        self._flags = dict(flags or {})

    def add(self, keys: Iterable[str], bit: int) -> None:
        """Set a bit for these users."""
        for key in keys:
            short = key_bytes(key)
            self._flags[short] = self._flags.get(short, 0) | bit

    def of(self, key: str) -> int:
        """The flags of a user."""
        return self._flags.get(key_bytes(key), 0) if self._flags else 0

    def changed(self, before: Grants) -> set[str]:
        """Ids of the users whose flags differ."""
        keys = self._flags.keys() | before._flags.keys()
        return {str(UUID(bytes=key)) for key in keys if self._flags.get(key) != before._flags.get(key)}

    def pack(self) -> bytes:
        """As the catalog stores them."""
        return zlib.compress(b"".join(key + bytes([bits]) for key, bits in sorted(self._flags.items())), 1)

    @classmethod
    def unpack(cls, packed: bytes | None) -> Grants:
        """What :meth:`pack` made."""
        plain = zlib.decompress(packed) if packed else b""
        return cls({plain[at:at + 16]: plain[at + 16] for at in range(0, len(plain), _ENTRY)})


def collect(client: GraphClient, selection: Selection, *, allow_missing: bool) -> Grants:
    """Read the groups and app roles of a selection.

    :param allow_missing: take a group or app role that does not exist for an empty one.
    :raises TenancyError: ``m365_group_missing``: a group that was deleted by mistake must not strip its members.
    """
    grants, missing = Grants(), []
    wanted: dict[str, int] = {group: flag(role) for group, role in selection.group_roles.items()}
    for group in selection.scope_groups:
        wanted[group] = wanted.get(group, 0) | IN_SCOPE
    for group, bits in wanted.items():
        users = directory.group_users(client, group)
        if users is None:
            missing.append(f"group {group}")
        else:
            grants.add(users, bits)
    if selection.app_roles:
        missing += _app_roles(client, selection, grants)
    if missing and not allow_missing:
        raise TenancyError(
            f"Meant by scope_groups or role_mapping, but not found in Microsoft 365: {', '.join(missing)}",
            cause="its members would lose their role or their access; nothing was changed",
            remedy="Restore the group or correct its id. If it is meant to be gone, take it out of the options or the app "
            "role, or set allow_missing_groups=true",
            kind="m365_group_missing", missing=missing,
        )
    return grants


def _app_roles(client: GraphClient, selection: Selection, grants: Grants) -> list[str]:
    """Add what app roles grant; returns those that do not exist."""
    if not selection.role_app:
        raise TenancyError(
            "role_mapping names app roles, but not of which application", remedy="Set role_app_id or client_id",
            kind="invalid_options",
        )
    values, assignments = directory.app_roles(client, selection.role_app)
    missing = [f"app role {value}" for value in selection.app_roles if value not in values.values()]
    for assignment in assignments:
        role = selection.app_roles.get(values.get(str(assignment.get("appRoleId")), ""))
        principal = str(assignment.get("principalId"))
        if role is None:
            continue
        if assignment.get("principalType") == "User":
            grants.add([principal], flag(role))
        elif assignment.get("principalType") == "Group":
            # A group that was deleted leaves its assignment behind for a while, and must not strip its members.
            users = directory.direct_users(client, principal)
            if users is None:
                missing.append(f"group {principal}, which has an app role")
            else:
                grants.add(users, flag(role))
    return missing
