# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One entity at the top or a list: both give the same entities, and neither can be mixed up with the other."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list

ENTITY = {
    "tenant": {"type": "str", "required": True},
    "email": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present"},
}


def params(**given):
    return {"tenant": None, "email": None, "state": "present", "users": None, **given}


def item(**given):
    return {"tenant": None, "email": None, "state": "present", **given}


def test_spec_asks_for_keys_in_the_list_only():
    spec = one_or_list(ENTITY, "users")
    assert "required" not in spec["tenant"]
    assert spec["users"]["options"]["tenant"]["required"]


def test_one_entity_at_the_top():
    assert entities(params(tenant="x", email="a@x"), ENTITY, "users") == [item(tenant="x", email="a@x")]


def test_list_takes_what_is_shared_from_the_top():
    given = params(tenant="x", users=[item(email="a@x"), item(tenant="y", email="b@y")])
    assert entities(given, ENTITY, "users", shared=("tenant",)) == [
        item(tenant="x", email="a@x"), item(tenant="y", email="b@y")
    ]


def test_empty_list_is_no_entity():
    assert entities(params(users=[]), ENTITY, "users") == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (params(), "tenant, email"),
        (params(tenant="x"), "email"),
        (params(tenant="x", email="a@x", users=[]), "'users' and tenant, email are both given"),
    ],
)
def test_neither_or_both_shapes_are_refused_by_name(given, named):
    with pytest.raises(TenancyError) as caught:
        entities(given, ENTITY, "users")
    assert caught.value.kind == "invalid_options"
    assert named in str(caught.value)
