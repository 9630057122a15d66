# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults by script: rules that are asked before an answer is sent."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping


@dataclass
class Rule:
    """What to do to some of the requests whose path and query match.

    :param path: regular expression, searched in path and query.
    :param after: matching requests that pass unharmed first.
    :param times: requests that are hit; 0 is all that follow.
    :param status: answer with this status, ``headers`` and ``body`` instead.
    :param cut: send so many bytes of the real body, then cut the connection.
    :param truncate: send so many bytes of the real body as if they were all.
    :param delay: seconds to wait before the answer.
    :param edit: changes the decoded JSON of the real answer (in-process only).
    :param revoke: declare all tokens expired first.
    :param call: called with no arguments before the answer (in-process only).
    """

    path: str
    after: int = 0
    times: int = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    cut: int | None = None
    truncate: int | None = None
    delay: float = 0.0
    edit: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    revoke: bool = False
    call: Callable[[], None] | None = None
    seen: int = 0

    def content(self) -> bytes:
        """The body as bytes: text as it is, anything else as JSON."""
        if self.body is None:
            return b""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


class Script:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self.revoke: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def load(self, rules: list[Rule]) -> None:
        """Replace all rules."""
        with self._lock:
            self._rules = list(rules)

    def find(self, path: str) -> Rule | None:
        """The first rule that hits this request; every rule that matches counts it."""
        hit = None
        with self._lock:
            for rule in self._rules:
                if not re.search(rule.path, path):
                    continue
                rule.seen += 1
                number = rule.seen - rule.after
                if hit is None and number > 0 and (rule.times == 0 or number <= rule.times):
                    hit = rule
        return hit


def graph_error(
    code: str, message: str = "A fault made by the test.", inner: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An error body of Graph."""
    inner_error = {
        "date": "2026-01-01T00:00:00",
        "request-id": "11111111-2222-3333-4444-555555555555",
        "client-request-id": "11111111-2222-3333-4444-555555555555",
        **(inner or {}),
    }
    return {"error": {"code": code, "message": message, "innerError": inner_error}}
