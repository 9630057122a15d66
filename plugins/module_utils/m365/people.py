# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Graph says about a user, as the catalog wants it. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple
from uuid import UUID

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# Control characters and halves of surrogate pairs: PostgreSQL refuses NUL and what is no UTF-8, people see neither.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_GUEST_MARK = "#EXT#"
_LONGEST_EMAIL = 320


class Person(NamedTuple):
    """A user of the directory.

    :ivar key: Graph's id, lower case: the only thing about a user that never changes.
    :ivar email: ``mail``, else the principal name; None when neither is an address.
    :ivar cleaned: whether characters had to be taken out.
    """

    key: str
    email: str | None
    name: str
    active: bool
    department: str | None
    job_title: str | None
    user_type: str
    guest: bool
    licensed: bool
    cleaned: bool


class Gone(NamedTuple):
    """A user that the directory removed: ``changed`` is into its recycle bin, ``deleted`` for good."""

    key: str
    reason: str


def read(item: Mapping[str, Any]) -> Person | Gone:
    """A user or tombstone as Graph sends it.

    :raises TenancyError: ``m365_bad_answer`` for one without a valid id.
    """
    key = _key(item.get("id"))
    removed = item.get("@removed")
    if removed is not None:
        return Gone(key, str(removed.get("reason") or "deleted") if isinstance(removed, Mapping) else "deleted")
    cleaner = _Cleaner()
    principal = cleaner.text(item.get("userPrincipalName")) or ""
    kind = cleaner.text(item.get("userType"))
    # An old account has no type; only guests carry the mark in their principal name.
    guest = kind.lower() == "guest" if kind else _GUEST_MARK in principal
    return Person(
        key=key,
        email=_email(cleaner.text(item.get("mail"))) or _email(_address(principal)),
        name=cleaner.text(item.get("displayName")) or "",
        active=item.get("accountEnabled") is not False,
        department=cleaner.text(item.get("department")),
        job_title=cleaner.text(item.get("jobTitle")),
        user_type="guest" if guest else "member",
        guest=guest,
        licensed=bool(item.get("assignedLicenses")),
        cleaned=cleaner.cleaned,
    )


def key_bytes(key: str) -> bytes:
    """The id in 16 bytes, for sets of a hundred thousand of them.

    :raises TenancyError: ``m365_bad_answer`` for what is none.
    """
    try:
        return UUID(key).bytes
    except ValueError:
        raise _without_id() from None


class _Cleaner:
    """Takes unprintable characters out of texts and remembers whether there were any."""

    def __init__(self) -> None:
        self.cleaned = False

    def text(self, value: Any) -> str | None:
        """The text, or None for an empty one."""
        if not isinstance(value, str) or not value:
            return None
        if not value.isprintable():
            tidy = _UNPRINTABLE.sub("", value)
            self.cleaned = self.cleaned or tidy != value
            value = tidy
        return value.strip() or None


def _key(value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise _without_id() from None


def _without_id() -> TenancyError:
    return TenancyError(
        "Microsoft Graph sent a user without a valid id", cause="nothing was changed",
        remedy="Run it again; if it stays, report it with the output of -vvv", kind="m365_bad_answer",
    )


def _address(principal: str) -> str | None:
    """The address in a principal name: that of a guest is ``alias_domain#EXT#@tenant``."""
    alias, mark, tenant = principal.partition(_GUEST_MARK)
    if mark and "_" in alias:
        return "@".join(alias.rsplit("_", 1))
    return principal or None


def _email(text: str | None) -> str | None:
    return text if text and len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) else None
