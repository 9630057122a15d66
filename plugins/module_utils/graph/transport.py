# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTPS to the one server it is meant for, and to no other: the only importer of requests."""

from __future__ import annotations

import os
from typing import Any, Mapping
from urllib.parse import SplitResult, urlsplit

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_CONNECT_TIMEOUT = 10


class Transient(TenancyError):
    """A fault of the line, worth another try: a cut connection, a truncated answer, no answer in time."""


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL: what must be equal for a secret to travel there."""
    parts = _split(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme.lower(), (parts.hostname or "").lower(), port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _split(url: str) -> SplitResult:
    """The parts of a URL; none of one that can't be read, such as ``https://[x``."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


class Http:
    """One session with one server. It follows no redirect and sends nothing to another origin.

    msal takes it as its ``http_client``.

    :param base: URL whose origin is the only one that is spoken to; None where msal alone knows it (managed identity).
    :param ca_path: PEM file that alone decides which servers are trusted; None for the system's.
    :param timeout: seconds without a byte before a request is given up.
    """

    def __init__(
        self, base: str | None, ca_path: str | None, timeout: float, user_agent: str = "llmops-tenancy"
    ) -> None:
        import requests

        if ca_path and not os.path.exists(ca_path):
            raise TenancyError(
                f"The certificate authority file {ca_path} does not exist",
                remedy="Correct ca_path, or leave it out to trust the system's authorities",
                kind="m365_tls",
            )
        self._requests = requests
        self._origin = origin(base) if base else None
        self._verify: str | bool = ca_path or True
        self._timeout = timeout
        self._session = requests.Session()
        self._session.headers["User-Agent"] = user_agent
        # A managed identity is asked on the machine itself: no proxy stands in between.
        self._session.trust_env = base is not None
        self.requests = 0

    def get(self, url: str, params: Any = None, headers: Mapping[str, str] | None = None, **ignored: Any) -> Any:
        """GET, as msal calls it."""
        return self.send("GET", url, params=params, headers=headers)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Mapping[str, str] | None = None, **ignored: Any
    ) -> Any:
        """POST, as msal calls it."""
        return self.send("POST", url, params=params, headers=headers, data=data)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        token: str | None = None,
    ) -> Any:
        """One request and its whole answer, whatever its status below 300 or from 400 on.

        :param token: bearer token to send.
        :raises TenancyError: ``m365_foreign_link``, ``m365_redirect``, ``m365_tls``, ``m365_proxy``, ``m365_bad_url``.
        :raises Transient: ``m365_unreachable``.
        """
        self.check(url)

        def sign(request: Any) -> Any:
            # Given as auth, so that requests does not replace the header by what ~/.netrc has for this host.
            if token:
                request.headers["Authorization"] = f"Bearer {token}"
            return request

        self.requests += 1
        try:
            answer = self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                auth=sign,
                allow_redirects=False,
                # Given with each request: REQUESTS_CA_BUNDLE beats the session's own setting.
                verify=self._verify,
                timeout=(min(_CONNECT_TIMEOUT, self._timeout), self._timeout),
            )
        except (OSError, ValueError) as error:
            # All that requests raises of its own is an OSError; a ValueError comes from an address that can't be taken
            # apart, such as that of a redirect, which it looks at although it does not follow it.
            raise self._fault(error, url) from None
        if 300 <= answer.status_code < 400:
            raise TenancyError(
                f"{_where(url)} answered with a redirect to {_where(answer.headers.get('Location', ''))}",
                cause="a redirect is not followed, since the token would leak; nothing was sent there",
                remedy="Check authority_url and graph_url, and whether a proxy or captive portal answers in its place",
                kind="m365_redirect",
            )
        return answer

    def check(self, url: str) -> None:
        """Refuse a URL of another origin before anything is sent.

        :raises TenancyError: ``m365_foreign_link``.
        """
        # Parsers disagree about backslashes and users in an address, so such links are not read at all.
        doubtful = not url.isprintable() or "\\" in url or "@" in _split(url).netloc
        if self._origin is not None and (doubtful or origin(url) != self._origin):
            scheme, host, port = self._origin
            raise TenancyError(
                f"An answer points to {_where(url)} instead of {scheme}://{host}:{port}",
                cause="such a link is not followed, since the token or secret would leak; nothing was sent there",
                remedy="Check authority_url, graph_url and cloud: the servers of a national cloud belong together",
                kind="m365_foreign_link",
            )

    def _fault(self, error: Exception, url: str) -> TenancyError:
        """The collection's error for one of requests. Its text is not passed on: it can hold the URL's query."""
        exceptions, where, reason = self._requests.exceptions, _where(url), _reason(error)
        if isinstance(error, exceptions.ProxyError):
            return TenancyError(
                f"The proxy on the way to {where} does not let the request through",
                cause=reason,
                remedy="Check HTTPS_PROXY and NO_PROXY in the environment of the run",
                kind="m365_proxy",
            )
        if isinstance(error, exceptions.SSLError):
            return TenancyError(
                f"The TLS certificate of {where} is not trusted",
                cause=reason,
                remedy="If a proxy inspects TLS, give its authority in ca_path; else check the machine's clock and "
                "certificate store. Verification is never switched off",
                kind="m365_tls",
            )
        if isinstance(error, ValueError):
            return TenancyError(
                f"The way to {where} has no usable address",
                cause=reason,
                remedy="Check authority_url, graph_url, and HTTPS_PROXY in the environment of the run",
                kind="m365_bad_url",
            )
        if not isinstance(error, exceptions.RequestException):
            return TenancyError(
                "The certificate authorities to trust can't be read",
                cause=str(error),
                remedy="Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE in the environment of the run, or set ca_path",
                kind="m365_tls",
            )
        return Transient(
            f"No complete answer came from {where}",
            cause=reason,
            remedy="Check that this machine reaches it on port 443, its name service and HTTPS_PROXY",
            kind="m365_unreachable",
        )


def _where(url: str) -> str:
    """A URL for people: without its query, which can hold a token."""
    parts = _split(url)
    return (
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else parts.path or "nowhere"
    )


def _reason(error: BaseException) -> str:
    """The innermost reason of an error of requests, in words and without the URL."""
    seen: set[int] = set()
    inner = error
    while id(inner) not in seen:
        seen.add(id(inner))
        found = getattr(inner, "reason", None)
        if not isinstance(found, BaseException):
            found = inner.args[0] if inner.args and isinstance(inner.args[0], BaseException) else inner.__cause__
        if not isinstance(found, BaseException):
            break
        inner = found
    text = str(inner).rpartition(">: ")[2] or type(inner).__name__
    # A query can hold a token, and what stands before an @ the password of a proxy.
    return type(inner).__name__ if "?" in text or "@" in text else text
