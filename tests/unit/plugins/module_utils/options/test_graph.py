# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of Microsoft Graph, as a table."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options import graph, m365

GIVEN = {"client_id": "app", "client_secret": "hidden"}


@pytest.mark.parametrize(
    ("given", "enough"),
    [
        ({}, False),
        ({"client_id": "app"}, False),
        ({"client_secret": "x"}, False),
        (GIVEN, True),
        ({"client_id": "app", "client_certificate": "/a.pem"}, True),
        ({"client_id": "app", "client_assertion_file": "/token"}, True),
        ({"managed_identity": True}, True),
        ({"managed_identity": False}, False),
        ({"client_id": "", "client_secret": "x"}, False),
    ],
)
def test_credentials(given: dict[str, Any], enough: bool) -> None:
    assert graph.has_credentials(given) is enough
    if not enough:
        with pytest.raises(TenancyError) as caught:
            graph.read(given, "t")
        assert caught.value.kind == "m365_no_credentials"


@pytest.mark.parametrize(
    ("given", "authority", "base"),
    [
        ({}, "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        ({"cloud": "usgov"}, "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        ({"cloud": "usgov_dod"}, "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        ({"cloud": "china"}, "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
        (
            {"cloud": "china", "graph_url": "https://localhost:8443/"},
            "https://login.chinacloudapi.cn",
            "https://localhost:8443",
        ),
    ],
)
def test_clouds(given: dict[str, Any], authority: str, base: str) -> None:
    settings = graph.read({**GIVEN, **given}, "t")
    assert (settings.authority_url, settings.graph_url) == (authority, base)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example",
        "login.example",
        "https://",
        "https://u:p@login.example",
        "https://login.example/tenant",
        "https://x?y=1",
        "https://[login.example",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(TenancyError) as caught:
        graph.read({**GIVEN, "authority_url": url}, "t")
    assert caught.value.kind == "m365_bad_url" and "u:p" not in str(caught.value)


@pytest.mark.parametrize("given", [{"request_timeout": 0}, {"request_timeout": -5}, {"throttle_budget": -1}])
def test_numbers_out_of_range(given: dict[str, int]) -> None:
    with pytest.raises(TenancyError) as caught:
        graph.read({**GIVEN, **given}, "t")
    assert caught.value.kind == "invalid_options" and next(iter(given)) in str(caught.value)
    assert graph.read({**GIVEN, "throttle_budget": 0}, "t").throttle_budget == 0


CERTIFICATE = {"client_certificate": "/own.pem"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{}, {}, {}], {}),
        ([{}, {"client_secret": "top"}, {"client_certificate": "/env.pem"}], {"client_secret": "top"}),
        ([{"client_secret": "own"}, CERTIFICATE, {}], {"client_secret": "own"}),
        ([{"managed_identity": True}, {"client_secret": "top"}, {}], {"managed_identity": True}),
        ([{"managed_identity": False}, {"client_secret": "top"}, {}], {"client_secret": "top"}),
        ([{}, {}, {"client_secret": "env", "client_assertion_file": "/t"}], {"client_secret": "env", "client_assertion_file": "/t"}),
        # From Ansible Vault, for the certificate that the tenant's file names.
        ([CERTIFICATE, {"client_certificate_passphrase": "p"}, {}], {**CERTIFICATE, "client_certificate_passphrase": "p"}),
        ([{"client_certificate_passphrase": "p"}, {}, CERTIFICATE], {**CERTIFICATE, "client_certificate_passphrase": "p"}),
        # What belongs to another certificate is not taken.
        ([CERTIFICATE, {"client_certificate": "/top.pem", "client_certificate_key": "/top.key"}, {}], CERTIFICATE),
    ],
)
def test_credentials_of_different_places_do_not_mix(layers: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    assert {name: value for name, value in graph.credential(layers).items() if value is not None} == expected


def test_tenants_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in graph.CREDENTIALS.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of the environment")
    nothing = dict.fromkeys(m365.ENTITY)
    listed = [{**nothing, "tenant": "one"}, {**nothing, "tenant": "two", "client_certificate": "/two.pem"}]
    one, two = m365.entries({**nothing, "client_id": "shared", "tenants": listed})
    assert (one["client_id"], one["client_secret"], two["client_id"]) == ("shared", "of the environment", "shared")
    assert (two["client_certificate"], two["client_secret"]) == ("/two.pem", None)
    (alone,) = m365.entries({**nothing, "tenant": "one", "client_secret": "given", "tenants": None})
    assert alone["client_secret"] == "given"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = graph.read({**GIVEN, "client_certificate_passphrase": "covered"}, "t")
    assert "hidden" not in repr(settings) and "covered" not in repr(settings)
    listed = {
        "tenants": [{"client_secret": "first"}, {"client_secret": None, "client_certificate_passphrase": "second"}]
    }
    for name in graph.CREDENTIALS.values():
        monkeypatch.delenv(name, raising=False)
    assert list(graph.GROUP.secrets(listed)) == ["first", "second"]
    assert list(graph.GROUP.secrets({"tenants": None})) == []
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "third")
    assert list(graph.GROUP.secrets({"tenants": None})) == ["third"]


def test_fragment_documents_every_option() -> None:
    fragment = importlib.import_module("ansible_collections.llmops.tenancy.plugins.doc_fragments.graph")
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert documented.keys() == graph.SPEC.keys()
    for name, option in graph.SPEC.items():
        assert documented[name]["type"] == option["type"]
        for variable in (*option.get("fallback", (None, []))[1], *filter(None, [graph.CREDENTIALS.get(name)])):
            assert f"E({variable})" in str(documented[name]["description"])


def test_entries_of_a_list_have_no_defaults() -> None:
    """A default there would hide what stands at the top."""
    assert [name for name, option in m365.ENTITY.items() if "default" in option or "fallback" in option] == []
