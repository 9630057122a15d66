# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in the catalog: many tenants in one call, of which some are bad. On real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.postgres import Postgres


@pytest.fixture
def catalog(postgres: Postgres, make_database: Callable[..., Database]) -> Catalog:
    """A catalog of the test's own."""
    return make_catalog(postgres, make_database)


# Going on past a bad tenant


def with_agents(count: int) -> list[dict[str, Any]]:
    """Tenants with an agent and an admin each."""
    return [
        {
            "tenant": f"tenant-{number:04d}",
            "agents": [{}],
            "users": [{"email": f"admin@tenant-{number:04d}.example", "role": "admin"}],
        }
        for number in range(count)
    ]


def test_bad_tenants_take_only_themselves_back(catalog: Catalog) -> None:
    catalog.ok("tenant", tenant="holder", agents=[{"agent": "theirs", "port": 11500}])
    catalog.ok("tenant", tenant="leaver", agents=[{"port": 11999}])
    catalog.ok("tenant", tenant="lonely", users=[{"email": "a@lonely.example", "role": "admin"}])
    bad = {
        "Not A Slug": ({}, "invalid_slug"),
        "greedy": ({"quota_agents": "1", "agents": [{"agent": "greedy-1"}, {"agent": "greedy-2"}]}, "quota_exceeded"),
        "thief": ({"agents": [{"agent": "theirs"}]}, "agent_taken"),
        "squatter": ({"agents": [{"port": 11500}]}, "port_taken"),
        "lonely": ({"users": [{"email": "a@lonely.example", "role": "viewer"}]}, "last_admin"),
        "nowhere": ({"agents": [{"host": "gpu-99"}]}, "unknown_host"),
        "typo": ({"domain": "not a domain"}, "invalid_domain"),
        "twice": ({}, "named_twice"),
    }
    fleet = with_agents(24)
    for number, (name, (options, _kind)) in enumerate(bad.items()):
        fleet.insert(3 * number, {"tenant": name, **options})
    fleet.append({"tenant": "twice", "name": "Again"})
    # The port that one needs is free only because another of the same list goes.
    fleet.insert(0, {"tenant": "heir", "agents": [{"port": 11999}]})
    fleet.append({"tenant": "leaver", "state": "absent", "cascade": True})
    call: dict[str, Any] = {"tenants": fleet, "agent_hosts": [{"name": "localhost"}], "keep_going": True}
    predicted = catalog.ok("tenant", check=True, diff=True, **call)
    done = catalog.ok("tenant", diff=True, **call)
    assert {key: done[key] for key in ("changed", "actions", "failures", "diff")} == {
        key: predicted[key] for key in ("changed", "actions", "failures", "diff")
    }
    assert {failure["tenant"]: failure["error"]["kind"] for failure in done["failures"]} == {
        name: kind for name, (_options, kind) in bad.items()
    }
    assert [failure["tenant"] for failure in done["failures"]] == list(bad), "in the order of the options"
    assert all(failure["error"]["remedy"] and failure["msg"] for failure in done["failures"])
    assert [tenant["tenant"] for tenant in done["tenants"]] == [
        each["tenant"] for each in fleet if each["tenant"] not in bad
    ]
    names = set(catalog.sql("SELECT tenant FROM llmops.tenants").split())
    assert names == {each["tenant"] for each in with_agents(24)} | {"holder", "heir", "lonely"}
    assert catalog.count("agents") == 24 + 2 and catalog.count("users", "role = 'admin'") == 24 + 1
    again = catalog.ok("tenant", **call)
    assert not again["changed"]
    assert [failure["error"]["what"] for failure in again["failures"]] == [
        failure["error"]["what"] for failure in done["failures"]
    ]
    assert catalog.error("tenant", **{**call, "keep_going": False})["kind"] == "invalid_slug"
    assert catalog.ok("audit_info", verify=True, limit=0)["valid"]


def test_bad_agents_take_their_tenants_agents_back(catalog: Catalog) -> None:
    catalog.ok("tenant", tenants=[{"tenant": "acme"}, {"tenant": "globex", "quota_memory": "7g"}, {"tenant": "umbrella"}])
    agents = [
        {"tenant": "acme", "agent": "acme-1"},
        {"tenant": "globex", "agent": "globex-1"},
        {"tenant": "nobody", "agent": "nobody-1"},
        {"tenant": "umbrella"},
        {"tenant": "acme", "agent": "acme-2"},
        {"tenant": "globex", "agent": "globex-2", "memory_limit": "2g"},
    ]
    refused = {"globex": "quota_exceeded", "nobody": "tenant_missing"}
    done = catalog.ok("tenant_agent", agents=agents, keep_going=True)
    assert {failure["tenant"]: failure["error"]["kind"] for failure in done["failures"]} == refused
    assert [agent["agent"] for agent in done["agents"]] == ["acme-1", "acme-2", "umbrella"]
    again = catalog.ok("tenant_agent", agents=agents, keep_going=True)
    assert not again["changed"] and len(again["failures"]) == 2
    # As without keep_going, check mode counts a tenant that is not there as made by an earlier task.
    looked = catalog.ok("tenant_agent", agents=agents, keep_going=True, check=True)
    assert [failure["tenant"] for failure in looked["failures"]] == ["globex"]


def test_what_is_wrong_with_the_whole_call_ends_it(catalog: Catalog) -> None:
    catalog.sql("CREATE ROLE reader LOGIN IN ROLE llmops_auditor")
    error = catalog.error("tenant", tenants=with_agents(2), keep_going=True, as_role="reader")
    assert error["kind"] == "no_permission"
    error = catalog.error("tenant", tenants=with_agents(2), keep_going=True, port_range="none")
    assert error["kind"] == "invalid_port_range"
    assert catalog.count("tenants") == 0


def test_a_thousand_tenants_unchanged_take_a_handful_of_statements(catalog: Catalog) -> None:
    fleet = with_agents(1000)
    assert len(catalog.ok("tenant", tenants=fleet, keep_going=True)["actions"]) == 3000
    began = time.monotonic()
    again = catalog.ok("tenant", tenants=fleet, keep_going=True)
    # Generous, since the machine is shared; a statement for each tenant would take far longer.
    assert time.monotonic() - began < 15
    assert not again["changed"] and len(again["tenants"]) == 1000
    agents = [{"tenant": each["tenant"]} for each in fleet]
    assert not catalog.ok("tenant_agent", agents=agents, keep_going=True)["changed"]
