# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Graph's answers about users, groups and app roles."""

from __future__ import annotations

import re
from typing import Any, Mapping
from uuid import uuid4

from .authority import Token, decode_state, encode_state
from .directory import Directory
from .rules import graph_error

Answer = tuple[int, dict[str, Any], dict[str, str]]
_DELTA_PAGE = 200
_DEFAULT_PAGE = 100
_DEFAULT_PROPERTIES = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)


class GraphService:
    """The v1.0 endpoint.

    :param delta_page: users in one page of a delta round.
    """

    def __init__(self, delta_page: int = _DELTA_PAGE) -> None:
        self.base = ""
        self.delta_page = delta_page

    def answer(self, path: str, query: Mapping[str, str], token: Token) -> Answer:
        """Status, body and headers for a GET."""
        directory = token.directory
        routes = (
            (r"/v1\.0/users/delta", "User.Read.All", self._delta),
            (r"/v1\.0/users", "User.Read.All", self._users),
            (r"/v1\.0/groups/([^/]+)/(transitiveMembers|members)", "GroupMember.Read.All", self._members),
            (r"/v1\.0/servicePrincipals\(appId='([^']+)'\)/appRoleAssignedTo", "Application.Read.All", self._assigned),
            (r"/v1\.0/servicePrincipals\(appId='([^']+)'\)", "Application.Read.All", self._principal),
        )
        for pattern, permission, handler in routes:
            match = re.fullmatch(pattern, path)
            if match:
                if permission not in token.application.permissions:
                    return self._error(
                        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
                    )
                return handler(directory, query, *match.groups())
        return self._error(400, "BadRequest", f"Resource not found for the segment '{path.rpartition('/')[2]}'.")

    def _error(self, status: int, code: str, message: str, inner: Mapping[str, Any] | None = None) -> Answer:
        request = str(uuid4())
        body = graph_error(code, message, {"request-id": request, "client-request-id": request, **(inner or {})})
        return status, body, {"request-id": request}

    def _users(self, directory: Directory, query: Mapping[str, str]) -> Answer:
        names = query["$select"].split(",") if "$select" in query else list(_DEFAULT_PROPERTIES)
        top = query.get("$top", str(_DEFAULT_PAGE))
        if not top.isdigit() or not 1 <= int(top) <= 999:
            return self._error(
                400, "Request_BadRequest", f"Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive."
            )
        start = decode_state(query["$skiptoken"])["start"] if "$skiptoken" in query else 0
        try:
            if "$filter" in query:
                found = list(directory.select(query["$filter"]))
                rows, total = found[start : start + int(top)], len(found)
            else:
                users = (directory.get(key) for key in directory.page(start, int(top)))
                rows, total = [user for user in users if isinstance(user, dict)], directory.total()
        except ValueError as error:
            return self._error(400, "Request_UnsupportedQuery", f"{error}.")
        body: dict[str, Any] = {"@odata.context": f"{self.base}/v1.0/$metadata#users({','.join(names)})"}
        if query.get("$count") == "true":
            body["@odata.count"] = total
        if start + int(top) < total:
            rest = {**query, "$skiptoken": encode_state({"start": start + int(top)})}
            body["@odata.nextLink"] = f"{self.base}/v1.0/users?" + "&".join(
                f"{key}={_quote(value)}" for key, value in rest.items()
            )
        body["value"] = [{name: user.get(name) for name in names} for user in rows]
        return 200, body, {}

    def _delta(self, directory: Directory, query: Mapping[str, str]) -> Answer:
        for name in ("$top", "$expand", "$orderby"):
            if name in query:
                return self._error(400, "Request_UnsupportedQuery", f"'{name}' is not supported on delta query.")
        token = query.get("$skiptoken") or query.get("$deltatoken")
        if token and "$select" in query:
            return self._error(400, "Request_UnsupportedQuery", "'$select' is part of the token already.")
        try:
            state = decode_state(token) if token else self._first(directory, query)
        except ValueError:
            return self._error(400, "Directory_InvalidDeltaToken", "The delta token is malformed.")
        if "since" in state and state["since"] < directory.oldest_token:
            return self._error(
                410, "syncStateNotFound", "The sync state generation is not found; a full sync is required."
            )
        return self._round(directory, state)

    def _first(self, directory: Directory, query: Mapping[str, str]) -> dict[str, Any]:
        names = query["$select"].split(",") if "$select" in query else list(_DEFAULT_PROPERTIES)
        return {"names": names, "start": 0, "end": directory.sequence}

    def _round(self, directory: Directory, state: dict[str, Any]) -> Answer:
        start = state.get("start", 0)
        if "since" in state:
            changed = directory.changed_since(state["since"])
            state.setdefault("end", directory.sequence)
            keys, total = changed[start : start + self.delta_page], len(changed)
        else:
            keys, total = directory.page(start, self.delta_page), directory.total()
        names = state["names"]
        rows = []
        for key in keys:
            user = directory.get(key)
            if isinstance(user, dict):
                # A property that was never set is left out, not null.
                rows.append({name: user[name] for name in names if user.get(name) is not None})
            elif user is not None and ("since" in state or directory.first_round_tombstones):
                rows.append({"id": key, "@removed": {"reason": user}})
        body: dict[str, Any] = {"@odata.context": f"{self.base}/v1.0/$metadata#users({','.join(names)})"}
        link = f"{self.base}/v1.0/users/delta?"
        if start + self.delta_page < total:
            body["@odata.nextLink"] = f"{link}$skiptoken=" + encode_state({**state, "start": start + self.delta_page})
        else:
            body["@odata.deltaLink"] = f"{link}$deltatoken=" + encode_state({"names": names, "since": state["end"]})
        body["value"] = rows
        return 200, body, {}

    def _members(self, directory: Directory, query: Mapping[str, str], group: str, relation: str) -> Answer:
        members = directory.members(group, transitive=relation == "transitiveMembers")
        if members is None:
            text = (
                f"Resource '{group}' does not exist or one of its queried reference-property objects are not present."
            )
            return self._error(404, "Request_ResourceNotFound", text)
        return self._listing(f"groups/{group}/{relation}", "directoryObjects", query, members)

    def _principal(self, directory: Directory, query: Mapping[str, str], client_id: str) -> Answer:
        application = directory.applications.get(client_id)
        if application is None:
            return self._error(404, "Request_ResourceNotFound", f"Resource '{client_id}' does not exist.")
        roles = [
            {"id": key, "value": value, "displayName": value, "isEnabled": True, "allowedMemberTypes": ["User"]}
            for key, value in application.app_roles.items()
        ]
        return (
            200,
            {
                "@odata.context": f"{self.base}/v1.0/$metadata#servicePrincipals/$entity",
                "id": f"sp-{client_id}",
                "appRoles": roles,
            },
            {},
        )

    def _assigned(self, directory: Directory, query: Mapping[str, str], client_id: str) -> Answer:
        application = directory.applications.get(client_id)
        if application is None:
            return self._error(404, "Request_ResourceNotFound", f"Resource '{client_id}' does not exist.")
        return self._listing(
            f"servicePrincipals(appId='{client_id}')/appRoleAssignedTo",
            "appRoleAssignments",
            query,
            application.assignments,
        )

    def _listing(self, path: str, context: str, query: Mapping[str, str], rows: list[Any]) -> Answer:
        top = int(query.get("$top", _DEFAULT_PAGE))
        start = decode_state(query["$skiptoken"])["start"] if "$skiptoken" in query else 0
        body: dict[str, Any] = {"@odata.context": f"{self.base}/v1.0/$metadata#{context}"}
        if start + top < len(rows):
            body["@odata.nextLink"] = f"{self.base}/v1.0/{path}?$top={top}&$skiptoken=" + encode_state(
                {"start": start + top}
            )
        body["value"] = rows[start : start + top]
        return 200, body, {}


def _quote(value: str) -> str:
    return value.replace("%", "%25").replace(" ", "%20").replace("&", "%26").replace("#", "%23").replace("+", "%2B")
