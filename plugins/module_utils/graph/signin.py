# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens: the only importer of msal."""

from __future__ import annotations

import json
import logging
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.faults import sign_in_error
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.transport import Http
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.patient import Patient
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.throttle import Budget
from ansible_collections.llmops.tenancy.plugins.module_utils.options.graph import GraphSettings


class _Door(Patient):
    """The HTTP client that msal is given.

    msal reports a refusal in four shapes (a dict, a ValueError, its own exception, a logged body); here the answer is
    still whole, so refusals become the collection's error before msal sees them.
    """

    def answer(self, method: str, url: str, **arguments: Any) -> Any:
        answer = super().answer(method, url, **arguments)
        if answer.status_code == 200:
            return answer
        raise sign_in_error(answer.status_code, json.loads(answer.content or b"{}"), self.skew)


class TokenSource:
    """Access tokens for Microsoft Graph, kept in memory for this run alone.

    :param budget: seconds that may be spent waiting.
    """

    def __init__(self, settings: GraphSettings, budget: Budget) -> None:
        self._settings = settings
        base = None if settings.managed_identity else settings.authority_url
        self._door = _Door(Http(base, settings.ca_path, settings.request_timeout), budget)
        self._token: str | None = None

    @property
    def requests(self) -> int:
        """How many requests were sent to the sign-in service."""
        return self._door.http.requests

    def token(self) -> str:
        """A token: the one at hand, or a first one."""
        if self._token is None:
            self._token = self._acquire()
        return self._token

    def renew(self) -> str:
        """A token that differs from the one that was refused.

        It comes from a new application object, since the old one would hand out the same dead token.
        """
        self._token = None
        return self.token()

    def close(self) -> None:
        """Close the connections."""
        self._door.close()

    def _acquire(self) -> str:
        # On an unusable answer msal logs its body, and without a handler that ends on standard error.
        logger = logging.getLogger("msal")
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]
        try:
            result = self._ask()
        except TenancyError:
            raise
        except Exception as error:
            # msal and its libraries raise whatever comes up, and their words can quote the credential (a broken PEM),
            # so only the kind of fault is told.
            raise TenancyError(
                "The sign-in to Microsoft 365 could not be made",
                cause=f"msal reports {type(error).__name__} for the {_credential_name(self._settings)}",
                remedy="Check that the credential is complete and readable, and m365_tenant_id",
                kind="m365_bad_credential",
            ) from None
        if "access_token" not in result:
            raise sign_in_error(400, result, self._door.skew)
        return str(result["access_token"])

    def _ask(self) -> Mapping[str, Any]:
        import msal

        settings = self._settings
        if settings.managed_identity:
            identity = (
                msal.UserAssignedManagedIdentity(client_id=settings.client_id)
                if settings.client_id
                else msal.SystemAssignedManagedIdentity()
            )
            client = msal.ManagedIdentityClient(identity, http_client=self._door)
            return client.acquire_token_for_client(resource=settings.graph_url)
        application = msal.ConfidentialClientApplication(
            settings.client_id,
            client_credential=_credential(settings),
            authority=f"{settings.authority_url}/{settings.tenant_id}",
            # The authority was given by the operator; Microsoft's central list need not know it.
            instance_discovery=False,
            http_client=self._door,
        )
        return application.acquire_token_for_client(scopes=[f"{settings.graph_url}/.default"])


def _credential_name(settings: GraphSettings) -> str:
    if settings.managed_identity:
        return "managed identity"
    if settings.client_certificate:
        return "client certificate"
    return "client secret" if settings.client_secret else "federated token"


def _credential(settings: GraphSettings) -> str | dict[str, str]:
    """What msal wants. The federated token comes last, since a cluster puts its path into every environment."""
    if settings.client_certificate:
        certificate = _file(settings.client_certificate, "client_certificate")
        key = settings.client_certificate_key
        credential = {
            "private_key": _file(key, "client_certificate_key") if key else certificate,
            "public_certificate": certificate,
        }
        if settings.client_certificate_passphrase:
            credential["passphrase"] = settings.client_certificate_passphrase
        return credential
    if settings.client_secret or not settings.client_assertion_file:
        return settings.client_secret or ""
    return {"client_assertion": _file(settings.client_assertion_file, "client_assertion_file").strip()}


def _file(path: str, option: str) -> str:
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except (OSError, UnicodeDecodeError) as error:
        raise TenancyError(
            f"{option} {path} cannot be read",
            cause=getattr(error, "strerror", None) or "it is not a text file",
            remedy=f"Correct {option}; the file stands on the machine where the module runs, readable for its user",
            kind="m365_bad_credential",
        ) from None
