# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that survive what Microsoft's servers and the line do to them: throttling, cuts, garbage."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.transport import Http, Transient
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.throttle import (
    THROTTLED,
    Budget,
    backoff,
    retry_after,
)

# Throttling is limited by the budget, and by this number against a server that asks for no wait at all.
_THROTTLED_ATTEMPTS = 50
_FAULTY_ATTEMPTS = 5


class Patient:
    """Sends requests through ``http`` until a usable answer comes or there is no hope.

    :param http: the session with the server.
    :param budget: seconds that may be spent waiting, shared by all requests of the run.
    """

    def __init__(self, http: Http, budget: Budget, now: Callable[[], float] = time.time) -> None:
        self.http = http
        self.budget = budget
        self._now = now
        self.skew: float | None = None

    def get(self, url: str, params: Any = None, headers: Mapping[str, str] | None = None, **ignored: Any) -> Any:
        """GET, as msal calls it; the answer is JSON of a status below 500."""
        return self.answer("GET", url, params=params, headers=headers)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Mapping[str, str] | None = None, **ignored: Any
    ) -> Any:
        """POST, as msal calls it; the answer is JSON of a status below 500."""
        return self.answer("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def answer(self, method: str, url: str, **arguments: Any) -> Any:
        """The first answer that is JSON and neither throttled nor a server's fault.

        :raises TenancyError: ``m365_throttled``, ``m365_unreachable``, ``m365_not_json``, ``m365_server``.
        """
        throttled = faulty = 0
        while True:
            try:
                answer = self.http.send(method, url, **arguments)
                self._measure_clock(answer.headers)
                fault = _fault_of(answer)
            except Transient as error:
                answer, fault = None, error
            if fault is None:
                return answer
            asked = retry_after(answer.headers.get("Retry-After"), self._now()) if answer is not None else None
            if answer is not None and answer.status_code in THROTTLED:
                throttled += 1
                if throttled >= _THROTTLED_ATTEMPTS:
                    raise fault
                # A Retry-After of zero must not become a storm of requests.
                wait = backoff(throttled) if asked is None else max(asked, 0.05 * throttled)
            else:
                faulty += 1
                wait = backoff(faulty) if asked is None else asked
                if faulty >= _FAULTY_ATTEMPTS or not self.budget.allows(wait):
                    raise fault
            self.budget.wait(wait, fault.what)

    def _measure_clock(self, headers: Mapping[str, str]) -> None:
        """Note how far this machine's clock is off: a wrong clock makes sign-ins fail with unclear words."""
        try:
            self.skew = self._now() - parsedate_to_datetime(headers["Date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return


def _fault_of(answer: Any) -> TenancyError | None:
    """What is wrong with an answer so that another try is due; None for an answer to work with."""
    status, kind = answer.status_code, answer.headers.get("Content-Type", "")
    server = answer.url.partition("?")[0]
    if status in THROTTLED:
        return TenancyError(
            f"{server} answers that it is too busy (status {status})",
            remedy="Run it again later",
            kind="m365_throttled",
        )
    if status >= 500:
        return TenancyError(
            f"{server} fails with status {status}",
            cause=_words(answer),
            remedy="Run it again later",
            kind="m365_server",
            request_id=answer.headers.get("request-id", ""),
        )
    if status == 407:
        return TenancyError(
            f"The proxy on the way to {server} demands a sign-in",
            remedy="Put the proxy's user into HTTPS_PROXY",
            kind="m365_proxy",
        )
    if status == 410 and not answer.content:
        return None
    try:
        usable = isinstance(json.loads(answer.content), dict)
    except (ValueError, RecursionError):
        usable = False
    if usable:
        return None
    return TenancyError(
        f"{server} answered with something else than JSON (status {status}, {kind or 'no content type'})",
        cause="a proxy or a captive portal answers in its place, or the answer was cut",
        remedy="Check HTTPS_PROXY and NO_PROXY, and open the address from this machine",
        kind="m365_not_json",
    )


def _words(answer: Any) -> str:
    """The code and message of a server's fault, when it gives any."""
    try:
        error = json.loads(answer.content).get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    if isinstance(error, dict):
        return f"{error.get('code', '')}: {str(error.get('message', ''))[:200]}"
    return str(error or "")[:200]
