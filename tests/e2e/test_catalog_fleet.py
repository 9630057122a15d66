# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in the catalog: many tenants in one call, where agents go, and what limits them. On real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.process import BenchError


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


def sent(catalog: Catalog, module: str, **params: Any) -> tuple[int, dict[str, Any]]:
    """How many statements a call of a module sends, and its result."""
    log = catalog.database.postgres.log
    before = log.stat().st_size
    result = catalog.ok(module, **params)
    with log.open(errors="replace") as file:
        file.seek(before)
        own = [line for line in file if f"@{catalog.database.name} llmops.tenancy LOG:" in line]
    return sum("LOG:  statement:" in line or "LOG:  execute" in line for line in own), result


def test_a_thousand_tenants_take_a_handful_of_statements(catalog: Catalog) -> None:
    """As many as ten do, but for two around each statement that writes many rows; and each new agent is looked at a few times."""
    few, fleet = with_agents(1010)[1000:], with_agents(1000)
    seen = {"image": "ollama", "state": "running"}
    calls: list[tuple[str, str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]]] = [
        ("tenant", "tenants", lambda tenants: tenants),
        ("tenant", "tenants", lambda tenants: tenants),
        ("tenant_agent", "agents", lambda tenants: [{"tenant": each["tenant"]} for each in tenants]),
        ("tenant_agent", "agents", lambda tenants: [{"tenant": each["tenant"], "observed": seen} for each in tenants]),
        ("tenant_agent", "agents", lambda tenants: [{"tenant": each["tenant"], "observed": seen} for each in tenants]),
    ]
    changed = [True, False, False, True, False]
    for (module, option, wish), news in zip(calls, changed, strict=True):
        ten, result = sent(catalog, module, **{option: wish(few)}, keep_going=True, port_range="20000-29999")
        assert result["changed"] is news
        looked = catalog.visits("agents")
        thousand, result = sent(catalog, module, **{option: wish(fleet)}, keep_going=True, port_range="20000-29999")
        assert result["changed"] is news and len(result[option]) == 1000
        assert thousand <= ten + 4, (module, ten, thousand)
        assert 0 < catalog.visits("agents") - looked <= 30 * 1000, module


# Where agents go

GIB = 1024**3


def host(name: str, **capacity: Any) -> dict[str, Any]:
    """An agent host of the options."""
    return {"name": name, **capacity}


def places(catalog: Catalog, agents: list[dict[str, Any]], hosts: list[dict[str, Any]], **options: Any) -> list[str]:
    """Hosts that agents of tenant acme get, in check mode, which must tell the truth, and then for real."""
    call = {"tenant": "acme", "agents": agents, "agent_hosts": hosts, **options}
    told = catalog.ok("tenant_agent", check=True, **call)["agents"]
    done = catalog.ok("tenant_agent", **call)["agents"]
    assert [(each["host"], each["port"]) for each in told] == [(each["host"], each["port"]) for each in done]
    return [each["host"] for each in done]


def named(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Agents that want the same."""
    return [{"agent": f"agent-{number:02d}", **fields} for number in range(count)]


PLACES = [
    ("spread", {"memory": "32g"}, {"memory": "32g"}, {}, "abababa"),
    ("packed", {"memory": "32g"}, {"memory": "32g"}, {}, "aaaaabb"),
    # How full a host is, is the fullest of its parts.
    ("spread", {"memory": "1t", "cpus": "8"}, {"memory": "64g", "cpus": "64"}, {}, "abbbabb"),
    ("spread", {"memory": "32g", "memory_overcommit": 2.0}, {"memory": "32g"}, {}, "ababaab"),
    ("packed", {"gpus": 2}, {"gpus": 8}, {"gpus": 1}, "aabbbbb"),
    ("packed", {"disk": "25g"}, {"disk": "1t"}, {}, "aabbbbb"),
    ("packed", {"agents": 3}, {}, {}, "aaabbbb"),
    ("packed", {"ports": "12000-12001"}, {}, {}, "aabbbbb"),
    ("spread", {"labels": ["gpu=a100", "ssd"]}, {"labels": ["ssd"]}, {"affinity": ["ssd", "gpu=a100"]}, "aaaaaaa"),
]


@pytest.mark.parametrize(("strategy", "first", "second", "wanted", "expected"), PLACES)
def test_agents_go_where_there_is_room(
    catalog: Catalog, strategy: str, first: dict[str, Any], second: dict[str, Any], wanted: dict[str, Any], expected: str
) -> None:
    catalog.ok("tenant", tenant="acme")
    hosts = [host("a", **first), host("b", **second)]
    assert "".join(places(catalog, named(len(expected), **wanted), hosts, placement=strategy)) == expected
    again = catalog.ok("tenant_agent", tenant="acme", agents=named(len(expected), **wanted), agent_hosts=hosts)
    assert not again["changed"]


def test_agents_of_one_tenant_stay_apart_when_one_wants_it(catalog: Catalog) -> None:
    catalog.ok("tenant", tenants=[{"tenant": "acme"}, {"tenant": "globex", "agents": [{"host": "a"}]}])
    hosts = [host("a"), host("b")]
    assert places(catalog, named(2, anti_affinity=True), hosts, placement="packed") == ["a", "b"]
    error = catalog.error("tenant_agent", tenant="acme", agent="third", agent_hosts=hosts)
    assert error["cause"] == "a: it has the tenant's agent agent-00; b: it has the tenant's agent agent-01"
    assert catalog.error("tenant_agent", tenant="acme", agent="third", host="a", agent_hosts=hosts)["kind"] == "no_room"
    catalog.ok("tenant_agent", tenant="globex", agent="second", host="a", agent_hosts=hosts)
    error = catalog.error("tenant_agent", tenant="globex", agent="second", anti_affinity=True, agent_hosts=hosts)
    assert error["kind"] == "no_room" and "it has the tenant's agent globex" in error["cause"]


def test_the_refusal_has_the_sum_of_each_host(catalog: Catalog) -> None:
    catalog.ok("tenant", tenants=[{"tenant": "acme"}, {"tenant": "globex"}])
    hosts = [
        host("gpu-01", memory="8g", memory_overcommit=1.5, cpus="3", cpus_overcommit=0.9),
        host("gpu-02", agents=0, gpus=1, disk="5g", networks=0, labels=["ssd"]),
    ]
    places(catalog, named(1, memory_limit="6g", cpu_limit="1.5"), hosts)
    asked = {"memory_limit": "7g", "cpu_limit": "1.5", "gpus": 2, "affinity": ["ssd"]}
    before = catalog.count("audit")
    for check in (True, False):
        error = catalog.error("tenant_agent", tenant="acme", agent="big", agent_hosts=hosts, check=check, **asked)
        assert error["what"] == "No agent host has room for agent big (7g memory, 1.5 CPUs, 10g disk, 2 GPUs, ssd)"
        assert error["cause"] == (
            "gpu-01: memory 6g used + 7g asked > 8g x 1.5, CPUs 1.5 used + 1.5 asked > 3 x 0.9, it lacks the label ssd;"
            " gpu-02: agents 0 used + 1 asked > 0, GPUs 0 used + 2 asked > 1, disk 0b used + 10g asked > 5g,"
            " networks 0 used + 1 asked > 0"
        )
    error = catalog.error("tenant_agent", tenant="acme", agent="agent-00", memory_limit="13g", agent_hosts=hosts)
    assert error["kind"] == "no_room" and "memory 0b used + 13g asked > 8g x 1.5" in error["cause"]
    assert catalog.count("audit") == before
    shrunk = [host("gpu-01", memory="1g", labels=["x"]), hosts[1]]
    changed = catalog.ok("tenant_agent", tenant="acme", agent="agent-00", memory_limit="5g", agent_hosts=shrunk)
    assert changed["changed"], "less is always granted, also where there is too little"


def test_the_last_room_goes_to_one_of_many_runs_at_once(catalog: Catalog) -> None:
    names = [f"tenant-{number:02d}" for number in range(12)]
    catalog.ok("tenant", tenants=[{"tenant": name} for name in names])
    hosts = [host("a", memory="12g"), host("b", cpus="6"), host("c", gpus=0, disk="10g")]

    def place(name: str) -> str:
        run = catalog.run("tenant_agent", tenant=name, agent_hosts=hosts, lock_timeout=300)
        assert not run.failed or run.result["error"]["kind"] == "no_room", run.msg
        return "" if run.failed else run.result["agents"][0]["host"]

    with ThreadPoolExecutor(12) as pool:
        found = sorted(pool.map(place, names))
    assert "".join(found) == "aabbbc" and found.count("") == 6
    assert catalog.sql("SELECT sum(memory_limit) / 1024^3 FROM llmops.agents WHERE host = 'a'") == "12"


# More quotas


def test_quota_of_disk(catalog: Catalog) -> None:
    catalog.ok("tenant", tenant="acme", quota_disk="25g", agents=named(2))
    error = catalog.error("tenant_agent", tenant="acme", agent="third", disk_limit="6g")
    assert error["kind"] == "quota_exceeded" and "quota of disk: 26g of 25g" in error["msg"]
    assert catalog.ok("tenant_agent", tenant="acme", agent="third", disk_limit="5g")["changed"]
    assert catalog.error("tenant", tenant="acme", quota_disk="24g")["kind"] == "quota_exceeded"
    with pytest.raises(BenchError, match="quota of disk: 26g of 25g"):
        catalog.sql(f"UPDATE llmops.agents SET disk_limit = {6 * GIB} WHERE agent = 'third'")
    [tenant] = catalog.ok("tenant_info", tenant="acme")["tenants"]
    assert (tenant["quota_disk"], tenant["used_disk"]) == (25 * GIB, 25 * GIB)
    assert catalog.ok("tenant", tenant="acme", quota_disk="")["tenants"][0]["quota_disk"] is None


def test_agents_per_hour_can_not_be_gone_around(catalog: Catalog) -> None:
    catalog.ok("tenant", tenant="acme", quota_agents_per_hour="3", agents=named(2))
    error = catalog.error("tenant_agent", tenant="acme", agents=[{"agent": "x1"}, {"agent": "x2"}])
    assert error["kind"] == "rate_exceeded" and "would make 4 agents within an hour, and may make 3" in error["what"]
    assert "2 made in the last hour + 2 asked > 3" in error["cause"] and "Wait until" in error["remedy"]
    catalog.ok("tenant_agent", tenant="acme", agent="agent-00", state="absent")
    catalog.ok("tenant_agent", tenant="acme", agent="third")
    assert catalog.error("tenant_agent", tenant="acme", agent="fourth")["kind"] == "rate_exceeded"
    assert catalog.ok("tenant_agent", tenant="acme", agent="third", memory_limit="1g")["changed"], "a change is none"
    assert catalog.ok("tenant_info", tenant="acme")["tenants"][0]["agents_made_last_hour"] == 3
    # Neither by removing the tenant, nor by SQL, nor by an operator's role.
    catalog.ok("tenant", tenant="acme", state="absent", cascade=True)
    error = catalog.error("tenant", tenant="acme", quota_agents_per_hour="3", agents=[{}])
    assert error["kind"] == "rate_exceeded"
    catalog.ok("tenant", tenant="acme", quota_agents_per_hour="3")
    with pytest.raises(BenchError, match="would make 4 agents within an hour"):
        catalog.sql(
            "INSERT INTO llmops.agents (agent, tenant, host, port, models, memory_limit, memory_reservation, cpu_limit,"
            " context_length, num_parallel, keep_alive)"
            " VALUES ('four', 'acme', 'h', 1, '{}', 1073741824, 0, 100, 1, 1, '5m')"
        )
    assert catalog.ok("tenant", tenant="acme", quota_agents_per_hour="", agents=[{}])["changed"]
    assert catalog.ok("tenant", tenant="globex", quota_agents_per_hour="1", agents=[{}])["changed"], "each has its own"
