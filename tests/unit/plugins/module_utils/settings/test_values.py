# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single values as shells, surveys and files give them."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

GUID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("value", "given"), [(None, False), ("", False), (0, True), (False, True), ([], True), (" ", True), ("x", True)]
)
def test_what_a_survey_leaves_blank_is_not_given(value, given):
    assert values.is_given(value) is given


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (values.slug, "empresa-corp", "empresa-corp"),
        (values.text, " Empresa Corp ", "Empresa Corp"),
        (values.text, 7, "7"),
        (values.email, "ana@empresa.com", "ana@empresa.com"),
        (values.model, "phi4-mini:3.8b", "phi4-mini:3.8b"),
        (values.size, "1.5GiB", "1.5GiB"),
        (values.size, 1073741824, "1073741824"),
        (values.cpus, 0.5, "0.5"),
        (values.port, "11435", 11435),
        (values.port, 65535, 65535),
        (values.boolean, "Yes", True),
        (values.boolean, False, False),
        (values.boolean, "off", False),
        (values.boolean, 1, True),
        (values.role, "Admin", "admin"),
        (values.domain, "empresa.com", "empresa.com"),
        (values.directory_id, GUID, GUID),
        (values.directory_id, "empresa.onmicrosoft.com", "empresa.onmicrosoft.com"),
        (values.address, "0.0.0.0", "0.0.0.0"),
        (values.address, "::1", "::1"),
        (values.duration, "1h30m", "1h30m"),
        (values.duration, -1, "-1"),
        (values.duration, "5m\n", "5m"),
    ],
)
def test_right_values(check, value, expected):
    assert check(value, "it") == expected


@pytest.mark.parametrize(
    ("check", "value", "kind", "said"),
    [
        (values.slug, "Empresa Corp", "invalid_slug", "for example 'empresa-corp'"),
        (values.slug, "x", "invalid_slug", "2 to 32 characters"),
        (values.text, "a\nb", "invalid_value", "one line"),
        (values.text, ["a"], "invalid_value", "a list is given"),
        (values.text, {"a": 1}, "invalid_value", "a mapping is given"),
        (values.email, "ana.empresa.com", "invalid_email", "name@domain"),
        (values.model, "phi4 mini", "invalid_model", "name[:tag]"),
        (values.size, "6x", "invalid_size", "6g"),
        (values.size, "0", "invalid_size", "no memory"),
        (values.cpus, "two", "invalid_cpus", "0.5"),
        (values.cpus, "0", "invalid_cpus", "no CPU"),
        (values.port, "0", "invalid_number", "from 1 to 65535"),
        (values.port, "65536", "invalid_number", "from 1 to 65535"),
        (values.port, "80.5", "invalid_number", "whole number"),
        (values.port, True, "invalid_number", "whole number"),
        (values.port, "http", "invalid_number", "whole number"),
        (values.boolean, "maybe", "invalid_value", "true or false"),
        (values.role, "admn", "invalid_choice", "Did you mean 'admin'?"),
        (values.role, "root", "invalid_choice", "admin or analyst or viewer"),
        (values.domain, "empresa", "invalid_domain", "empresa.com"),
        (values.domain, "http://empresa.com", "invalid_domain", "empresa.com"),
        (values.directory_id, "1234", "invalid_directory_id", "GUID"),
        (values.address, "localhost", "invalid_address", "127.0.0.1"),
        (values.duration, "5 minutes", "invalid_duration", "5m"),
        (values.duration, "5m\n1h", "invalid_duration", "5m"),
        (values.duration, "٥m", "invalid_duration", "5m"),
        (values.email, "Ñ@x.com", "invalid_email", "Write it as 'ñ@x.com'"),
        (values.email, "a\u202e@x.com", "invalid_email", "can't be seen"),
    ],
)
def test_wrong_values_name_the_option_and_a_remedy(check, value, kind, said):
    with pytest.raises(TenancyError) as caught:
        check(value, "it")
    assert caught.value.kind == kind
    assert said in str(caught.value)
    assert "it" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        ({"a": 1}, [{"a": 1}]),
        ("a, b;c\nd,", ["a", "b", "c", "d"]),
        ('["a", {"b": 1}]', ["a", {"b": 1}]),
        ('{"b": 1}', [{"b": 1}]),
        ("a", ["a"]),
    ],
)
def test_lists_in_every_spelling(value, expected):
    assert values.as_list(value, "users") == expected


@pytest.mark.parametrize("value", [["demo", None], ["demo", ""], '["demo", null]', ("demo", None)])
def test_a_list_with_an_empty_entry_is_refused(value):
    with pytest.raises(TenancyError, match=r"models\[1\] is empty") as caught:
        values.as_list(value, "models")
    assert caught.value.kind == "empty_entry"


def test_bad_json_is_one_line():
    with pytest.raises(TenancyError, match="users is not valid JSON") as caught:
        values.as_list('[{"email": "a@b.c"', "users")
    assert "\n" not in str(caught.value)


def test_mapping_takes_what_is_given_and_refuses_what_is_unknown():
    checks = {"port": values.port, "image": values.text}
    assert values.mapping({"port": "80", "image": None}, checks, "agents[0]") == {"port": 80}
    with pytest.raises(TenancyError, match=r"agents\[0\] has an unknown key 'prt'. Did you mean 'port'\?"):
        values.mapping({"prt": 80}, checks, "agents[0]")
    with pytest.raises(TenancyError, match="It knows image, port"):
        values.mapping({"zzz": 80}, checks, "agents[0]")
