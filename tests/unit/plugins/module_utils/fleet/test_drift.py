# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs, told by tenant; what nobody owns; the brake; and all of it as text."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import brake, text
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import compare

SETTINGS = {"agent_hosts": [{"name": "h1"}, {"name": "h2"}], "failures": []}


def record(tenant, host="h1", **more):
    agent = {"agent": tenant, "host": host, "desired_state": "started", "models": ["demo"], "bind_address": "127.0.0.1", "port": 1}
    return {"tenant": tenant, "active": True, "agents": [{**agent, **more}]}


def running(agent, api=True, models=("demo:latest",)):
    return {"agent": agent, "state": "running", "health": {"api": api}, "models": [{"name": name} for name in models]}


def action(verb, kind, name, impact="in_place", **fields):
    pairs = {field: {"before": before, "after": after} for field, (before, after) in fields.items()}
    return {"action": verb, "kind": kind, "name": name, "impact": impact, "fields": pairs}


def report(*agents, actions=(), failures=(), others=()):
    return {"agents": list(agents), "actions": list(actions), "failures": list(failures), "others": list(others)}


def compared(reports, recorded=(), settings=None, **planned):
    planned = {"tenants": [], "others": list(recorded), "actions": [], "failures": [], **planned}
    settings = {**SETTINGS, **(settings or {})}
    return compare(desired(settings, planned), settings, planned, reports)


def of(result, tenant):
    found = next(each for each in result["tenants"] if each["tenant"] == tenant)
    rows = [(row["object"], row["field"], row["from"], row["to"], row["impact"]) for row in found["differences"]]
    return found["status"], rows, [failure["error"]["kind"] for failure in found["failures"]]


@pytest.mark.parametrize(
    ("told", "status", "rows", "kinds"),
    [
        (report(running("acme")), "in_sync", [], []),
        (
            report(running("acme"), actions=[action("update", "container", "ollama-agent-acme", memory_limit=(2, 1))]),
            "different", [("container ollama-agent-acme", "memory_limit", 2, 1, "in_place")], [],
        ),
        (
            report(running("acme"), actions=[
                action("recreate", "container", "ollama-agent-acme", "recreate", port=(1, 2)), action("start", "container", "ollama-agent-acme"),
            ]),
            "different", [("container ollama-agent-acme", "port", 1, 2, "recreate")], [],
        ),
        # One whose volume is made anew is recreated for it, and one that is broken for itself.
        (
            report(running("acme"), actions=[
                action("replace", "volume", "ollama-agent-acme", "recreate", path=("/a", "/b")),
                action("recreate", "container", "ollama-agent-acme", "recreate"), action("start", "container", "ollama-agent-acme"),
            ]),
            "different", [("volume ollama-agent-acme", "path", "/a", "/b", "recreate")], [],
        ),
        (
            report(running("acme"), actions=[action("recreate", "container", "ollama-agent-acme", "recreate")]),
            "different", [("container ollama-agent-acme", "state", "broken", "made anew", "recreate")], [],
        ),
        # All that follows from its being new is not told.
        (
            report(running("acme", models=()), actions=[
                action("create", "network", "ollama-tenant-acme"), action("create", "volume", "ollama-agent-acme"),
                action("create", "container", "ollama-agent-acme"), action("start", "container", "ollama-agent-acme"),
            ]),
            "missing", [("container ollama-agent-acme", "", "missing", "made", "in_place")], [],
        ),
        (
            report(running("acme", models=("other:latest",))),
            "different", [("agent acme", "models", "not there", "demo", "in_place")], [],
        ),
        (report(running("acme", api=False)), "failed", [], ["agent_silent"]),
        (
            report(failures=[{"agent": "acme", "tenant": "acme", "msg": "Taken.", "error": {"kind": "port_in_use"}}]),
            "failed", [], ["port_in_use"],
        ),
        ({}, "unreachable", [], ["host_unreachable"]),
        ({"unreachable": True, "msg": "no route"}, "unreachable", [], ["host_unreachable"]),
        ({"failed": True, "msg": "no engine"}, "unreachable", [], ["host_unreachable"]),
    ],
)
def test_one_tenant(told, status, rows, kinds):
    result = compared({"h1": told, "h2": report()}, [record("acme")])
    assert of(result, "acme") == (status, rows, kinds)
    assert result["counts"][status] == 1
    assert result["in_sync"] is (status == "in_sync")


def test_records():
    """What differs in the catalog; a tenant that was refused keeps what it has and is failed."""
    result = compared(
        {"h1": report(running("acme"), running("blue")), "h2": report()},
        [record("blue")],
        tenants=[record("acme")],
        actions=[
            action("update", "tenant", "acme", domain=("a.com", "b.com")), action("create", "tenant user", "acme/ana@acme.example"),
            action("update", "agent", "acme", memory_limit=("1g", "2g")),
        ],
        failures=[{"tenant": "blue", "msg": "Over quota.", "error": {"kind": "quota_exceeded"}}],
        settings={"failures": [{"tenant": "Bad", "file": "Bad.yml", "msg": "No name.", "error": {"kind": "invalid_slug"}}]},
    )
    assert of(result, "acme") == ("different", [
        ("record of tenant acme", "domain", "a.com", "b.com", "in_place"),
        ("record of tenant user ana@acme.example", "", "absent", "made", "in_place"),
        ("record of agent acme", "memory_limit", "1g", "2g", "in_place"),
    ], [])
    assert of(result, "blue") == ("failed", [], ["quota_exceeded"])
    assert of(result, "Bad") == ("failed", [], ["invalid_slug"])


def test_orphans():
    others = [
        {"kind": "container", "name": "c", "agent": "gone", "tenant": "gone", "state": "running"},
        {"kind": "network", "name": "n", "agent": None, "tenant": "gone", "state": None},
        {"kind": "volume", "name": "v", "agent": "gone", "tenant": "gone", "state": None},
        # Of records that this run is not about.
        {"kind": "container", "name": "ollama-agent-blue", "agent": "blue", "tenant": "blue", "state": "running"},
        {"kind": "network", "name": "ollama-tenant-blue", "agent": None, "tenant": "blue", "state": None},
    ]
    result = compared(
        {"h1": report(running("acme"), others=others), "h2": report()},
        [record("acme"), record("blue"), record("lost", "h9")], {"tenants": ["acme", "lost"]},
    )
    assert [(item["kind"], item["name"], item["kept"]) for item in result["orphans"]] == [
        ("container", "c", False), ("network", "n", False), ("volume", "v", True), ("record", "lost", False)
    ]
    assert of(result, "lost") == ("unreachable", [], ["unknown_host"])
    only_kept = compared({"h1": report(running("acme"), others=others[2:3]), "h2": report()}, [record("acme")])
    assert only_kept["in_sync"]


def test_an_agent_on_its_way_is_left_to_its_move():
    """Nothing of it is compared on either host, and nothing there is an orphan; it is told and in the way of "in sync"."""
    others = [
        {"kind": "container", "name": "ollama-agent-acme", "agent": "acme", "tenant": "acme", "state": "running"},
        {"kind": "network", "name": "ollama-tenant-acme", "agent": None, "tenant": "acme", "state": None},
    ]
    reports = {host: report(others=others) for host in ("h1", "h2")}
    for host in ("h1", "h2"):
        recorded = [record("acme", host, move={"from": "h1", "to": "h2"})]
        wanted = desired(SETTINGS, {"others": recorded})
        assert wanted.agents == [] and wanted.hosts == ["h1", "h2"]
        result = compared(reports, recorded, actions=[action("update", "agent", "acme", memory_limit=("1g", "2g"))])
        assert of(result, "acme") == ("different", [("record of agent acme", "memory_limit", "1g", "2g", "in_place")], [])
        result = compared(reports, recorded)
        assert of(result, "acme") == ("in_sync", [], []) and result["orphans"] == []
        assert result["moving"] == [{"tenant": "acme", "agent": "acme", "from": "h1", "to": "h2"}] and not result["in_sync"]
        lines = text.drift(result, 1.0)
        assert lines[-3].startswith("Moving     agent acme of tenant acme, h1 -> h2.")
        assert lines[-2] == "Tenants    1: 1 in sync; 1 agent moving"


def plans(disrupted, there):
    actions = [action("recreate", "container", f"c{number}", "recreate") for number in range(disrupted)]
    return {"h1": report(*(running(str(number)) for number in range(there)), actions=[*actions, action("start", "container", "x")])}


@pytest.mark.parametrize(
    ("disrupted", "there", "limits", "stopped"),
    [
        (0, 0, {}, ""), (1, 1, {}, ""), (2, 5, {}, "max_disruption_percent=20"), (5, 25, {}, ""), (5, 24, {}, "max_disruption_percent=20"),
        (6, 1000, {}, "max_disruption=5"), (6, 1000, {"count": 6}, ""), (1, 10, {"count": 0}, "max_disruption=0"),
        (12, 12, {"count": 12, "percent": 100}, ""),
    ],
)
def test_brake(disrupted, there, limits, stopped):
    error = brake.check(plans(disrupted, there), **limits)
    assert bool(error) is bool(stopped)
    if error:
        assert stopped in error.cause and f"{disrupted} of {there}" in error.what
        assert error.details["agents"] == sorted(f"c{number} on h1" for number in range(disrupted))[:10]


def test_data_that_would_be_lost_is_told_and_no_limit_lets_it_go():
    erased = action("remove", "upper", "ollama-agent-acme", "data_loss", private_bytes=(9, 0))
    reports = {"h1": report(running("acme"), running("blue"), actions=[erased]), "h2": report()}
    assert of(compared(reports, [record("acme")]), "acme")[:2] == (
        "different", [("upper ollama-agent-acme", "private_bytes", 9, 0, "data_loss")]
    )
    error = brake.check(reports, count=100, percent=100)
    assert error.kind == "fleet_data_loss" and "upper ollama-agent-acme on h1" in error.cause and "offboard_tenant" in error.remedy


def test_text():
    """A thousand in sync are one line; each cause is told once."""
    everyone = [record(f"tenant-{number:04}") for number in range(1000)]
    agents = [running(each["tenant"]) for each in everyone]
    change = action("update", "container", "ollama-agent-tenant-0007", memory_limit=(1024**3, 2 * 1024**3))
    others = [{"kind": "container", "name": "old", "agent": "old", "tenant": "", "state": "running"}]
    lines = text.drift(
        compared({"h1": report(*agents, actions=[change], others=others)}, [*everyone, record("a1", "h2"), record("a2", "h2")]), 2.0
    )
    assert len(lines) == 9
    assert lines[3].split() == [
        "tenant-0007", "different", "container", "ollama-agent-tenant-0007:", "memory_limit", "1.0", "GiB", "2.0", "GiB", "in_place"
    ]
    assert lines[5].startswith("Failed     a1, a2: Agent host h2 can't be asked")
    assert lines[6] == "Orphan     container old on h1 (tenant unknown, running)"
    assert lines[7] == "Tenants    1002: 999 in sync, 1 different, 2 unreachable; 1 orphan"
    found = {**compared({}, []), "brake": {"msg": "2 of 2 agents."}}
    assert "Brake      reconcile would stop before its first change: 2 of 2 agents." in text.drift(found, 1.0)
