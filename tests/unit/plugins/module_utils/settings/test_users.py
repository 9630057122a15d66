# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users as an operator gives them."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.users import parse_users, single_user


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], []),
        ([{"email": "ana@x.com"}], [{"email": "ana@x.com"}]),
        (
            [{"email": "ana@x.com", "name": "Ana", "role": "Admin", "active": "no", "state": None}],
            [{"email": "ana@x.com", "name": "Ana", "role": "admin", "active": False}],
        ),
        ('[{"email": "ana@x.com", "role": "viewer"}]', [{"email": "ana@x.com", "role": "viewer"}]),
        ("ana@x.com:admin,leo@x.com", [{"email": "ana@x.com", "role": "admin"}, {"email": "leo@x.com"}]),
        ("ana@x.com:admin\nleo@x.com:viewer\n", [{"email": "ana@x.com", "role": "admin"}, {"email": "leo@x.com", "role": "viewer"}]),
        (["ana@x.com:analyst"], [{"email": "ana@x.com", "role": "analyst"}]),
    ],
)
def test_users_in_every_spelling(value, expected):
    assert parse_users(value) == expected


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ([{"name": "Ana"}], "missing_value", "users[0] has no email"),
        ([{"email": "ana@x.com"}, {"email": "ANA@x.com"}], "duplicate_user", "names ana@x.com twice"),
        ([{"email": "ana"}], "invalid_email", "users[0].email: 'ana' is not an email address"),
        ([{"email": "ana@x.com", "role": "root"}], "invalid_choice", "users[0].role 'root'"),
        ([{"email": "ana@x.com", "rol": "admin"}], "unknown_key", "Did you mean 'role'?"),
        ([{"email": ["ana@x.com"]}], "invalid_value", "users[0].email must be a single value"),
        ([None], "empty_entry", "users[0] is empty"),
        ("ana@x.com:boss", "invalid_choice", "users[0].role 'boss'"),
        ("[{", "invalid_json", "not valid JSON"),
    ],
)
def test_wrong_users_name_the_entry(value, kind, said):
    with pytest.raises(TenancyError) as caught:
        parse_users(value)
    assert caught.value.kind == kind
    assert said in str(caught.value)
    assert str(caught.value).count("users[0]") <= 1


def test_single_user_of_short_variables():
    assert single_user({"tenant": "x"}) == {}
    given = {"user_email": "ana@x.com", "user_active": False, "tenant": "x"}
    assert single_user(given) == {"email": "ana@x.com", "active": False}
    with pytest.raises(TenancyError, match="user_role without user_email"):
        single_user({"user_role": "admin"})
