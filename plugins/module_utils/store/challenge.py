# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a registry wants to see before it serves: the challenges of WWW-Authenticate. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(rf"({_TOKEN})(?:\s+(?!=)|\s*(?=,)|$)")


@dataclass(frozen=True)
class Challenge:
    """One way to be let in.

    :param scheme: basic, bearer… in lower case. :param parameters: realm, service, scope…
    """

    scheme: str
    parameters: Mapping[str, str]


def parse(header: str) -> list[Challenge]:
    """The challenges of a header, in its order. What can't be read ends the list."""
    found: list[Challenge] = []
    text = header.strip()
    while match := _SCHEME.match(text):
        text = text[match.end() :]
        parameters: dict[str, str] = {}
        while pair := _PARAMETER.match(text):
            quoted, plain = pair[2], pair[3]
            parameters[pair[1].lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            text = text[pair.end() :].lstrip().removeprefix(",").lstrip()
        found.append(Challenge(match[1].lower(), parameters))
        text = text.removeprefix(",").lstrip()
    return found


def token_url(bearer: Challenge) -> str:
    """Where a token is to be had, with the scope in the query; empty when the challenge does not say."""
    realm = urlsplit(bearer.parameters.get("realm", ""))
    if realm.scheme not in ("http", "https") or not realm.hostname:
        return ""
    wanted = [(key, bearer.parameters[key]) for key in ("service", "scope") if bearer.parameters.get(key)]
    return urlunsplit(realm._replace(query="&".join(filter(None, (realm.query, urlencode(wanted))))))
