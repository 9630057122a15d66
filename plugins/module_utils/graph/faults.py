# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Microsoft's error codes mean for an operator. Pure: answers in, errors out.

Sources: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_AADSTS = re.compile(r"AADSTS(\d+)")
_NEW_SECRET = "Create a new secret under Certificates & secrets of the app registration and give its value"
# code: (kind, what happened, remedy)
_SIGN_IN = {
    "7000215": ("m365_bad_secret", "The client secret is wrong", f"{_NEW_SECRET} (the value, not the secret's id)"),
    "7000222": ("m365_expired_secret", "The client secret has expired", _NEW_SECRET),
    "7000216": ("m365_bad_secret", "The sign-in lacks a secret or an assertion", _NEW_SECRET),
    "700016": (
        "m365_unknown_app",
        "The application is not known in this Microsoft 365 tenant",
        "Check client_id, and let an administrator of the tenant consent to the application",
    ),
    "90002": (
        "m365_unknown_tenant",
        "The Microsoft 365 tenant does not exist",
        "Check m365_tenant_id, and cloud for a national cloud",
    ),
    "900023": (
        "m365_unknown_tenant",
        "The Microsoft 365 tenant id is neither a GUID nor a domain",
        "Check m365_tenant_id",
    ),
    "500011": (
        "m365_wrong_audience",
        "Microsoft Graph is not known under this address in the tenant",
        "Check graph_url and cloud: authority and Graph of one national cloud belong together",
    ),
    "700024": (
        "m365_clock",
        "The signed assertion is outside its time of validity",
        "Set this machine's clock by NTP; a federated token may have expired",
    ),
    "700027": (
        "m365_bad_certificate",
        "The certificate is not the one of the application",
        "Upload the certificate under Certificates & secrets, or give the key that belongs to it",
    ),
    "700211": (
        "m365_bad_assertion",
        "No federated credential matches the issuer",
        "Check the federated credential of the application",
    ),
    "700213": (
        "m365_bad_assertion",
        "No federated credential matches the subject",
        "Check the federated credential of the application",
    ),
    "7000112": (
        "m365_app_disabled",
        "The application is disabled in this tenant",
        "Enable it under Enterprise applications",
    ),
    "53003": (
        "m365_blocked",
        "A conditional access policy blocks the sign-in",
        "Exclude the application's identity, or run from an allowed network",
    ),
}


def sign_in_error(status: int, body: Mapping[str, Any], skew: float | None = None) -> TenancyError:
    """The error for an answer of the sign-in service.

    :param body: its JSON: ``error``, ``error_description``, ``correlation_id``, ``trace_id``.
    :param skew: seconds that this machine's clock is off from the server's, if known.
    """
    description = str(body.get("error_description") or body.get("message") or "")
    codes = [str(code) for code in body.get("error_codes") or []] + _AADSTS.findall(description)
    code = next((code for code in codes if code in _SIGN_IN), codes[0] if codes else "")
    kind, what, remedy = _SIGN_IN.get(
        code,
        ("m365_sign_in", "Microsoft 365 refused the sign-in", "Check client_id, the credential and m365_tenant_id"),
    )
    label = f"AADSTS{code}" if code else str(body.get("error") or f"status {status}")
    # The first sentence only: the rest names trace ids, which stand in the details, and can be long.
    sentence = description.partition("Trace ID:")[0].partition("\r\n")[0].removeprefix(f"{label}: ").strip()[:300]
    request = str(body.get("trace_id") or body.get("correlation_id") or "")
    return TenancyError(
        what,
        cause=_told(label, sentence, request),
        remedy=remedy + _clock_hint(skew),
        kind=kind,
        code=label,
        request_id=request,
    )


def _told(code: str, message: str, request: str) -> str:
    """Microsoft's words, with the id that its support asks for."""
    words = f"{code}: {message.rstrip('.')}" if message else code
    return f"{words} (request id {request})" if request else words


def error_of(body: Any) -> Mapping[str, Any] | None:
    """The error object of an answer of Graph, which may come with status 200; None when there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {"code": str(error)} if error else None


def codes_of(error: Mapping[str, Any]) -> Iterator[str]:
    """Its code and those of the errors inside it, in lower case: the spelling varies with the service behind Graph."""
    current: Any = error
    while isinstance(current, Mapping):
        if current.get("code"):
            yield str(current["code"]).lower()
        current = next((value for key, value in current.items() if key.lower() == "innererror"), None)


def request_id_of(error: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Microsoft's id of the request, which its support asks for."""
    for key, value in error.items():
        if key.lower() == "innererror" and isinstance(value, Mapping) and value.get("request-id"):
            return str(value["request-id"])
    return str(headers.get("request-id", ""))


def graph_error(
    status: int, error: Mapping[str, Any], headers: Mapping[str, str], permission: str, skew: float | None = None
) -> TenancyError:
    """The error for an answer of Graph.

    :param permission: the application permission that the request needs.
    :param skew: seconds that this machine's clock is off from the server's, if known.
    """
    codes = list(codes_of(error))
    code = str(error.get("code") or f"status {status}")
    message = str(error.get("message") or "").strip()[:300]
    details = {"code": code, "request_id": request_id_of(error, headers), "status": status}
    cause = _told(code, message, details["request_id"])
    if status == 403 or "authorization_requestdenied" in codes:
        return TenancyError(
            f"The application may not read this: it lacks the permission {permission}",
            cause=cause,
            remedy=f"Add the application permission {permission} to the app registration and grant admin consent; "
            "docs/microsoft365.md shows the steps",
            kind="m365_no_consent",
            permission=permission,
            **details,
        )
    if status == 401 and "audience" in message.lower():
        return TenancyError(
            "Microsoft Graph does not accept the token: it was made for another audience",
            cause=cause,
            remedy="Check graph_url and cloud: authority and Graph of one national cloud belong together",
            kind="m365_wrong_audience",
            **details,
        )
    if status == 401:
        return TenancyError(
            "Microsoft Graph does not accept the token",
            cause=cause,
            remedy="Check that authority_url and graph_url belong to one cloud" + _clock_hint(skew),
            kind="m365_token_refused",
            **details,
        )
    if status == 404:
        return TenancyError("Microsoft Graph does not find it", cause=cause, kind="m365_not_found", **details)
    return TenancyError(
        "Microsoft Graph refused the request",
        cause=cause,
        remedy="Check filter and the ids given; Microsoft's support asks for the request id",
        kind="m365_refused",
        **details,
    )


def _clock_hint(skew: float | None) -> str:
    """A sentence about this machine's clock when it is visibly wrong (tokens allow for five minutes)."""
    if skew is None or abs(skew) < 240:
        return ""
    return f". This machine's clock is {abs(skew) / 60:.0f} minutes {'ahead' if skew > 0 else 'behind'}: set it by NTP"
