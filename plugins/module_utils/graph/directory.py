# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a Microsoft 365 tenant: its users, and who is in a group or has an app role."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Sequence
from urllib.parse import quote

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.client import GraphClient, Page

# Without $select Graph leaves out accountEnabled, userType and assignedLicenses.
USER_PROPERTIES = (
    "id",
    "displayName",
    "mail",
    "userPrincipalName",
    "accountEnabled",
    "department",
    "jobTitle",
    "userType",
)
LICENSES = "assignedLicenses"
_PAGE = 999
# The most values that Graph takes in one `in` of a filter.
_IDS_AT_ONCE = 15
READ_USERS = "User.Read.All"
READ_GROUPS = "GroupMember.Read.All"
READ_APPS = "Application.Read.All"
_USER_TYPE = "#microsoft.graph.user"


def users_delta(client: GraphClient, properties: Sequence[str], link: str = "") -> Iterator[Page]:
    """A delta round: the first one, or the one that ``link`` continues. Only its last page has a delta link.

    :param properties: what to tell of each user; part of the link from the first call on.
    """
    first = f"{client.base}/users/delta?$select={','.join(properties)}"
    complete = False
    for page in client.pages_of(link or first, READ_USERS):
        complete = bool(page.delta_link)
        yield page
    if not complete:
        raise TenancyError(
            "Microsoft Graph ended a delta round without a delta link",
            cause="the round is incomplete; nothing was changed",
            remedy="Run it again",
            kind="m365_bad_answer",
        )


def users_where(client: GraphClient, properties: Sequence[str], condition: str) -> Iterator[Page]:
    """The users that an OData filter selects.

    :param condition: the filter, for example ``department eq 'Legal'``.
    """
    # With the header and $count both plain and advanced filters are understood.
    # https://learn.microsoft.com/graph/aad-advanced-queries
    url = f"{client.base}/users?$select={','.join(properties)}&$top={_PAGE}&$count=true&$filter={quote(condition)}"
    yield from client.pages_of(url, READ_USERS, {"ConsistencyLevel": "eventual"})


def users_by_id(client: GraphClient, properties: Sequence[str], ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The users of these ids; one that does not exist any more comes as a tombstone."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        some = wanted[start : start + _IDS_AT_ONCE]
        condition = quote(f"id in ({', '.join(repr(one) for one in some)})")
        url = f"{client.base}/users?$select={','.join(properties)}&$filter={condition}"
        found = {item.get("id"): item for page in client.pages_of(url, READ_USERS) for item in page.items}
        for one in some:
            yield found.get(one) or {"id": one, "@removed": {"reason": "deleted"}}


def group_users(client: GraphClient, group: str) -> Iterator[str] | None:
    """Ids of the users in a group and in the groups inside it; None when there is no such group."""
    return _members(client, group, "transitiveMembers")


def app_roles(client: GraphClient, client_id: str) -> tuple[dict[str, str], Iterator[dict[str, Any]]]:
    """The app roles of an application (value by id), and who has them.

    :param client_id: the application's id.
    """
    path = f"{client.base}/servicePrincipals(appId='{quote(client_id)}')"
    principal = client.get(f"{path}?$select=id,appRoles", READ_APPS)
    known = [role for role in principal.get("appRoles") or () if isinstance(role, dict)]
    roles = {str(role.get("id")): str(role.get("value") or "") for role in known}
    assignments = client.pages_of(f"{path}/appRoleAssignedTo?$top={_PAGE}", READ_APPS)
    return roles, (item for page in assignments for item in page.items)


def direct_users(client: GraphClient, group: str) -> Iterator[str] | None:
    """Ids of a group's direct users: an app role that a group has does not reach the groups inside it."""
    return _members(client, group, "members")


def _members(client: GraphClient, group: str, relation: str) -> Iterator[str] | None:
    pages = client.pages_of(f"{client.base}/groups/{quote(group)}/{relation}?$select=id&$top={_PAGE}", READ_GROUPS)
    try:
        first = next(pages)
    except TenancyError as error:
        if error.kind != "m365_not_found":
            raise
        return None

    def users() -> Iterator[str]:
        yield from _users(first)
        for page in pages:
            yield from _users(page)

    return users()


def _users(page: Page) -> Iterator[str]:
    """Members are of any type: devices, service principals and nested groups are not people."""
    return (str(item["id"]) for item in page.items if item.get("@odata.type") == _USER_TYPE and item.get("id"))
