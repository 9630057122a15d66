# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP session to a registry. The libraries are imported where they are used: they come with Docker's, to agent hosts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

if TYPE_CHECKING:
    import requests

_CONNECTIONS = 16


def wire_faults() -> tuple[type[Exception], ...]:
    """The exceptions of a line that does not come about, or breaks; those of requests are OSErrors."""
    import urllib3

    return (OSError, urllib3.exceptions.HTTPError)


def open_session(insecure: bool) -> requests.Session:
    """A session.

    :param insecure: plain HTTP was asked for.
    """
    import requests
    from requests.adapters import HTTPAdapter

    class Session(requests.Session):
        """Follows redirects to a content network: without the account, and never from https to plain HTTP."""

        def __init__(self, insecure: bool) -> None:
            super().__init__()
            self._insecure = insecure
            # Else requests looks for an account of its own in ~/.netrc.
            self.auth = lambda request: request
            for scheme in ("https://", "http://"):
                self.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS))

        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            """Leave the account behind when the host changes."""
            if self.should_strip_auth(response.request.url, prepared_request.url):
                prepared_request.headers.pop("Authorization", None)

        def get_redirect_target(self, resp: requests.Response) -> str | None:
            """Where to go next."""
            target = super().get_redirect_target(resp)
            if target and target.lower().startswith("http:") and not self._insecure:
                host = urlsplit(target).hostname
                raise TenancyError(
                    f"{urlsplit(resp.url).hostname} sends us on to {host} by plain HTTP",
                    remedy="Set insecure=true if that is meant, or use a registry with https throughout",
                    kind="insecure_redirect",
                    lasting=True,
                )
            return target

    return Session(insecure)
