# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Entra's sign-in service, as far as an application without a user needs it."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any, Mapping

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from .directory import Application, Directory

_NOW = "2026-01-01 00:00:00Z"
_TRACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


@dataclass
class Token:
    """What a token given out stands for."""

    directory: Directory
    application: Application
    audience: str
    expires: float


class Authority:
    """Gives tokens to applications.

    :param directories: by tenant id. :param lifetime: seconds that a token lives.
    """

    def __init__(self, directories: dict[str, Directory], lifetime: int = 3599) -> None:
        self.directories = directories
        self.lifetime = lifetime
        self.base = ""
        self.graph = ""
        self._tokens: dict[str, Token] = {}
        self._lock = threading.Lock()

    def revoke(self) -> None:
        """All tokens given out so far are expired from now on."""
        with self._lock:
            for token in self._tokens.values():
                token.expires = 0

    def check(self, header: str) -> Token | str:
        """The token of an Authorization header, or why it is refused."""
        token = self._tokens.get(header.removeprefix("Bearer "))
        if token is None:
            return "Access token is empty or malformed."
        if token.expires < time.time():
            return "Lifetime validation failed, the token is expired."
        return token if token.audience == self.graph else "Access token validation failure. Invalid audience."

    def discovery(self, tenant: str) -> tuple[int, dict[str, Any]]:
        """OpenID configuration of a tenant."""
        if tenant not in self.directories:
            return 400, _refusal(
                "invalid_tenant",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.",
            )
        root = f"{self.base}/{tenant}"
        return 200, {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "EU",
        }

    def token(self, tenant: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer of the token endpoint to the form of a request."""
        directory = self.directories.get(tenant)
        if directory is None:
            return 400, _refusal("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        application = directory.applications.get(form.get("client_id", ""))
        if application is None:
            text = f"Application with identifier '{form.get('client_id')}' was not found in the directory '{tenant}'."
            return 400, _refusal("unauthorized_client", 700016, text)
        refusal = self._credential_refusal(application, tenant, form)
        if refusal:
            return 401, refusal
        scope = form.get("scope", "").split(" ")[0]
        audience = scope.removesuffix("/.default")
        if audience != self.graph and not audience.startswith("https://other."):
            return 400, _refusal(
                "invalid_resource", 500011, f"The resource principal named {audience} was not found in the tenant."
            )
        return 200, {
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "ext_expires_in": self.lifetime,
            "access_token": self.grant(directory, application, audience),
        }

    def grant(self, directory: Directory, application: Application, audience: str) -> str:
        """A new token."""
        text = "eyJ0eXAi." + secrets.token_urlsafe(48)
        with self._lock:
            self._tokens[text] = Token(directory, application, audience, time.time() + self.lifetime)
        return text

    def managed_identity(self, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer of an App Service's identity endpoint; it stands for the first directory's first application."""
        if headers.get("X-IDENTITY-HEADER") != "identity-header":
            return 401, {
                "statusCode": 401,
                "message": "No Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            }
        directory = next(iter(self.directories.values()))
        application = next(iter(directory.applications.values()))
        return 200, {
            "access_token": self.grant(directory, application, query.get("resource", "")),
            "token_type": "Bearer",
            "expires_on": str(int(time.time()) + self.lifetime),
            "resource": query.get("resource", ""),
            "client_id": application.client_id,
        }

    def _credential_refusal(
        self, application: Application, tenant: str, form: Mapping[str, str]
    ) -> dict[str, Any] | None:
        assertion = form.get("client_assertion")
        if assertion:
            return self._assertion_refusal(application, tenant, assertion)
        secret = form.get("client_secret", "")
        if not secret:
            return _refusal("invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is required.")
        if application.expired_secret and secrets.compare_digest(secret.encode(), application.expired_secret.encode()):
            return _refusal("invalid_client", 7000222, "The provided client secret keys for app are expired.")
        if not application.secret or not secrets.compare_digest(secret.encode(), application.secret.encode()):
            text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value."
            return _refusal("invalid_client", 7000215, text)
        return None

    def _assertion_refusal(self, application: Application, tenant: str, assertion: str) -> dict[str, Any] | None:
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.PyJWTError:
            header = {}
        if "x5t#S256" not in header:
            if application.assertion and assertion == application.assertion:
                return None
            return _refusal(
                "invalid_client", 700211, "No matching federated identity record found for presented assertion issuer."
            )
        if application.certificate:
            certificate = x509.load_pem_x509_certificate(application.certificate.encode())
            thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
            endpoint = f"{self.base}/{tenant}/oauth2/v2.0/token"
            try:
                claims = jwt.decode(assertion, certificate.public_key(), algorithms=["PS256"], audience=endpoint)
                if (
                    header["x5t#S256"].rstrip("=") == thumbprint
                    and claims["iss"] == claims["sub"] == application.client_id
                ):
                    return None
            except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
                return _refusal("invalid_client", 700024, "Client assertion is not within its valid time range.")
            except jwt.PyJWTError:
                pass
        return _refusal(
            "invalid_client",
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )


def _refusal(error: str, code: int, text: str) -> dict[str, Any]:
    return {
        "error": error,
        "error_description": f"AADSTS{code}: {text} Trace ID: {_TRACE} Correlation ID: {_TRACE} Timestamp: {_NOW}",
        "error_codes": [code],
        "timestamp": _NOW,
        "trace_id": _TRACE,
        "correlation_id": _TRACE,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }


def encode_state(state: Mapping[str, Any]) -> str:
    """An opaque token for a link."""
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")


def decode_state(text: str) -> dict[str, Any]:
    """What :func:`encode_state` hid.

    :raises ValueError: when it is none.
    """
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
