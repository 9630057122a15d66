# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting because Microsoft asks for it: how long, and how long in all.

Source: https://learn.microsoft.com/graph/throttling
"""

from __future__ import annotations

import math
import random
import time
from email.utils import parsedate_to_datetime
from typing import Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# 509 is Bandwidth Limit Exceeded; 504 is documented among the answers of a throttled Graph.
THROTTLED = frozenset({429, 503, 504, 509})
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for; None when it is absent or not understood.

    :param value: whole or fractional seconds, or an HTTP date.
    :param now: seconds since the epoch.
    """
    if not value:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (TypeError, ValueError):
            return None
    # "nan" and "inf" are floats to Python, and mean nothing here.
    return max(0.0, seconds) if math.isfinite(seconds) else None


def backoff(attempt: int, jitter: Callable[[], float] = random.random) -> float:
    """Seconds before attempt number ``attempt + 1``: exponential, half of it random so that runs do not march in step.

    :param attempt: how many attempts failed, from 1.
    """
    whole = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempt - 1, 20))
    return whole * (0.5 + jitter() / 2)


class Budget:
    """The seconds that one synchronisation may spend waiting.

    :param seconds: in all. :param sleep: waits so many seconds.
    """

    def __init__(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._sleep = sleep

    def allows(self, seconds: float) -> bool:
        """Whether so many seconds are left."""
        return self.spent + seconds <= self.seconds

    def wait(self, seconds: float, why: str) -> None:
        """Wait, if the budget still allows it.

        :raises TenancyError: ``m365_throttled``, at once, when the wait would exceed the budget.
        """
        if not self.allows(seconds):
            raise TenancyError(
                f"Microsoft 365 kept this run waiting for longer than it may ({self.seconds:g} s)",
                cause=f"{why}; it asks for {seconds:.1f} s more after {self.spent:.1f} s; nothing was changed",
                remedy="Run it again later, or raise throttle_budget",
                kind="m365_throttled",
                throttled_seconds=round(self.spent, 1),
            )
        self.spent += seconds
        self._sleep(seconds)
