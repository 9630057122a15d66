# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What registries ask for before they serve."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store.challenge import Challenge, parse, token_url


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", []),
        ("Basic", [Challenge("basic", {})]),
        ('Basic realm="models, private"', [Challenge("basic", {"realm": "models, private"})]),
        (
            'Bearer realm="https://auth.example.com/token",service="hub",scope="repository:a/b:pull"',
            [
                Challenge(
                    "bearer",
                    {"realm": "https://auth.example.com/token", "service": "hub", "scope": "repository:a/b:pull"},
                )
            ],
        ),
        (
            'Basic realm="x", Bearer realm="https://a/t", service=hub',
            [Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "https://a/t", "service": "hub"})],
        ),
        (r'Basic realm="a \"b\" c"', [Challenge("basic", {"realm": 'a "b" c'})]),
        ('BEARER Realm = "https://a/t"', [Challenge("bearer", {"realm": "https://a/t"})]),
        ("Negotiate, Basic realm=x", [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"})]),
        ('"what', []),
    ],
)
def test_challenges_are_read(header, challenges):
    assert parse(header) == challenges


@pytest.mark.parametrize(
    ("parameters", "url"),
    [
        ({"realm": "https://a/t"}, "https://a/t"),
        ({"realm": "https://a/t", "service": "hub", "scope": "repository:a/b:pull"}, "https://a/t?service=hub&scope=repository%3Aa%2Fb%3Apull"),
        ({"realm": "https://a/t?account=x", "service": "hub"}, "https://a/t?account=x&service=hub"),
        ({}, ""),
        ({"realm": "file:///etc/passwd"}, ""),
        ({"realm": "models"}, ""),
    ],
)
def test_where_a_token_is_to_be_had(parameters, url):
    assert token_url(Challenge("bearer", parameters)) == url
