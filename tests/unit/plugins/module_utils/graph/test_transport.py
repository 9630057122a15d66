# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which server a URL leads to, as a table."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.graph.transport import Http, origin

BASE = "https://graph.microsoft.com"


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.microsoft.com/v1.0/users?$skiptoken=x",
        "https://GRAPH.microsoft.com:443/v1.0/users",
        "HTTPS://graph.microsoft.com/x",
    ],
)
def test_same_server(url: str) -> None:
    assert origin(url) == origin(BASE)
    Http(BASE, None, 1).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.microsoft.com/v1.0/users",
        "https://graph.microsoft.com:8443/",
        "https://graph.microsoft.com.evil.example/",
        "https://graph.microsoft.com@evil.example/",
        "https://evil.example/https://graph.microsoft.com/",
        "https://evil.example\\@graph.microsoft.com/",
        "//graph.microsoft.com/",
        "/v1.0/users",
        "https://graph.microsoft.com:99999/",
        "https://[graph.microsoft.com/",
        "",
    ],
)
def test_another_server(url: str) -> None:
    with pytest.raises(TenancyError) as caught:
        Http(BASE, None, 1).check(url)
    assert caught.value.kind == "m365_foreign_link"
