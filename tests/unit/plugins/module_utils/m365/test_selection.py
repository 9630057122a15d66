# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope, mapping, grants and the spool, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.m365 import selection as choices
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.grants import Grants
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.people import Person
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.selection import IN_SCOPE, Selection, flag
from ansible_collections.llmops.tenancy.plugins.module_utils.m365.spool import Spool
from ansible_collections.llmops.tenancy.plugins.module_utils.options import m365

A, B = "aaaaaaaa-0000-4000-8000-00000000000a", "bbbbbbbb-0000-4000-8000-00000000000b"
KEY = "0000000a-0000-4000-8000-00000000000b"
ANA = Person(KEY, "ana@x.example", "Ana", True, "Sales", None, "member", False, True, False)


def read(**given: Any) -> Selection:
    """The selection of these options."""
    return choices.read({**dict.fromkeys(m365.ENTITY), **given})


@pytest.mark.parametrize(
    ("flags", "default", "role"),
    [
        (0, "viewer", "viewer"),
        (0, None, None),
        (flag("analyst"), "viewer", "analyst"),
        (flag("viewer"), "admin", "viewer"),
        (flag("admin") | flag("viewer"), "viewer", "admin"),
        (IN_SCOPE, "viewer", "viewer"),
        (IN_SCOPE | flag("analyst"), None, "analyst"),
    ],
)
def test_highest_role_wins(flags: int, default: str | None, role: str | None) -> None:
    assert Selection(default_role=default).role(flags) == role


@pytest.mark.parametrize(
    ("selection", "person", "flags", "refusal"),
    [
        (Selection(), ANA, 0, None),
        (Selection(scope_groups=(A,)), ANA, 0, "out of scope"),
        (Selection(scope_groups=(A,)), ANA, flag("admin"), "out of scope"),
        (Selection(scope_groups=(A,)), ANA, IN_SCOPE, None),
        (Selection(), ANA._replace(guest=True), 0, "guest"),
        (Selection(guests=True), ANA._replace(guest=True), 0, None),
        (Selection(), ANA._replace(licensed=False), 0, None),
        (Selection(unlicensed=False), ANA._replace(licensed=False), 0, "unlicensed"),
        (Selection(default_role=None), ANA, 0, "without a role"),
        (Selection(default_role=None), ANA, flag("viewer"), None),
    ],
)
def test_who_counts(selection: Selection, person: Person, flags: int, refusal: str | None) -> None:
    assert selection.refusal(person, flags) == refusal


def test_options() -> None:
    plain = read()
    assert plain == Selection() and not plain.needs_grants and "assignedLicenses" not in plain.properties
    full = read(
        scope_groups=[B.upper(), A, A], filter=" x eq 'y' ", guests=True, unlicensed=False, default_role="none",
        role_mapping={A.upper(): "admin", "LLM.Analyst": "analyst"}, client_id="app",
    )
    assert full.scope_groups == (A, B) and full.condition == "x eq 'y'" and full.default_role is None
    assert (full.group_roles, full.app_roles, full.role_app) == ({A: "admin"}, {"LLM.Analyst": "analyst"}, "app")
    assert full.manage_roles and full.needs_grants and "assignedLicenses" in full.properties
    assert not read(role_mapping={A: "admin"}, manage_roles=False).manage_roles


@pytest.mark.parametrize(
    ("given", "kind"),
    [({"role_mapping": {A: "owner"}}, "invalid_role"), ({"scope_groups": ["All"]}, "invalid_group")],
)
def test_refused_options(given: dict[str, Any], kind: str) -> None:
    with pytest.raises(TenancyError) as caught:
        read(**given)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "given",
    [
        {"guests": True}, {"unlicensed": False}, {"filter": "x"}, {"scope_groups": [A]}, {"role_mapping": {A: "admin"}},
        {"default_role": "admin"}, {"manage_roles": True}, {"role_app_id": "other"},
    ],
)
def test_fingerprint_changes_with_the_selection(given: dict[str, Any]) -> None:
    assert read(**given).fingerprint("t", "https://g") != read().fingerprint("t", "https://g")


def test_fingerprint_stays_with_the_same_selection() -> None:
    first = read(scope_groups=[A, B], role_mapping={A: "admin", B: "viewer"})
    second = read(scope_groups=[B, A], role_mapping={B: "viewer", A: "admin"})
    assert first.fingerprint("T", "https://G") == second.fingerprint("t", "https://g")
    assert first.fingerprint("t", "https://g") != first.fingerprint("other", "https://g")


def test_grants() -> None:
    before, after = Grants(), Grants()
    before.add([A, KEY], flag("viewer"))
    after.add([KEY, B], flag("viewer"))
    after.add([B], flag("admin"))
    assert after.of(B) == flag("viewer") | flag("admin") and after.of(A) == 0
    assert after.changed(before) == {A, B}
    unpacked = Grants.unpack(after.pack())
    assert unpacked.changed(after) == set() and unpacked.of(B) == after.of(B)
    assert Grants.unpack(None).changed(Grants()) == set() == Grants.unpack(Grants().pack()).changed(Grants())


def test_spool() -> None:
    with Spool() as spool:
        spool.present(ANA._replace(name="Tab\tBack\\slash\nEnd"), "viewer")
        assert not spool.repeated and spool.has(KEY) and not spool.has(A)
        spool.absent(KEY, "deleted")
        spool.present(ANA._replace(key=A, active=False, email=None), None)
        assert (spool.rows, spool.people, spool.repeated) == (3, 2, True)
        for again in range(2):
            assert b"".join(spool.chunks()).decode().splitlines() == [
                f"1\t{KEY}\tana@x.example\tTab\\tBack\\\\slash\\nEnd\tt\tSales\t\\N\tmember\tviewer\t\\N",
                f"2\t{KEY}\t\\N\t\\N\tf\t\\N\t\\N\t\\N\t\\N\tdeleted",
                f"3\t{A}\t\\N\tAna\tf\tSales\t\\N\tmember\t\\N\t\\N",
            ], again
