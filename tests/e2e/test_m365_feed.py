# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft 365, the feed: pages, repeats, tombstones, expired links, odd users, selection (cases 2-6, 8, 14 and 21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import Database
from tests.support.graph import Rule, graph_error
from tests.support.m365 import CLIENT_ID, GROUP_A, Scene, make_scene
from tests.support.postgres import Postgres

DELTA = "/v1.0/users/delta"


@pytest.fixture
def scene(postgres: Postgres, make_database: Callable[..., Database], tmp_path: Path) -> Iterator[Scene]:
    """25 users, ten in a page."""
    made = make_scene(postgres, make_database, tmp_path)
    yield made
    made.close()


def test_full_then_delta_then_nothing(scene: Scene) -> None:
    first = scene.sync()
    assert (first["mode"], first["pages"], first["counts"]["added"]) == ("full", 3, 25)
    assert first["next_full"].endswith("Z") and first["requests"] == 5
    ana = scene.user(0)
    assert (ana["source"], ana["role"], ana["active"], ana["user_type"]) == ("m365", "viewer", True, "member")
    assert (ana["department"], ana["job_title"], ana["name"]) == ("Sales", "Manager", "User 0")
    scene.change(3, displayName="Eva", department=None)
    scene.directory.add(displayName="Neu", mail="neu@empresa.example")
    second = scene.run(diff=True)
    result = second.ok()["tenants"][0]
    assert (result["mode"], result["counts"]["added"], result["counts"]["changed"]) == ("delta", 1, 1)
    assert scene.user(3)["name"] == "Eva" and scene.user(3)["department"] is None
    assert second.result["diff"][0]["before"]["tenant user user3@empresa.example"] == {
        "name": "User 3",
        "department": "Engineering",
    }
    third = scene.run()
    assert not third.changed and third.ok()["tenants"][0]["pages"] == 1
    scene.verify_audit()


def test_check_mode_counts_what_the_real_run_does(scene: Scene) -> None:
    for prepare in (
        lambda: None,
        lambda: scene.change(1, displayName="X"),
        lambda: scene.directory.remove(scene.id(2)),
    ):
        prepare()
        before = scene.state()
        predicted = scene.run(check=True, diff=True)
        assert scene.state() == before
        real = scene.run(diff=True)
        for key in ("changed", "diff", "actions"):
            assert predicted.ok()[key] == real.ok()[key]
        for key in ("counts", "mode", "conflicts", "kept_admins", "pages"):
            assert predicted.result["tenants"][0][key] == real.result["tenants"][0][key]


def test_diff_names_200_users_and_counts_the_rest(
    postgres: Postgres, make_database: Callable[..., Database], tmp_path: Path
) -> None:
    scene = make_scene(postgres, make_database, tmp_path, users=230, delta_page=200)
    run = scene.run(diff=True)
    scene.close()
    diff = run.ok()["diff"][0]
    assert len(diff["after"]) == 200 == len(run.result["actions"])
    assert "30 more users" in diff["after_header"]
    assert run.result["tenants"][0]["counts"]["added"] == 230


# Case 2


def test_empty_pages_in_the_middle(scene: Scene) -> None:
    for number in range(10, 20):
        scene.directory.remove(scene.id(number), silently=True)
    result = scene.sync()
    assert (result["pages"], result["counts"]["added"]) == (3, 15)
    for number in range(20, 25):
        scene.change(number, jobTitle="Boss")
    link = scene.catalog.sql("SELECT delta_link FROM llmops.m365_sync")
    scene.microsoft.rules(Rule(DELTA, edit=lambda body: {"value": [], "@odata.nextLink": f"{link}&page=2"}))
    assert scene.counts() == {"changed": 5}


# Case 3


def test_same_user_twice_in_a_round_the_later_one_wins(scene: Scene) -> None:
    def repeat(body: dict[str, Any]) -> dict[str, Any]:
        again = {"id": scene.id(0), "displayName": "Later", "mail": scene.address(0), "accountEnabled": True}
        gone = {"id": scene.id(1), "@removed": {"reason": "changed"}}
        return {**body, "value": [*body["value"], again, gone]}

    scene.microsoft.rules(Rule(DELTA, after=1, edit=repeat))
    assert scene.counts() == {"added": 24}
    assert scene.user(0)["name"] == "Later"
    assert scene.users(f"external_id = '{scene.id(1)}'") == {}


def test_replayed_page(scene: Scene) -> None:
    pages: list[dict[str, Any]] = []

    def replay(body: dict[str, Any]) -> dict[str, Any]:
        pages.append(body)
        return {**body, "value": pages[0]["value"] + body["value"]}

    scene.microsoft.rules(Rule(DELTA, times=0, edit=replay))
    assert scene.counts() == {"added": 25}


# Case 4


@pytest.mark.parametrize("reason", ["changed", "deleted"])
def test_tombstone(scene: Scene, reason: str) -> None:
    scene.sync()
    scene.directory.remove(scene.id(7), reason)
    assert scene.counts() == {"disabled": 1}
    user = scene.user(7)
    assert (user["active"], user["email"], user["role"]) == (False, scene.address(7), "viewer")
    assert scene.counts(mode="full") == {}


def test_tombstones_in_the_first_round(scene: Scene) -> None:
    scene.directory.first_round_tombstones = True
    scene.directory.remove(scene.id(3), "changed")
    scene.directory.remove(scene.id(4), "deleted")
    assert scene.counts() == {"added": 23}


def test_restored_user_is_active_again(scene: Scene) -> None:
    scene.sync()
    scene.directory.remove(scene.id(7), "changed")
    scene.sync()
    scene.directory._own.pop(scene.id(7))
    scene.change(7, displayName="Back")
    assert scene.counts() == {"changed": 1, "enabled": 1}


# Case 5


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, graph_error("syncStateNotFound")),
        (410, graph_error("SyncStateNotFound")),
        (400, graph_error("badRequest", inner={"code": "syncstatenotfound"})),
        (410, graph_error("gone", inner={"innererror": {"code": "SYNCSTATENOTFOUND"}})),
    ],
    ids=["400", "410", "400-inside", "410-deep"],
)
def test_expired_delta_link_becomes_a_full_round(scene: Scene, status: int, body: dict[str, Any]) -> None:
    """Nobody sends a tombstone for what vanished meanwhile, so the round must compare everything."""
    scene.sync()
    scene.directory.remove(scene.id(5), silently=True)
    scene.microsoft.rules(Rule(r"deltatoken", status=status, body=body))
    result = scene.sync()
    assert (result["mode"], result["counts"]["disabled"]) == ("full", 1)
    assert "expired" in result["reason"]
    assert scene.sync()["mode"] == "delta"


def test_delta_link_that_graph_refuses_becomes_a_full_round(scene: Scene) -> None:
    """Else every run would fail until a full round is due."""
    scene.sync()
    scene.directory.remove(scene.id(5), silently=True)
    refusal = Rule(r"deltatoken", times=2, status=400, body=graph_error("Directory_InvalidDeltaToken"))
    scene.microsoft.rules(refusal)
    assert scene.error(mode="delta")["code"] == "Directory_InvalidDeltaToken"
    result = scene.sync()
    assert (result["mode"], result["counts"]["disabled"]) == ("full", 1)
    assert "Directory_InvalidDeltaToken" in result["reason"]
    assert scene.sync()["mode"] == "delta"


def test_who_is_deleted_while_a_delta_expires_is_not_taken_for_there(scene: Scene) -> None:
    """The first page of the delta still tells of a change of the user; the full round that follows does not."""
    scene.sync()
    for number in range(12):
        scene.change(number, displayName=f"Changed {number}")
    scene.microsoft.rules(
        Rule(
            r"skiptoken", status=410, body=graph_error("syncStateNotFound"),
            call=lambda: scene.directory.remove(scene.id(0), silently=True),
        )
    )
    result = scene.sync()
    assert (result["mode"], result["counts"]["disabled"], result["fetched"]) == ("full", 1, 24)
    assert not scene.user(0)["active"]


def test_reset_with_a_location(scene: Scene) -> None:
    scene.sync()
    scene.directory.remove(scene.id(5), silently=True)
    properties = "id,displayName,mail,userPrincipalName,accountEnabled,department,jobTitle,userType"
    location = f"{scene.microsoft.graph.url}/v1.0/users/delta?$select={properties}"
    scene.microsoft.rules(Rule(r"deltatoken", status=410, headers={"Location": location}))
    result = scene.sync()
    assert (result["mode"], result["counts"]["disabled"], result["counts"]["unchanged"]) == ("full", 1, 24)


def test_token_of_the_server_that_really_expired(scene: Scene) -> None:
    scene.sync()
    scene.change(1, displayName="New")
    scene.directory.oldest_token = 1
    assert scene.sync()["mode"] == "full"


def test_expired_link_when_a_delta_is_demanded(scene: Scene) -> None:
    assert scene.error(mode="delta")["kind"] == "m365_no_delta"
    scene.sync()
    assert scene.sync(mode="delta")["mode"] == "delta"
    scene.microsoft.rules(Rule(r"deltatoken", times=0, status=410, body=graph_error("syncStateNotFound")))
    assert scene.error(mode="delta")["kind"] == "m365_delta_expired"


def test_round_that_expires_while_it_is_paged(scene: Scene) -> None:
    scene.microsoft.rules(Rule(r"skiptoken", status=410, body=graph_error("syncStateNotFound")))
    assert scene.counts() == {"added": 25}


# Case 6


def test_missing_tombstone_is_found_by_the_next_full_round(scene: Scene) -> None:
    scene.sync()
    scene.directory.remove(scene.id(9), silently=True)
    assert scene.counts() == {}
    scene.catalog.sql("UPDATE llmops.m365_sync SET last_full = last_full - interval '6 days'")
    result = scene.sync()
    assert (result["mode"], result["counts"]["disabled"]) == ("full", 1)
    assert "6 days" in result["reason"]


# Case 8


def test_odd_users(scene: Scene) -> None:
    directory = scene.directory
    directory.add(id="00000000-0000-4000-8000-000000000001", mail=None, userPrincipalName="upn@empresa.example")
    directory.add(id="00000000-0000-4000-8000-000000000002", userType=None, mail="old@empresa.example")
    directory.add(
        id="00000000-0000-4000-8000-000000000003",
        mail=None,
        userPrincipalName="leo_other.example#EXT#@empresa.example",
        userType="Guest",
    )
    directory.add(
        id="00000000-0000-4000-8000-000000000004",
        mail=None,
        userPrincipalName="ida_more_x.example#EXT#@empresa.example",
        userType=None,
    )
    directory.add(id="00000000-0000-4000-8000-000000000005", displayName="Zoë 🦊\x00\tFox", mail="zoe@empresa.example")
    directory.add(
        id="00000000-0000-4000-8000-000000000006",
        displayName="L" * 300,
        mail="long@empresa.example",
        department="Back\\slash\n",
    )
    directory.add(id="00000000-0000-4000-8000-000000000007", mail=None, userPrincipalName="no address")
    directory.add(id="00000000-0000-4000-8000-000000000008", displayName=None, mail="Nameless@Empresa.example")
    result = scene.sync()
    users = scene.users()
    assert result["left_out"] == {"guest": 2} and result["counts"]["without_email"] == 1
    assert "upn@empresa.example" in users and users["old@empresa.example"]["user_type"] == "member"
    assert users["zoe@empresa.example"]["name"] == "Zoë 🦊Fox"
    assert result["cleaned"] == 2 and any("Unprintable" in text for text in scene.warnings)
    assert (
        users["long@empresa.example"]["name"] == "L" * 300
        and users["long@empresa.example"]["department"] == "Back\\slash"
    )
    assert users["Nameless@Empresa.example"]["name"] == ""
    assert scene.counts(guests=True) == {"added": 2, "without_email": 1}
    assert scene.users()["leo@other.example"]["user_type"] == "guest"
    assert "ida_more@x.example" in scene.users()
    assert scene.counts(guests=True, mode="full") == {"without_email": 1}


def test_halves_of_surrogate_pairs(scene: Scene) -> None:
    raw = b'{"value": [{"id": "00000000-0000-4000-8000-000000000001", "displayName": "A\\ud83dB", "mail": "a@empresa.example"}]}'
    link = f"{scene.microsoft.graph.url}/v1.0/users/delta?$deltatoken=e30"
    body = raw.decode().replace('"value"', f'"@odata.deltaLink": "{link}", "value"')
    scene.microsoft.rules(Rule(DELTA, status=200, body=body))
    assert scene.counts() == {"added": 1}
    assert scene.users()["a@empresa.example"]["name"] == "AB"


def test_user_without_an_id(scene: Scene) -> None:
    scene.microsoft.rules(Rule(DELTA, edit=lambda body: {**body, "value": [{"displayName": "Nobody"}]}))
    assert scene.error()["kind"] == "m365_bad_answer"


def test_disabled_accounts(scene: Scene) -> None:
    """One that the catalog does not know stays out; a known one is disabled, and its other changes are taken over."""
    scene.change(1, accountEnabled=False)
    assert scene.counts() == {"added": 24}
    scene.change(2, accountEnabled=False, displayName="Left")
    assert scene.counts() == {"disabled": 1, "changed": 1}
    assert (scene.user(2)["active"], scene.user(2)["name"]) == (False, "Left")
    scene.change(1, accountEnabled=True)
    scene.change(2, accountEnabled=True)
    assert scene.counts() == {"added": 1, "enabled": 1}


def test_unlicensed_users(scene: Scene) -> None:
    scene.change(1, assignedLicenses=[])
    assert scene.counts(unlicensed=False) == {"added": 24}
    scene.change(2, assignedLicenses=[])
    assert scene.counts(unlicensed=False) == {"disabled": 1}
    assert scene.counts() == {"added": 1, "enabled": 1}


# Case 14


def test_empty_tenant(scene: Scene) -> None:
    scene.directory.resize(0)
    error = scene.error()
    assert error["kind"] == "m365_empty_feed" and "allow_empty=true" in error["remedy"]
    assert scene.counts(allow_empty=True) == {}
    scene.directory.resize(25)
    scene.sync(mode="full")
    scene.directory.resize(0)
    assert scene.error(mode="full")["kind"] == "m365_empty_feed"
    assert scene.error(mode="full", allow_empty=True)["kind"] == "m365_brake"
    assert scene.counts(mode="full", allow_empty=True, allow_deactivations=True) == {"disabled": 25}


# Case 21


def test_selection_that_changes_between_rounds(scene: Scene) -> None:
    scene.directory.group(GROUP_A, [scene.id(number) for number in range(25)])
    assert scene.sync()["mode"] == "full"
    assert scene.sync()["mode"] == "delta"
    for changed in (
        {"guests": True},
        {"scope_groups": [GROUP_A]},
        {"role_mapping": {GROUP_A: "viewer"}},
        {"default_role": "analyst"},
    ):
        result = scene.sync(**changed)
        assert result["mode"] == "full" and "changed" in result["reason"], changed
        assert scene.sync(**changed)["mode"] == "delta", changed


def test_filter_is_always_a_full_round(scene: Scene) -> None:
    first = scene.sync(filter="department eq 'Legal'")
    assert (first["mode"], first["counts"]["added"]) == ("full", 5)
    scene.change(1, department="Sales")
    result = scene.sync(filter="department eq 'Legal'", max_deactivations_percent=50)
    assert (result["mode"], result["counts"]["disabled"]) == ("full", 1)
    assert "no delta of a filter" in result["reason"]
    assert scene.error(filter="department eq 'Legal'", mode="delta")["kind"] == "m365_no_delta"
    error = scene.error(filter="department like 'Legal'")
    assert (error["kind"], error["code"]) == ("m365_refused", "Request_UnsupportedQuery") and error["request_id"]
    assert scene.counts() == {"added": 20, "enabled": 1, "changed": 1}


def test_another_microsoft_tenant_is_refused(scene: Scene) -> None:
    assert scene.error(m365_tenant_id="22222222-2222-3333-4444-555555555555")["kind"] == "m365_tenant_differs"
    scene.catalog.ok("tenant", tenant="other")
    assert scene.error(tenant="other")["kind"] == "m365_no_tenant"
    assert scene.error(tenant="nobody")["kind"] == "tenant_missing"
    assert scene.sync(tenant="other", optional=True)["skipped"]


def test_check_mode_before_the_tenant_exists(scene: Scene) -> None:
    given = scene.directory.tenant_id
    run = scene.run(check=True, tenant="new-corp", m365_tenant_id=given)
    assert run.ok()["tenants"][0]["counts"]["added"] == 25
    assert any("does not exist yet" in text for text in scene.warnings)
    assert scene.catalog.count("tenants") == 1


def test_app_roles(scene: Scene) -> None:
    application = scene.directory.applications[CLIENT_ID]
    admin, analyst = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
    application.app_roles = {admin: "LLM.Admin", analyst: "LLM.Analyst"}
    scene.directory.group(GROUP_A, [scene.id(2), scene.id(3)], ("group", "00000000-0000-4000-8000-0000000000ff"))
    application.assignments = [
        {"id": "1", "appRoleId": analyst, "principalType": "User", "principalId": scene.id(1)},
        {"id": "2", "appRoleId": admin, "principalType": "User", "principalId": scene.id(1)},
        {"id": "3", "appRoleId": analyst, "principalType": "Group", "principalId": GROUP_A},
        {"id": "4", "appRoleId": analyst, "principalType": "ServicePrincipal", "principalId": scene.id(9)},
    ]
    mapping = {"LLM.Admin": "admin", "LLM.Analyst": "analyst"}
    scene.sync(role_mapping=mapping)
    assert [scene.user(number)["role"] for number in (1, 2, 3, 9)] == ["admin", "analyst", "analyst", "viewer"]
    error = scene.error(role_mapping={"LLM.Wrong": "admin"})
    assert error["kind"] == "m365_group_missing" and "LLM.Wrong" in error["msg"]
    del scene.directory.groups[GROUP_A]
    error = scene.error(role_mapping=mapping)
    assert error["kind"] == "m365_group_missing" and GROUP_A in error["msg"]
    assert scene.counts(role_mapping=mapping, allow_missing_groups=True) == {"role_changes": 2}
