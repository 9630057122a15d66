# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every module that reaches Microsoft Graph. Documented in doc_fragments/graph.py."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup

# Authority and Graph host of each national cloud: they change together.
# https://learn.microsoft.com/graph/deployments
CLOUDS = {
    "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "usgov": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "usgov_dod": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}

# No defaults here: the same options describe an entry of a list, where a default would hide what stands at the top.
ENTITY = {
    "m365_tenant_id": {"type": "str"},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "client_certificate": {"type": "path"},
    "client_certificate_key": {"type": "path", "no_log": False},
    "client_certificate_passphrase": {"type": "str", "no_log": True},
    "client_assertion_file": {"type": "path"},
    "managed_identity": {"type": "bool"},
    "cloud": {"type": "str", "choices": list(CLOUDS)},
    "authority_url": {"type": "str"},
    "graph_url": {"type": "str"},
    "ca_path": {"type": "path"},
    "request_timeout": {"type": "int"},
    "throttle_budget": {"type": "int"},
}

_FALLBACKS = {"client_id": "AZURE_CLIENT_ID", "authority_url": "AZURE_AUTHORITY_HOST"}
# No fallbacks: a credential of the environment must not mix with one that is given.
CREDENTIALS = {
    "client_secret": "AZURE_CLIENT_SECRET",
    "client_certificate": "AZURE_CLIENT_CERTIFICATE_PATH",
    "client_certificate_passphrase": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "client_assertion_file": "AZURE_FEDERATED_TOKEN_FILE",
}
WAYS = ("client_secret", "client_certificate", "client_assertion_file", "managed_identity")
_COMPANIONS = ("client_certificate_key", "client_certificate_passphrase")

SPEC = {
    name: {**option, "fallback": (env_fallback, [_FALLBACKS[name]])} if name in _FALLBACKS else dict(option)
    for name, option in ENTITY.items()
}

REQUEST_TIMEOUT = 30
THROTTLE_BUDGET = 600


@dataclass(frozen=True)
class GraphSettings:
    """How to reach Microsoft Graph, and as which application.

    :param tenant_id: the Microsoft 365 tenant, a GUID or a verified domain.
    :param client_certificate: PEM file of the certificate; the key may stand in it or in ``client_certificate_key``.
    :param client_assertion_file: file with the token of a federated identity, read anew for each token.
    :param authority_url: sign-in service. :param graph_url: Graph, without a version.
    :param ca_path: PEM file that alone decides which servers are trusted; None for the system's.
    :param request_timeout: seconds without a byte after which a request is given up.
    :param throttle_budget: seconds that the whole run may spend waiting because Graph asks for it.
    """

    tenant_id: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    client_certificate: str | None = None
    client_certificate_key: str | None = None
    client_certificate_passphrase: str | None = field(default=None, repr=False)
    client_assertion_file: str | None = None
    managed_identity: bool = False
    authority_url: str = CLOUDS["global"][0]
    graph_url: str = CLOUDS["global"][1]
    ca_path: str | None = None
    request_timeout: int = REQUEST_TIMEOUT
    throttle_budget: int = THROTTLE_BUDGET


def environment() -> dict[str, str]:
    """The credentials in the environment, by option."""
    return {name: os.environ[variable] for name, variable in CREDENTIALS.items() if os.environ.get(variable)}


def credential(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The credential of the first layer that has one: it never mixes with that of another.

    A key or passphrase that stands in a layer without a certificate belongs to whichever certificate is taken, so that
    it can come from Ansible Vault while the certificate is named elsewhere.

    :param layers: options, the most specific ones first.
    """
    found: dict[str, Any] = dict.fromkeys((*WAYS, *_COMPANIONS))
    chosen = False
    for layer in layers:
        takes = not chosen and any(layer.get(way) for way in WAYS)
        if takes:
            found.update({way: layer.get(way) for way in WAYS})
        if takes or not layer.get("client_certificate"):
            found.update({name: found[name] or layer.get(name) for name in _COMPANIONS})
        chosen = chosen or takes
    return found


def has_credentials(entity: Mapping[str, Any]) -> bool:
    """True when the options name an application and one way to prove to be it."""
    if entity.get("managed_identity"):
        return True
    return bool(entity.get("client_id")) and any(entity.get(way) for way in WAYS)


def read(entity: Mapping[str, Any], tenant_id: str) -> GraphSettings:
    """Typed settings of one entry of the options.

    :param tenant_id: the Microsoft 365 tenant to sign in to.
    :raises TenancyError: ``m365_no_credentials``, ``m365_bad_url``, ``invalid_options``.
    """
    if not has_credentials(entity):
        raise TenancyError(
            "No Microsoft 365 credentials were given",
            cause="an application id with a secret, certificate or federated token is needed, or a managed identity",
            remedy="Set client_id with client_secret, client_certificate or client_assertion_file (or AZURE_CLIENT_ID "
            "and its companions in the environment); docs/microsoft365.md shows how to register the application",
            kind="m365_no_credentials",
        )
    authority, graph = CLOUDS[entity.get("cloud") or "global"]
    return GraphSettings(
        tenant_id=tenant_id,
        client_id=entity.get("client_id") or "",
        client_secret=entity.get("client_secret"),
        client_certificate=entity.get("client_certificate"),
        client_certificate_key=entity.get("client_certificate_key"),
        client_certificate_passphrase=entity.get("client_certificate_passphrase"),
        client_assertion_file=entity.get("client_assertion_file"),
        managed_identity=bool(entity.get("managed_identity")),
        authority_url=_https(entity.get("authority_url") or authority, "authority_url"),
        graph_url=_https(entity.get("graph_url") or graph, "graph_url"),
        ca_path=entity.get("ca_path"),
        request_timeout=within(entity, "request_timeout", REQUEST_TIMEOUT, 1, 3600, "seconds"),
        throttle_budget=within(entity, "throttle_budget", THROTTLE_BUDGET, 0, 86_400, "seconds"),
    )


def within(entity: Mapping[str, Any], name: str, default: int, lowest: int, highest: int, unit: str) -> int:
    """The number in an option, or the default when it is not given.

    :raises TenancyError: ``invalid_options`` for one out of range.
    """
    number = entity.get(name)
    if number is None:
        return default
    if lowest <= number <= highest:
        return int(number)
    raise TenancyError(
        f"{name} is {number}, which is not {lowest} to {highest} {unit}",
        remedy=f"Give {lowest} to {highest}, or leave it out for {default}",
        kind="invalid_options",
    )


def _https(url: str, name: str) -> str:
    """``url`` without a trailing slash when it is an https URL of a host and nothing more."""
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.path or parts.query or parts.fragment:
        raise TenancyError(
            f"{name} is not an https address of a server",
            cause=f"scheme '{parts.scheme}', host '{parts.hostname or ''}'; secrets travel to it, so TLS is demanded",
            remedy=f"Write {name} as https://host or https://host:port, without a path",
            kind="m365_bad_url",
        )
    return text


def _hidden_secrets(params: Mapping[str, Any]) -> list[str]:
    """Secrets inside a list of tenants and in the environment: masked as whole values wherever they occur."""
    names = [name for name, option in ENTITY.items() if option.get("no_log")]
    places = [*(params.get("tenants") or []), environment()]
    return [str(place[name]) for place in places for name in names if place.get(name)]


GROUP = OptionGroup(spec=SPEC, secrets=_hidden_secrets, libraries=("msal", "requests"))
