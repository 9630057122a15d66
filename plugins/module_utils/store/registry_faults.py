# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a registry: every status, and every exception of requests and urllib3, as one TenancyError.

``lasting`` tells whether trying again may help, and ``after`` for how many seconds it won't.
"""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_AGAIN = "See the registry's log, then run again: what was pulled is kept"


def refused(what: str, host: str, status: int, text: str, retry_after: str = "") -> TenancyError:
    """The error for a status that is no success.

    :param what: what failed. :param host: the registry. :param text: beginning of the answer, for people.
    """
    said = f"{status}" + (f", {' '.join(text.split())[:200]}" if text.strip() else "")
    if status in (401, 403):
        return TenancyError(
            what,
            cause=f"{host} refuses access ({said})",
            remedy="Give a username and password that may read it (model_store_username, agent_model_username), or check the"
            " model's name: a private or unknown model answers so too",
            kind="registry_denied",
            lasting=True,
        )
    if status == 429:
        return TenancyError(
            what,
            cause=f"{host} limits the number of requests",
            remedy="Wait, bring fewer models at once, or use a mirror",
            kind="registry_busy",
            lasting=False,
            after=seconds_of(retry_after),
        )
    return TenancyError(
        what,
        cause=f"{host} is in trouble ({said})" if status >= 500 else f"{host} answers with {said}",
        remedy=_AGAIN,
        kind="registry_error",
        lasting=status < 500,
        after=seconds_of(retry_after),
    )


def seconds_of(retry_after: str) -> float:
    """Seconds that a Retry-After header names, by a number or a date; 0 for none."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return 0.0
    return max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0) if moment.tzinfo else 0.0


def broken(what: str, host: str, error: Exception, stall_timeout: float) -> TenancyError:
    """The error for a connection that did not come about, or broke. No URL is quoted: one may hold a signature."""
    chain = list(_chain(error))
    words = next((each.strerror for each in chain if isinstance(each, OSError) and each.strerror), type(chain[-1]).__name__)
    if any("WRONG_VERSION_NUMBER" in str(each) for each in chain):
        return TenancyError(
            what,
            cause=f"{host} speaks plain HTTP",
            remedy="Set insecure=true if that is meant",
            kind="mirror_speaks_http",
            lasting=True,
        )
    if any(isinstance(each, ssl.SSLError) for each in chain):
        return TenancyError(
            what,
            cause=f"the certificate of {host} is not trusted here: {words}",
            remedy="Name the authority's certificate in ca_path, or give the registry one of a known authority",
            kind="registry_untrusted",
            lasting=True,
        )
    if any("timeout" in type(each).__name__.lower() for each in chain):
        return TenancyError(
            what,
            cause=f"no byte came from {host} for {stall_timeout:g} s",
            remedy="Check the way to the registry and run again: what was pulled is kept; or raise stall_timeout",
            kind="stalled",
            lasting=False,
        )
    if any(isinstance(each, socket.gaierror) for each in chain):
        return TenancyError(
            what,
            cause=f"{host} is not found by name: {words}",
            remedy="Check the registry's name and the DNS of this host; a host without internet needs a mirror",
            kind="registry_unreachable",
            lasting=True,
        )
    return TenancyError(
        what,
        cause=f"{host} can't be reached, or the connection was cut: {words}",
        remedy="Check the registry and the way to it from this host; a host without internet needs a mirror",
        kind="registry_unreachable",
        lasting=False,
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception with those that it came of; urllib3 keeps some of them as a reason or an argument."""
    while error is not None:
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((each for each in inner if isinstance(each, BaseException) and each is not error), None)
