# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of Microsoft Graph: one request at a time, whole links followed, nothing taken apart.

Source: https://learn.microsoft.com/graph/paging and https://learn.microsoft.com/graph/delta-query-overview
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.faults import codes_of, error_of, graph_error
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.transport import Http
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.patient import Patient
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.signin import TokenSource
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.throttle import Budget
from ansible_collections.llmops.tenancy.plugins.module_utils.options.graph import GraphSettings

_EXPIRED = frozenset({"syncstatenotfound", "resyncrequired", "syncstateinvalid"})
# Errors that Graph sends with status 200 or 400 although another try helps.
_FLEETING = frozenset({"serviceunavailable", "service_unavailable", "toomanyrequests", "generalexception", "timeout"})


class DeltaExpired(TenancyError):
    """The delta link is of no use any more; a full round has to follow.

    :ivar location: where the server says to start again, or an empty string.
    """

    def __init__(self, location: str = "") -> None:
        super().__init__(
            "The delta link has expired",
            cause="Microsoft Graph keeps it for 7 days, and may drop it earlier",
            remedy="Run with mode=auto or mode=full",
            kind="m365_delta_expired",
        )
        self.location = location


@dataclass(frozen=True)
class Page:
    """One page of a collection.

    :param items: its objects, possibly none. :param delta_link: set on the last page of a delta round alone.
    """

    items: list[dict[str, Any]]
    delta_link: str = ""


class GraphClient:
    """Microsoft Graph, as one application in one tenant.

    :param settings: servers and credential.
    :param budget: seconds that may be spent waiting; by default what the settings allow.
    """

    def __init__(self, settings: GraphSettings, budget: Budget | None = None) -> None:
        self.base = f"{settings.graph_url}/v1.0"
        self.budget = budget or Budget(settings.throttle_budget)
        self._tokens = TokenSource(settings, self.budget)
        self._patient = Patient(Http(settings.graph_url, settings.ca_path, settings.request_timeout), self.budget)
        self.pages = 0

    def __enter__(self) -> GraphClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self._tokens.close()
        self._patient.close()

    @property
    def requests(self) -> int:
        """Requests sent so far, those for tokens included."""
        return self._patient.http.requests + self._tokens.requests

    def get(self, url: str, permission: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One object.

        :param url: whole, as built here or as Graph gave it.
        :param permission: the application permission that it takes, for the error.
        :raises DeltaExpired: for the answers that mean so.
        :raises TenancyError: ``m365_no_consent``, ``m365_not_found``, ``m365_token_refused``, or of the transport.
        """
        # The background's lane: people who work interactively are throttled later than this run.
        sent = {"Accept": "application/json", "x-ms-throttle-priority": "low", **(headers or {})}
        renewed = False
        for attempt in range(1, 6):
            answer = self._patient.answer("GET", url, headers=sent, token=self._tokens.token())
            body = json.loads(answer.content) if answer.content else {}
            error = error_of(body)
            if answer.status_code < 400 and error is None:
                return body
            codes = set(codes_of(error or {}))
            if answer.status_code == 410 or codes & _EXPIRED:
                raise DeltaExpired(answer.headers.get("Location", ""))
            fault = graph_error(answer.status_code, error or {}, answer.headers, permission, self._patient.skew)
            if answer.status_code == 401 and not renewed and fault.kind == "m365_token_refused":
                # A token lives about an hour and may end between two pages.
                renewed = True
                self._tokens.renew()
            elif (codes & _FLEETING or answer.status_code == 200) and attempt < 5 and self.budget.allows(0.2 * attempt):
                self.budget.wait(0.2 * attempt, fault.what)
            else:
                raise fault
        raise fault

    def pages_of(self, url: str, permission: str, headers: Mapping[str, str] | None = None) -> Iterator[Page]:
        """The pages from ``url`` on, up to the one without a next link.

        :raises TenancyError: ``m365_bad_answer`` for a page that is none or for links that go round in a circle.
        """
        seen: set[int] = set()
        while url:
            if hash(url) in seen:
                raise _bad_answer("its next links go round in a circle")
            seen.add(hash(url))
            body = self.get(url, permission, headers)
            items = body.get("value")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise _bad_answer("a page has no list of objects")
            self.pages += 1
            url = str(body.get("@odata.nextLink") or "")
            yield Page(items, "" if url else str(body.get("@odata.deltaLink") or ""))


def _bad_answer(cause: str) -> TenancyError:
    return TenancyError(
        "Microsoft Graph gave an answer that makes no sense",
        cause=f"{cause}; nothing was changed",
        remedy="Run it again; if it stays, report it with the output of -vvv",
        kind="m365_bad_answer",
    )
