# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft's errors, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.graph.faults import (
    codes_of,
    error_of,
    graph_error,
    request_id_of,
    sign_in_error,
)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ({"error": "invalid_client", "error_codes": [7000215]}, "m365_bad_secret", "AADSTS7000215"),
        (
            {"error_description": "AADSTS7000222: The keys are expired. Trace ID: x"},
            "m365_expired_secret",
            "AADSTS7000222",
        ),
        ({"error_codes": [700016]}, "m365_unknown_app", "AADSTS700016"),
        ({"error_description": "AADSTS90002: Tenant 'x' not found."}, "m365_unknown_tenant", "AADSTS90002"),
        ({"error_codes": [500011]}, "m365_wrong_audience", "AADSTS500011"),
        ({"error_codes": [700024]}, "m365_clock", "AADSTS700024"),
        ({"error_codes": [424242]}, "m365_sign_in", "AADSTS424242"),
        ({"error": "slow_down"}, "m365_sign_in", "slow_down"),
        ({"message": "No Managed Identity found"}, "m365_sign_in", "status 401"),
        ({}, "m365_sign_in", "status 401"),
    ],
)
def test_sign_in(body: dict[str, Any], kind: str, code: str) -> None:
    error = sign_in_error(401, {"correlation_id": "c-1", **body})
    assert (error.kind, error.details["code"], error.details["request_id"]) == (kind, code, "c-1")
    assert error.remedy and "Trace ID" not in str(error)


@pytest.mark.parametrize(
    ("skew", "hint"),
    [(None, ""), (30.0, ""), (3600.0, "60 minutes ahead"), (-600.0, "10 minutes behind")],
)
def test_clock(skew: float | None, hint: str) -> None:
    assert hint in sign_in_error(401, {"error_codes": [700024]}, skew).remedy


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (403, {"code": "Authorization_RequestDenied"}, "m365_no_consent"),
        (400, {"code": "AUTHORIZATION_REQUESTDENIED"}, "m365_no_consent"),
        (401, {"code": "InvalidAuthenticationToken", "message": "Invalid audience."}, "m365_wrong_audience"),
        (401, {"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed"}, "m365_token_refused"),
        (404, {"code": "Request_ResourceNotFound"}, "m365_not_found"),
        (400, {"code": "Request_UnsupportedQuery", "message": "Bad filter"}, "m365_refused"),
        (400, {}, "m365_refused"),
    ],
)
def test_graph(status: int, error: dict[str, Any], kind: str) -> None:
    found = graph_error(status, error, {"request-id": "r-1"}, "User.Read.All")
    assert (found.kind, found.details["request_id"], found.details["status"]) == (kind, "r-1", status)


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        ({"code": "SyncStateNotFound"}, ["syncstatenotfound"]),
        ({"code": "a", "innerError": {"code": "B", "innererror": {"code": "C"}}}, ["a", "b", "c"]),
        ({"innerError": {"code": "x"}}, ["x"]),
        ({"code": "a", "innerError": "text"}, ["a"]),
        ({}, []),
    ],
)
def test_codes(error: dict[str, Any], codes: list[str]) -> None:
    assert list(codes_of(error)) == codes


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"value": []}, None),
        ({"error": {"code": "x"}}, {"code": "x"}),
        ({"error": "invalid"}, {"code": "invalid"}),
        ([], None),
        ("text", None),
        ({"error": None}, None),
    ],
)
def test_error_of(body: Any, found: dict[str, Any] | None) -> None:
    assert error_of(body) == found


def test_request_id() -> None:
    assert request_id_of({"innerError": {"request-id": "inner"}}, {"request-id": "header"}) == "inner"
    assert request_id_of({}, {"request-id": "header"}) == "header"
    assert request_id_of({}, {}) == ""
