# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a tenant is synchronised, as operators, surveys and files give it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options import m365 as options
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import m365
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import FLOWS
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.resolve import Layer, check_file, resolve


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("m365_role_mapping", {"group": "Admin"}, {"group": "admin"}),
        ("m365_role_mapping", "g-1:admin,g-2:viewer", {"g-1": "admin", "g-2": "viewer"}),
        ("m365_role_mapping", '{"g-1": "analyst"}', {"g-1": "analyst"}),
        ("m365_scope_groups", "a,b", ["a", "b"]),
        ("m365_scope_groups", ["a"], ["a"]),
        ("m365_guests", "yes", True),
        ("m365_max_deactivations", "0", 0),
        ("m365_full_every", 6, 6),
        ("m365_mode", "Full", "full"),
    ],
)
def test_value(name: str, value: Any, expected: Any) -> None:
    assert m365.CHECKS[name](value, name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("m365_role_mapping", "g-1:owner"),
        ("m365_role_mapping", "g-1"),
        ("m365_full_every", 7),
        ("m365_mode", "half"),
        ("m365_max_deactivations_percent", 101),
    ],
)
def test_refused(name: str, value: Any) -> None:
    with pytest.raises(TenancyError) as caught:
        m365.CHECKS[name](value, name)
    assert name in str(caught.value)


def test_every_variable_is_an_option_of_the_module_and_none_is_secret() -> None:
    for name in m365.CHECKS:
        assert not options.ENTITY[name.removeprefix(m365.PREFIX)].get("no_log"), name


@pytest.mark.parametrize("flow", ["onboard", "m365"])
def test_entity(flow: str) -> None:
    given = {"tenant": "ab", "m365_tenant_id": "11111111-2222-3333-4444-555555555555", "m365_guests": "no", "m365_filter": ""}
    found = resolve(FLOWS[flow], [Layer("x", given)], ["localhost"])
    assert found["m365"] == {"tenant": "ab", "m365_tenant_id": given["m365_tenant_id"], "guests": False}
    assert "m365_guests" not in found


@pytest.mark.parametrize(
    ("entries", "tenant", "kind"),
    [
        ([{"tenant": "a", "client_secert": "hidden-one"}], None, "unknown_key"),
        (["tenant=a client_secret=hidden-one"], None, "invalid_value"),
        ([{"tenant": "a", "client_secret": "hidden-one"}], "b-corp", "invalid_options"),
    ],
    ids=["key", "text", "both"],
)
def test_list_of_tenants_that_is_refused(entries: list[Any], tenant: str | None, kind: str) -> None:
    with pytest.raises(TenancyError) as caught:
        m365.check_entries(entries, tenant)
    assert caught.value.kind == kind and "hidden-one" not in str(caught.value.as_result())


def test_list_of_tenants() -> None:
    m365.check_entries([{"tenant": "a", "client_secret": "s"}, {"tenant": "b", "mode": "{{ mode }}"}], None)
    found = resolve(FLOWS["m365"], [Layer("play", {"m365_tenants": [{"tenant": "a", "client_secret": "hidden-one"}]})], [])
    assert "hidden-one" not in str(found)
    assert resolve(FLOWS["m365"], [Layer("play", {"tenant": "a-corp", "m365_tenants": []})], [])["tenant"] == "a-corp"


def test_secrets_stand_in_no_tenants_file() -> None:
    assert m365.SECRETS == ("m365_client_secret", "m365_client_certificate_passphrase")
    with pytest.raises(TenancyError) as caught:
        check_file({"m365_client_secret": "hidden-one"}, "tenants/a.yml", "a", FLOWS["onboard"])
    assert caught.value.kind == "secret_in_file" and "hidden-one" not in str(caught.value.as_result())
