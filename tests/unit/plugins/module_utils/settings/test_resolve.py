# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From sources of settings to what the modules are asked for."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import resolve
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import FLOWS
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.resolve import Layer

ONBOARD = FLOWS["onboard"]


def resolved(flow="onboard", extra=None, file=None, play=None, hosts=("localhost",)):
    layers = [Layer("extra", extra or {}), Layer("file", file or {}), Layer("play", play or {})]
    return resolve.resolve(FLOWS[flow], layers, list(hosts))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["tenat"], "does not know the variable 'tenat' (did you mean 'tenant'?)"),
        (["memory_limt", "modle"], "variables 'memory_limt' (did you mean 'memory_limit'?), 'modle' (did you mean 'model'?)"),
        (["zzz"], "It takes affinity, agent, agent_host"),
        (["_raw_params"], "quotes of its own"),
        (["remove_data"], "onboard_tenant does not know the variable 'remove_data'"),
    ],
)
def test_unknown_extra_variables_are_refused_with_the_nearest(names, said):
    with pytest.raises(TenancyError) as caught:
        resolve.refuse_unknown_extra(names, ONBOARD, ["agent_image"])
    assert caught.value.kind == "unknown_variable"
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["tenant", "users", "clear", "catalog_dsn", "docker_host", "agent_image", "ansible_user", "awx_job_id", "tower_user_name"],
)
def test_known_extra_variables(name):
    resolve.refuse_unknown_extra([name], ONBOARD, ["agent_image"])


@pytest.mark.parametrize(
    ("extra", "play", "expected"), [({"tenant": "acme"}, {}, "acme"), ({"tenant": ""}, {"tenant": "acme"}, "acme")]
)
def test_tenant_is_read_before_its_file(extra, play, expected):
    assert resolve.read_tenant([Layer("extra", extra), Layer("play", play)], ONBOARD) == expected


def test_a_missing_tenant_is_said_unless_the_flow_needs_none():
    with pytest.raises(TenancyError, match="onboard_tenant needs to know which tenant. Give its name"):
        resolve.read_tenant([Layer("extra", {"tenant": None})], ONBOARD)
    assert resolve.read_tenant([Layer("extra", {})], FLOWS["status"]) == ""


def test_the_stronger_source_wins_and_blanks_do_not_count():
    found = resolved(
        extra={"tenant": "acme", "memory_limit": "8g", "model": None, "tenant_domain": ""},
        file={"memory_limit": "6g", "model": "demo"},
        play={"model": "other", "cpu_limit": "1", "tenant_domain": "acme.com"},
    )
    assert found["record"] == {
        "tenant": "acme",
        "domain": "acme.com",
        "agents": [{"models": ["demo"], "memory_limit": "8g", "cpu_limit": "1"}],
    }
    assert found["sources"]["memory_limit"] == "extra"
    assert found["sources"]["model"] == "file"
    assert found["sources"]["cpu_limit"] == "play"


def test_the_tenant_alone_asks_for_nothing_but_an_agent():
    assert resolved(extra={"tenant": "acme"})["record"] == {"tenant": "acme", "agents": [{}]}


def test_all_of_a_tenant():
    record = resolved(
        extra={
            "tenant": "acme", "tenant_name": "Acme", "tenant_domain": "acme.com", "tenant_active": "yes",
            "m365_tenant_id": "acme.onmicrosoft.com", "quota_agents": "3", "quota_memory": "24g", "quota_cpus": "8",
            "users": "ana@acme.com:admin", "agents": [{"agent": "chat"}, {"agent": "code"}],
        }
    )["record"]
    assert record == {
        "tenant": "acme", "name": "Acme", "domain": "acme.com", "active": True, "m365_tenant_id": "acme.onmicrosoft.com",
        "quota_agents": 3, "quota_memory": "24g", "quota_cpus": "8",
        "users": [{"email": "ana@acme.com", "role": "admin"}], "agents": [{"agent": "chat"}, {"agent": "code"}],
    }


@pytest.mark.parametrize("clear", [["tenant_domain"], "tenant_domain", '["tenant_domain"]'])
def test_clear_empties(clear):
    assert resolved(extra={"tenant": "acme", "clear": clear})["record"]["domain"] == ""


def test_clear_from_the_shell_wins_over_the_file():
    found = resolved(extra={"tenant": "acme", "clear": "tenant_domain"}, file={"tenant_domain": "acme.com"})
    assert found["record"]["domain"] == ""


def test_short_variables_of_a_weaker_source_do_not_disturb_a_list():
    agents = [{"agent": "chat"}, {"agent": "code"}]
    assert resolved(extra={"tenant": "acme"}, file={"agents": agents}, play={"model": "demo"})["agents"] == agents


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"clear": "tenant"}, "invalid_clear", "'tenant' can't be cleared"),
        ({"clear": "tenant_domian"}, "invalid_clear", "Did you mean 'tenant_domain'?"),
        ({"clear": "tenant_name", "tenant_name": "X"}, "invalid_clear", "both given and cleared"),
        ({"agent_host": "gpu-1"}, "unknown_host", "Did you mean 'gpu-01'?"),
        ({"agents": [{"agent": "aa", "host": "other"}]}, "unknown_host", "group agent_hosts has gpu-01, gpu-02"),
        ({"agents": [{"agent": "aa"}, {"agent": "bb"}], "model": "demo"}, "ambiguous_agent", "model could mean any of 2"),
        ({"users": "ana"}, "invalid_email", "'ana' is not an email"),
        ({"agent_port": "99999"}, "invalid_number", "agent_port '99999'"),
        ({"quota_agents": "-1"}, "invalid_number", "quota_agents '-1'"),
        ({"memory_limit": ["6g"]}, "invalid_value", "memory_limit must be a single value"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(given, kind, said):
    with pytest.raises(TenancyError) as caught:
        resolved(extra={"tenant": "acme", **given}, hosts=["gpu-01", "gpu-02"])
    assert caught.value.kind == kind
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("flow", "given", "said"),
    [
        ("drain", {"agent_host": "gpu-1"}, "agent_host 'gpu-1' is not an agent host of the inventory"),
        ("drain", {"agent_host": "gpu-01", "to_host": "gpu-2"}, "to_host 'gpu-2'"),
        ("move", {"tenant": "acme", "to_host": "gpu-2"}, "Did you mean 'gpu-02'?"),
        ("reconcile", {"agent_host": "gpu-1"}, "Did you mean 'gpu-01'?"),
    ],
)
def test_a_host_that_the_inventory_lacks_is_refused(flow, given, said):
    with pytest.raises(TenancyError) as caught:
        resolved(flow, given, hosts=["gpu-01", "gpu-02"])
    assert caught.value.kind == "unknown_host" and said in str(caught.value)


def test_removing_data_wants_the_name_again():
    assert resolved("offboard", {"tenant": "acme", "remove_data": "true", "confirm": "acme"})["remove_data"] is True
    assert "remove_data" not in resolved("offboard", {"tenant": "acme", "confirm": "other"})
    for confirm, said in ((None, "confirm is not given"), ("acm", "confirm is 'acm'")):
        with pytest.raises(TenancyError, match=said):
            resolved("offboard", {"tenant": "acme", "remove_data": True, "confirm": confirm})


def test_users_of_set_user():
    single = {"tenant": "acme", "user_email": "ana@acme.com", "user_role": "admin"}
    assert resolved("user", single)["users"] == [{"email": "ana@acme.com", "role": "admin"}]
    assert len(resolved("user", {**single, "users": "leo@acme.com"})["users"]) == 2
    with pytest.raises(TenancyError, match="needs to know which user"):
        resolved("user", {"tenant": "acme"})
    with pytest.raises(TenancyError, match="names ana@acme.com twice"):
        resolved("user", {**single, "users": "ana@acme.com"})


def test_pull_model_needs_a_model():
    with pytest.raises(TenancyError, match="pull_model needs model"):
        resolved("pull", {"tenant": "acme"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (["a"], "is not a mapping"),
        ({"memory_limt": "6g"}, "unknown key 'memory_limt'. Did you mean 'memory_limit'?"),
        ({"tenant": "other"}, "describes the tenant 'other', not 'acme'"),
    ],
)
def test_a_wrong_file_is_named(content, said):
    with pytest.raises(TenancyError) as caught:
        resolve.check_file(content, "tenants/acme.yml", "acme", ONBOARD)
    assert said in str(caught.value)
    assert "tenants/acme.yml" in str(caught.value)


def test_a_right_file():
    assert resolve.check_file(None, "tenants/acme.yml", "acme", ONBOARD) == {}
    assert resolve.check_file({"tenant": "acme", "model": "demo"}, "f", "acme", ONBOARD)["model"] == "demo"
