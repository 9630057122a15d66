# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of a tenant as an operator gives them."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

CHECKS: dict[str, values.Check] = {
    "email": values.email,
    "name": values.text,
    "role": values.role,
    "active": values.boolean,
    "state": values.one_of("present", "absent"),
    "force": values.boolean,
}


def parse_users(value: Any) -> list[dict[str, Any]]:
    """Entities for the module ``tenant_user``, without the tenant.

    :param value: a list of mappings (``email``, ``name``, ``role``, ``active``, ``state``, ``force``) or of texts
        ``email`` or ``email:role``; or all of it as text: JSON, or ``a@x.com:admin,b@x.com``.
    :raises TenancyError: for what is wrong, naming the entry.
    """
    users = [_parse_user(item, f"users[{index}]") for index, item in enumerate(values.as_list(value, "users"))]
    seen: dict[str, str] = {}
    for user in users:
        other = seen.setdefault(user["email"].lower(), user["email"])
        if sum(1 for item in users if item["email"].lower() == other.lower()) > 1:
            raise TenancyError(
                f"users names {other} twice",
                cause="an email address stands for one user, whatever its case",
                remedy="Keep one of them",
                kind="duplicate_user",
            )
    return users


# The variables of a single user, and what they are called in an entry of `users`.
SHORT: dict[str, str] = {f"user_{key}": key for key in CHECKS}


def single_user(given: Mapping[str, Any]) -> dict[str, Any]:
    """The user that the variables ``user_…`` describe; empty when none is given.

    :raises TenancyError: ``missing_value`` without ``user_email``.
    """
    user = {SHORT[name]: value for name, value in given.items() if name in SHORT}
    if user and "email" not in user:
        raise TenancyError(
            f"{', '.join(sorted(name for name in given if name in SHORT))} without user_email",
            cause="a user is known by the email address", remedy="Give user_email, too", kind="missing_value",
        )
    return user


def _parse_user(item: Any, name: str) -> dict[str, Any]:
    """One user."""
    if not isinstance(item, Mapping):
        address, _colon, role = str(item).partition(":")
        item = {"email": address.strip(), "role": role.strip()}
    user = values.mapping(item, CHECKS, name)
    if "email" not in user:
        raise TenancyError(f"{name} has no email", remedy="Give each user an email", kind="missing_value")
    return user
