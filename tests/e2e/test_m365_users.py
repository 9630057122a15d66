# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft 365, the users: addresses, manual users, groups, the brake, admins, roles (cases 9-11, 15, 16, 22 and 23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import Database
from tests.support.m365 import GROUP_A, GROUP_B, TENANT, Scene, make_scene
from tests.support.postgres import Postgres


@pytest.fixture
def scene(postgres: Postgres, make_database: Callable[..., Database], tmp_path: Path) -> Iterator[Scene]:
    """25 users, ten in a page."""
    made = make_scene(postgres, make_database, tmp_path)
    yield made
    made.verify_audit()
    made.close()


def renamed(address: str) -> dict[str, str]:
    """Another address."""
    return {"mail": address, "userPrincipalName": address}


# Case 9


@pytest.mark.parametrize("mode", ["delta", "full"])
def test_two_users_swap_their_addresses(scene: Scene, mode: str) -> None:
    scene.sync()
    first, second = scene.user(1)["id"], scene.user(2)["id"]
    scene.change(1, **renamed(scene.address(2)))
    scene.change(2, **renamed(scene.address(1).upper()))
    assert scene.counts(mode=mode) == {"changed": 2}
    assert scene.user(1)["email"] == scene.address(2) and scene.user(1)["id"] == first
    assert scene.user(2)["email"] == scene.address(1).upper() and scene.user(2)["id"] == second


def test_three_users_in_a_ring(scene: Scene) -> None:
    scene.sync()
    for number, successor in ((1, 2), (2, 3), (3, 1)):
        scene.change(number, **renamed(scene.address(successor)))
    assert scene.counts() == {"changed": 3}


@pytest.mark.parametrize("mode", ["delta", "full"])
def test_recycled_address(scene: Scene, mode: str) -> None:
    """A leaver's address is given to somebody else; the leaver keeps the record, under the address that Entra gives it."""
    scene.sync()
    scene.directory.remove(scene.id(1))
    heir = scene.directory.add(displayName="Heir", **renamed(scene.address(1)))
    assert scene.counts(mode=mode) == {"added": 1, "disabled": 1, "changed": 1}
    assert scene.users()[scene.address(1)]["external_id"] == heir
    leaver = scene.user(1)
    assert not leaver["active"] and leaver["email"] == scene.id(1).replace("-", "") + scene.address(1)
    assert scene.counts(mode="full") == {}


def test_address_recycled_long_after(scene: Scene) -> None:
    scene.sync()
    scene.directory.remove(scene.id(1))
    scene.sync()
    heir = scene.directory.add(displayName="Heir", **renamed(scene.address(1)))
    assert scene.counts() == {"added": 1, "changed": 1}
    assert scene.users()[scene.address(1)]["external_id"] == heir


def test_address_recycled_before_the_tombstone_came(scene: Scene) -> None:
    """The heir waits until the directory says what became of the holder, and the next delta asks for both by name."""
    scene.sync()
    scene.directory.remove(scene.id(1), silently=True)
    heir = scene.directory.add(displayName="Heir", **renamed(scene.address(1)))
    first = scene.sync()
    assert first["counts"]["conflicts"] == 1 and first["conflicts"][0]["external_id"] == heir
    assert scene.user(1)["active"]
    assert scene.counts() == {"added": 1, "disabled": 1, "changed": 1}
    assert scene.users()[scene.address(1)]["external_id"] == heir


def test_address_that_two_people_of_the_directory_have(scene: Scene) -> None:
    scene.change(3, mail="shared@empresa.example")
    scene.change(4, mail="Shared@empresa.example")
    result = scene.sync()
    assert (result["counts"]["added"], result["counts"]["conflicts"]) == (24, 1)
    assert scene.counts() == {"conflicts": 1}
    scene.change(3, mail=scene.address(3))
    assert scene.counts() == {"added": 1, "changed": 1}
    assert scene.counts() == {}


# Case 10


def test_mail_that_a_manual_user_has(scene: Scene) -> None:
    scene.catalog.ok("tenant_user", tenant=TENANT, email="boss@empresa.example", name="Boss", role="admin")
    scene.sync()
    manual = scene.users()["boss@empresa.example"]
    scene.change(1, mail="Boss@empresa.example", displayName="Changed")
    result = scene.sync()
    assert result["counts"]["conflicts"] == 1 and result["conflicts"][0]["email"] == "Boss@empresa.example"
    assert scene.users()["boss@empresa.example"] == manual
    assert (scene.user(1)["email"], scene.user(1)["name"]) == (scene.address(1), "Changed")
    unchanged = scene.run()
    assert not unchanged.changed and unchanged.ok()["tenants"][0]["counts"]["conflicts"] == 1
    scene.catalog.ok("tenant_user", tenant=TENANT, email="boss@empresa.example", state="absent", force=True)
    assert scene.counts() == {"changed": 1}
    assert scene.user(1)["email"] == "Boss@empresa.example"


def test_manual_user_is_reported_or_linked(scene: Scene) -> None:
    scene.catalog.ok(
        "tenant_user",
        tenant=TENANT,
        users=[
            {"email": scene.address(1).upper(), "name": "Typed", "role": "admin"},
            {"email": scene.address(2), "role": "analyst", "active": False},
            {"email": "other@empresa.example"},
        ],
    )
    manual = scene.users("source = 'manual'")
    assert scene.counts() == {"added": 23, "conflicts": 2}
    assert scene.users("source = 'manual'") == manual
    linked = scene.run(manual_users="link", diff=True)
    assert linked.ok()["tenants"][0]["counts"]["linked"] == 2
    assert [action["action"] for action in linked.result["actions"]] == ["link", "link"]
    user = scene.user(1)
    assert (user["id"], user["role"], user["name"]) == (manual[scene.address(1).upper()]["id"], "admin", "User 1")
    # Disabled by hand before, so it stays so.
    assert (scene.user(2)["source"], scene.user(2)["active"], scene.user(2)["role"]) == ("m365", False, "analyst")
    assert list(scene.users("source = 'manual'")) == ["other@empresa.example"]
    assert scene.counts(manual_users="link", mode="full") == {}


def test_manual_users_are_not_touched(scene: Scene) -> None:
    scene.catalog.ok("tenant_user", tenant=TENANT, email="typed@empresa.example", role="analyst")
    scene.sync()
    scene.sync(mode="full")
    user = scene.users()["typed@empresa.example"]
    assert (user["active"], user["source"], user["external_id"]) == (True, "manual", None)


def test_user_whom_an_operator_disabled_stays_disabled(scene: Scene) -> None:
    scene.sync()
    scene.catalog.ok("tenant_user", tenant=TENANT, email=scene.address(1), active=False)
    scene.change(1, displayName="Renamed")
    assert scene.counts() == {"changed": 1}
    assert scene.counts(mode="full") == {}
    assert not scene.user(1)["active"]
    scene.change(1, accountEnabled=False)
    scene.sync()
    scene.change(1, accountEnabled=True)
    assert scene.counts() == {"enabled": 1}


# Case 11


def test_mapped_group_that_is_gone(scene: Scene) -> None:
    scene.directory.group(GROUP_A, [scene.id(1)])
    mapping = {"role_mapping": {GROUP_A: "admin"}}
    scene.sync(**mapping)
    del scene.directory.groups[GROUP_A]
    for mode in ("delta", "full"):
        error = scene.error(mode=mode, **mapping)
        assert (
            error["kind"] == "m365_group_missing" and GROUP_A in error["msg"] and "allow_missing_groups" in error["msg"]
        )
    assert scene.user(1)["role"] == "admin"
    scene.catalog.ok("tenant_user", tenant=TENANT, email="typed@empresa.example", role="admin")
    assert scene.counts(allow_missing_groups=True, **mapping) == {"role_changes": 1}


def test_group_with_all_sorts_of_members(scene: Scene) -> None:
    device, principal = "00000000-0000-4000-8000-0000000000d1", "00000000-0000-4000-8000-0000000000d2"
    scene.directory.group(GROUP_B, [scene.id(2), scene.id(3)], ("group", GROUP_A), ("device", device))
    scene.directory.group(
        GROUP_A,
        [scene.id(1)],
        ("group", GROUP_B),
        ("device", device),
        ("servicePrincipal", principal),
        ("orgContact", scene.id(9)),
    )
    result = scene.sync(scope_groups=[GROUP_A])
    assert result["counts"]["added"] == 3 and result["left_out"] == {"out of scope": 22}


# Case 15


def test_brake(scene: Scene) -> None:
    scene.sync()
    for number in range(12):
        scene.directory.remove(scene.id(number))
    error = scene.error()
    assert error["kind"] == "m365_brake" and (error["deactivations"], error["active"]) == (12, 25)
    assert error["msg"].count("@") == 10 and "and 2 more" in error["msg"] and "allow_deactivations=true" in error["msg"]
    assert scene.error(mode="full")["kind"] == "m365_brake"
    assert scene.error(max_deactivations=11, max_deactivations_percent=100)["kind"] == "m365_brake"
    assert scene.error(max_deactivations_percent=47)["kind"] == "m365_brake"
    assert scene.run(check=True).result["error"]["kind"] == "m365_brake"
    assert scene.counts(max_deactivations=12, max_deactivations_percent=48) == {"disabled": 12}
    assert scene.counts(mode="full") == {}


def test_brake_let_pass(scene: Scene) -> None:
    scene.sync()
    for number in range(12):
        scene.change(number, accountEnabled=False)
    assert scene.error()["kind"] == "m365_brake"
    assert scene.counts(allow_deactivations=True) == {"disabled": 12}


def test_single_leaver_of_a_small_company_passes(scene: Scene) -> None:
    scene.directory.resize(5)
    scene.sync()
    scene.directory.remove(scene.id(1))
    assert scene.counts() == {"disabled": 1}


def test_scope_narrowed_by_mistake(scene: Scene) -> None:
    scene.sync()
    scene.directory.group(GROUP_A, [scene.id(1)])
    error = scene.error(scope_groups=[GROUP_A])
    assert (error["kind"], error["deactivations"]) == ("m365_brake", 24)


# Case 16


def test_last_active_admin_stays(scene: Scene) -> None:
    scene.directory.group(GROUP_A, [scene.id(1), scene.id(2)])
    mapping = {"role_mapping": {GROUP_A: "admin"}}
    scene.sync(**mapping)
    scene.directory.remove(scene.id(1))
    scene.directory.remove(scene.id(2))
    scene.directory.group(GROUP_A, [])
    result = scene.sync(**mapping)
    assert result["kept_admins"] == [scene.address(1)] and result["counts"]["disabled"] == 1
    assert (scene.user(1)["active"], scene.user(1)["role"]) == (True, "admin")
    for mode in ("auto", "full"):
        again = scene.run(mode=mode, **mapping)
        assert not again.changed and again.ok()["tenants"][0]["kept_admins"] == [scene.address(1)]
    scene.directory.group(GROUP_A, [scene.id(3)])
    result = scene.sync(**mapping)
    assert result["kept_admins"] == [] and result["counts"]["disabled"] == 1 and result["counts"]["role_changes"] == 1
    assert not scene.user(1)["active"] and scene.user(3)["role"] == "admin"


def test_last_admin_is_demoted_when_another_comes_in_the_same_round(scene: Scene) -> None:
    scene.directory.group(GROUP_A, [scene.id(1)])
    mapping = {"role_mapping": {GROUP_A: "admin"}}
    scene.sync(**mapping)
    new = scene.directory.add(displayName="New admin")
    scene.directory.group(GROUP_A, [new])
    assert scene.counts(**mapping) == {"added": 1, "role_changes": 1}
    assert scene.user(1)["role"] == "viewer"


def test_manual_admin_counts(scene: Scene) -> None:
    scene.catalog.ok("tenant_user", tenant=TENANT, email="typed@empresa.example", role="admin")
    scene.directory.group(GROUP_A, [scene.id(1)])
    scene.sync(role_mapping={GROUP_A: "admin"})
    scene.directory.remove(scene.id(1))
    result = scene.sync(role_mapping={GROUP_A: "admin"})
    assert result["kept_admins"] == [] and not scene.user(1)["active"]


# Case 22


def test_user_moves_between_two_mapped_groups(scene: Scene) -> None:
    mapping = {"role_mapping": {GROUP_A: "analyst", GROUP_B: "admin"}}
    scene.directory.group(GROUP_A, [scene.id(1), scene.id(2)])
    scene.directory.group(GROUP_B, [scene.id(2), scene.id(3)])
    scene.sync(**mapping)
    assert [scene.user(number)["role"] for number in (1, 2, 3, 4)] == ["analyst", "admin", "admin", "viewer"]
    scene.directory.group(GROUP_A, [scene.id(2)])
    scene.directory.group(GROUP_B, [scene.id(1), scene.id(3)])
    result = scene.sync(**mapping)
    assert (result["mode"], result["counts"]["role_changes"]) == ("delta", 2)
    assert [scene.user(number)["role"] for number in (1, 2, 3)] == ["admin", "analyst", "admin"]
    assert scene.counts(**mapping) == {} == scene.counts(mode="full", **mapping)


def test_user_falls_out_of_scope_and_comes_back(scene: Scene) -> None:
    scope = {"scope_groups": [GROUP_A], "max_deactivations_percent": 50}
    scene.directory.group(GROUP_A, [scene.id(number) for number in range(6)])
    assert scene.counts(**scope) == {"added": 6}
    scene.directory.group(GROUP_A, [scene.id(number) for number in range(2, 8)])
    result = scene.sync(**scope)
    assert (result["mode"], result["counts"]["added"], result["counts"]["disabled"]) == ("delta", 2, 2)
    scene.directory.group(GROUP_A, [scene.id(number) for number in range(8)])
    assert scene.counts(**scope) == {"enabled": 2}
    scene.change(20, displayName="Stranger")
    assert scene.counts(**scope) == {}
    assert scene.counts(mode="full", **scope) == {}


def test_nobody_without_a_role(scene: Scene) -> None:
    scene.directory.group(GROUP_A, [scene.id(1)])
    result = scene.sync(role_mapping={GROUP_A: "analyst"}, default_role="none")
    assert result["counts"]["added"] == 1 and result["left_out"] == {"without a role": 24}


# Case 23


def test_role_set_by_hand(scene: Scene) -> None:
    scene.directory.group(GROUP_A, [scene.id(1)])
    mapping = {"role_mapping": {GROUP_A: "analyst"}}
    scene.sync(manage_roles=False, **mapping)
    assert scene.user(1)["role"] == "analyst"
    scene.catalog.ok("tenant_user", tenant=TENANT, email=scene.address(1), role="viewer")
    scene.change(1, displayName="Renamed")
    assert scene.counts(manage_roles=False, **mapping) == {"changed": 1}
    assert scene.counts(manage_roles=False, mode="full", **mapping) == {}
    assert scene.user(1)["role"] == "viewer"
    assert scene.counts(**mapping) == {"role_changes": 1}
    assert scene.user(1)["role"] == "analyst"


def test_roles_given_by_hand_stay_without_a_mapping(scene: Scene) -> None:
    scene.sync()
    scene.catalog.ok("tenant_user", tenant=TENANT, email=scene.address(1), role="admin")
    scene.change(1, displayName="Renamed")
    assert scene.counts() == {"changed": 1}
    assert scene.counts(mode="full") == {}
    assert scene.user(1)["role"] == "admin"


def test_bad_mapping(scene: Scene) -> None:
    assert scene.error(role_mapping={GROUP_A: "owner"})["kind"] == "invalid_role"
    assert scene.error(scope_groups=["Everybody"])["kind"] == "invalid_group"
    assert scene.error(full_every=8)["kind"] == "invalid_options"
