# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that Ollama streams while it pulls or creates a model. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One line of the stream.

    :param status: what it does now, for example ``pulling 3c168af1dea0`` or ``verifying sha256 digest``.
    :param digest: the layer that the numbers are of; empty when it moves none.
    :param total: bytes of that layer. :param completed: bytes of it that are there.
    :param error: why it stopped; the status of the HTTP answer is 200 all the same.
    """

    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: str = ""


def parse_line(line: str) -> Event | None:
    """The event of a line, or None for a blank one.

    :raises ValueError: the line is not one of Ollama's: HTML of a proxy, or cut in the middle.
    """
    text = line.strip()
    if not text:
        return None
    value = json.loads(text)
    if not isinstance(value, dict) or not ("status" in value or "error" in value):
        raise ValueError("neither a status nor an error")
    return Event(
        status=str(value.get("status") or ""),
        digest=str(value.get("digest") or ""),
        total=int(value.get("total") or 0),
        completed=int(value.get("completed") or 0),
        error=str(value.get("error") or ""),
    )
