# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Graph says about a user, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.people import Gone, Person, read

KEY = "0000000a-0000-4000-8000-00000000000b"
PLAIN = {
    "id": KEY,
    "displayName": "Ana",
    "mail": "ana@x.example",
    "userPrincipalName": "ana@up.example",
    "accountEnabled": True,
}


def person(**changed: Any) -> Person:
    """The person read from a plain user with changes."""
    found = read({**PLAIN, **changed})
    assert isinstance(found, Person)
    return found


@pytest.mark.parametrize(
    ("changed", "email"),
    [
        ({}, "ana@x.example"),
        ({"mail": None}, "ana@up.example"),
        ({"mail": ""}, "ana@up.example"),
        ({"mail": "no address"}, "ana@up.example"),
        ({"mail": " spaced@x.example "}, "spaced@x.example"),
        ({"mail": "two@at@x.example"}, "ana@up.example"),
        ({"mail": "L" * 320 + "@x.example"}, "ana@up.example"),
        ({"mail": None, "userPrincipalName": "leo_other.example#EXT#@up.example"}, "leo@other.example"),
        ({"mail": None, "userPrincipalName": "leo_ida_other.example#EXT#@up.example"}, "leo_ida@other.example"),
        ({"mail": None, "userPrincipalName": "plain#EXT#@up.example"}, "plain#EXT#@up.example"),
        ({"mail": None, "userPrincipalName": None}, None),
        ({"mail": None, "userPrincipalName": "nobody"}, None),
    ],
)
def test_email(changed: dict[str, Any], email: str | None) -> None:
    assert person(**changed).email == email


@pytest.mark.parametrize(
    ("kind", "principal", "guest"),
    [
        ("Member", "a@x.example", False),
        ("Guest", "a@x.example", True),
        ("guest", "a@x.example", True),
        (None, "a@x.example", False),
        (None, "a_b.example#EXT#@x.example", True),
        ("Member", "a_b.example#EXT#@x.example", False),
    ],
)
def test_guest(kind: str | None, principal: str, guest: bool) -> None:
    found = person(userType=kind, userPrincipalName=principal)
    assert (found.guest, found.user_type) == (guest, "guest" if guest else "member")


@pytest.mark.parametrize(
    ("name", "clean", "cleaned"),
    [
        ("Ana", "Ana", False),
        ("Zoë 🦊", "Zoë 🦊", False),
        ("A\x00B", "AB", True),
        ("A\tB\nC", "ABC", True),
        ("A\ud83dB", "AB", True),
        ("  Ana ", "Ana", False),
        ("No\u00a0break", "No\u00a0break", False),
        ("\x00", "", True),
        (None, "", False),
        (7, "", False),
        ("L" * 300, "L" * 300, False),
    ],
)
def test_name(name: Any, clean: str, cleaned: bool) -> None:
    found = person(displayName=name)
    assert (found.name, found.cleaned) == (clean, cleaned)


@pytest.mark.parametrize(
    ("item", "gone"),
    [
        ({"id": KEY, "@removed": {"reason": "changed"}}, "changed"),
        ({"id": KEY.upper(), "@removed": {"reason": "deleted"}, "displayName": "x"}, "deleted"),
        ({"id": KEY, "@removed": {}}, "deleted"),
        ({"id": KEY, "@removed": True}, "deleted"),
    ],
)
def test_tombstone(item: dict[str, Any], gone: str) -> None:
    assert read(item) == Gone(KEY, gone)


@pytest.mark.parametrize(("value", "active"), [(True, True), (False, False), (None, True)])
def test_active(value: bool | None, active: bool) -> None:
    assert person(accountEnabled=value).active is active


@pytest.mark.parametrize("key", [None, "", "x", 7, "0000000a-0000"])
def test_bad_id(key: Any) -> None:
    with pytest.raises(TenancyError) as caught:
        read({"id": key})
    assert caught.value.kind == "m365_bad_answer"
