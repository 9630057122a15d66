# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to do after the plan, in which waves, and what became of it."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import text, waves, work
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.outcome import outcome

HOSTS = [{"name": "h1"}, {"name": "h2"}]


def record(tenant, host="h1", **more):
    agent = {"agent": tenant, "host": host, "desired_state": "started", "models": ["demo"], "bind_address": "127.0.0.1", "port": 1}
    return {"tenant": tenant, "active": True, "agents": [{**agent, **more}]}


def running(agent, models=("demo:latest",), api=True):
    health = {"api": api, "status": "healthy"}
    return {"agent": agent, "state": "running", "health": health, "image": "i", "models": [{"name": name} for name in models]}


def seen(models=("demo:latest",)):
    return {"state": "running", "health": "healthy", "image": "i", "models": list(models)}


def action(verb, kind, name, impact="in_place"):
    return {"action": verb, "kind": kind, "name": name, "impact": impact, "fields": {}}


def sick(agent, **more):
    return {"agent": agent, "tenant": agent, "msg": f"{agent} is sick.", "error": {"kind": "agent_exits", **more}}


def test_only_records_that_differ_are_written():
    settings = {"agent_hosts": HOSTS, "agent_host": "h1", "records": [{"tenant": name} for name in ("a", "b", "c", "d")]}
    planned = {
        "tenants": [record("a"), record("b"), record("c"), record("d", "h2")], "others": [],
        "actions": [action("update", "agent", "a"), action("create", "tenant user", "c/x@c.com"), action("update", "tenant", "d")],
    }
    assert work.records_to_write(settings, planned) == [{"tenant": "a"}, {"tenant": "c"}]


def test_what_was_written_counts():
    planned = {"tenants": [record("a"), record("b"), record("c")], "others": [record("z")], "actions": [1], "failures": ["p"]}
    written = {"tenants": [record("a", port=2)], "actions": [2], "failures": [{"tenant": "b"}]}
    assert work.recorded(planned, written) == {
        "tenants": [record("a", port=2), record("c")], "others": [record("z")], "actions": [2], "failures": ["p", {"tenant": "b"}]
    }
    assert work.recorded(planned, None) == {**planned, "actions": []}


def test_agents_with_something_to_do():
    entities = [{"agent": name, "tenant": f"t-{name}", "port": 1} for name in ("calm", "busy", "bad", "moved", "joins")]
    report = {
        "actions": [action("update", "container", "ollama-agent-busy"), action("create", "network", "ollama-tenant-t-joins"),
                    action("update", "container", "ollama-agent-bad")],
        "failures": [{"agent": "bad"}],
    }
    before = [{**entity, "port": 2} if entity["agent"] == "moved" else entity for entity in entities]
    assert [entity["agent"] for entity in work.agents_to_change(entities, before, report)] == ["busy", "moved", "joins"]


def test_hosts_with_something_to_do():
    wanted = desired({"agent_hosts": [*HOSTS, {"name": "h3"}, {"name": "h4"}]}, {
        "tenants": [record("a"), record("b", "h2"), record("c", "h3"), record("d", "h4")]
    })
    reports = {
        "h1": {"actions": [], "agents": [running("a")]}, "h2": {"actions": [1], "agents": [running("b")]},
        "h3": {"actions": [], "agents": [running("c", models=())]}, "h4": {"failed": True},
    }
    assert work.busy_hosts(wanted, reports) == ["h2", "h3"]


def test_waves_begin_with_what_makes_room():
    agents = [{"agent": name, "state": state} for name, state in (("a", "started"), ("b", "stopped"), ("c", "started"))]
    assert [[agent["agent"] for agent in wave] for wave in waves.waves(agents, 2)] == [["b", "a"], ["c"]]


# Two were healthy before; two tenants have another agent each, and one has two.
WAVE = [{"agent": name, "tenant": tenant} for name, tenant in (("a", "acme"), ("b", "blue"), ("c", "cyan"), ("d", "dove"), ("e", "dove"))]


@pytest.mark.parametrize(
    ("failures", "chosen", "fails"),
    [
        ([], "abcde", False),
        # One that was healthy; one that was not; more than half, of several tenants; faults that are not of their health.
        ([sick("a", log=[])], "abcde", True),
        ([sick("c", log=[])], "abcde", False),
        ([sick("c", log=[]), sick("d", log=[]), sick("e", log=[])], "abcde", True),
        ([sick("a"), sick("b"), sick("c")], "abcde", False),
        # A bad tenant with most or all of a wave says nothing of the others.
        ([sick("c", log=[])], "c", False),
        ([sick("d", log=[]), sick("e", log=[])], "de", False),
        ([sick("d", log=[]), sick("e", log=[])], "cde", False),
        ([sick("c", log=[]), sick("d", log=[])], "cde", True),
        ([sick("a", log=[])], "a", True),
    ],
)
def test_a_wave_that_fails_its_health(failures, chosen, fails):
    wave = [agent for agent in WAVE if agent["agent"] in chosen]
    result = {"failures": failures}
    assert waves.fails_health(result, {"a", "b"}, waves.mostly_sick(result, wave)) is fails


@pytest.mark.parametrize(
    ("tenants", "sick_before"),
    [
        # Sick waves of one tenant tell nothing; of two in a row they do; a healthy one between them begins anew.
        (["dove", "dove"], False), (["cyan", "dove"], True), (["dove", "dove", "cyan"], True), (["cyan", "", "dove"], False),
    ],
)
def test_waves_in_a_row(tenants, sick_before):
    row: set[str] = set()
    for tenant in tenants:
        found = waves.mostly_sick({"failures": [sick("x", log=[])] if tenant else []}, [{"agent": "x", "tenant": tenant}])
        row = waves.in_a_row(row, found)
    assert waves.fails_health({}, set(), row) is sick_before


def test_a_wave_in_words():
    healthless = waves.stopped_by("h1", 2, {"failures": [sick(name, log=[]) for name in "abcdefg"] + [sick("h")]})
    assert waves.described(healthless) == "wave 2 on h1, which failed its health (a, b, c, d, e and 2 more)"
    broken = waves.stopped_by("h1", 1, {"failed": True, "failures": [sick("a")]})
    assert waves.described(broken) == "wave 1 on h1, which could not be carried out"


def test_progress():
    assert waves.progress(40, 2, 78, 14.0) == "40 of 120 agents done, 2 failed, 78 left, 3.0/s"


def test_outcome():
    """Changed, failed and left by tenant; what is news to the catalog; and the text of it."""
    names = ["changed", "sick", "left", "calm", "gone", "fed"]
    records = [record(name, "h2" if name == "gone" else "h1", observed=seen()) for name in names]
    records[5]["agents"][0]["observed"] = seen(())
    settings = {"agent_hosts": HOSTS, "failures": [{"tenant": "file", "msg": "Bad file.", "error": {"kind": "invalid_file"}}]}
    recorded = {"tenants": records, "others": [], "actions": [action("update", "agent", "changed")], "failures": []}
    planned = [action("update", "container", f"ollama-agent-{name}") for name in ("changed", "sick", "left")]
    reports = {
        "h1": {
            "compared": {"agents": [running(name) for name in names if name not in ("gone", "fed")] + [running("fed", ())],
                         "actions": planned, "failures": [], "others": []},
            "engine": {"actions": planned[:1], "failures": [sick("sick", log=[])], "left": ["left"],
                       "stopped_by": {"host": "h1", "wave": 1, "agents": ["sick"]},
                       "agents": [{**running("changed"), "image": "new"}, running("fed", ()), running("calm")]},
            "models": {"failed": True, "msg": "no", "actions": [action("create", "model", "demo:latest on fed")], "models": [
                {"agent": "calm", "model": "other", "status": "failed", "error": {"what": "It can't be pulled", "kind": "model_missing"}},
                {"agent": "fed", "model": "demo", "status": "present"},
            ]},
        },
        "h2": {"compared": {"unreachable": True, "msg": "no route"}, "engine": {}, "models": {}},
    }
    found = outcome(desired(settings, recorded), settings, recorded, reports)
    assert [tenant["tenant"] for tenant in found["tenants_changed"]] == ["changed", "fed"]
    assert {tenant["tenant"]: [each["error"]["kind"] for each in tenant["failures"]] for tenant in found["tenants_failed"]} == {
        "file": ["invalid_file"], "gone": ["host_unreachable"], "sick": ["agent_exits"], "calm": ["model_missing"]
    }
    assert found["left"] == ["left"] and found["stopped_by"] == [{"host": "h1", "wave": 1, "agents": ["sick"]}]
    assert found["retry"] == ["calm", "file", "gone", "left", "sick"]
    # The one that was left.
    assert found["unchanged"] == 1
    news = {entity["agent"]: entity["observed"] for entity in found["observations"]}
    assert news == {"changed": {**seen(), "image": "new"}, "fed": seen()}
    lines = text.reconciled(found, 3.0)
    assert lines[0] == "Changed    changed  update agent, container"
    assert "Failed     calm: Model other: It can't be pulled." in lines
    where = lines.index("Left       1 agent untouched: left")
    assert lines[where + 1] == "           after wave 1 on h1, which failed its health (sick)"
    assert "Tenants    2 changed, 4 failed, 1 unchanged" in lines


REFUSED = {"what": "demo can't be pulled", "cause": "the registry does not answer", "remedy": "Mend it", "kind": "registry_unreachable"}


@pytest.mark.parametrize(
    ("store", "kind", "words"),
    [
        ({"failed": True, "msg": "no", "models": [{"model": "demo:latest", "error": REFUSED}]}, "registry_unreachable",
         "demo:latest: the registry does not answer. Mend it"),
        ({"failed": True, "msg": "no", "models": [{"model": "other:latest", "error": REFUSED}]}, "model_not_in_store", "nobody has it"),
        ({"failed": True, "msg": "No root.", "error": {"kind": "store_needs_root", "what": "No root", "cause": "", "remedy": "become"}},
         "store_needs_root", "No root. become"),
        ({"failed": True, "msg": "Traceback"}, "model_not_in_store", "Traceback. Mend it, then run again"),
        ({}, "model_not_in_store", "nobody has it"),
    ],
)
def test_why_a_store_lacks_a_model(store, kind, words):
    error = {"kind": "model_not_in_store", "what": "a can't have it", "cause": "nobody has it", "remedy": "", "models": ["demo:latest"]}
    failure = {"agent": "a", "tenant": "a", "msg": "a can't have it: nobody has it.", "error": error}
    recorded = {"tenants": [record("a", observed=seen())], "others": [], "actions": [], "failures": []}
    report = {"compared": {"agents": [], "actions": [], "failures": []}, "engine": {"failures": [failure]}, "models": {}, "store": store}
    settings = {"agent_hosts": HOSTS, "failures": []}
    [told] = outcome(desired(settings, recorded), settings, recorded, {"h1": report, "h2": report})["tenants_failed"][0]["failures"][:1]
    assert told["error"]["kind"] == kind and words in told["msg"]
