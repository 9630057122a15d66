# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the catalog's records to an agent host's modules, and back."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import handover

GIB = 1024**3


def record(agent="chat", host="localhost", **more):
    return {
        "agent": agent, "tenant": "acme", "host": host, "port": 11435, "bind_address": "127.0.0.1", "models": ["demo"],
        "memory_limit": 2 * GIB, "memory_reservation": GIB, "cpu_limit": 500, "context_length": 4096, "num_parallel": 1,
        "keep_alive": "5m", "image": None, "desired_state": "started", **more,
    }


def test_agents_of_tenants_and_their_hosts():
    tenants = [{"tenant": "acme", "agents": [record(), record("code", "gpu-02")]}, {"tenant": "none", "agents": None}]
    agents = handover.records_of(tenants)
    assert [agent["agent"] for agent in agents] == ["chat", "code"]
    assert handover.hosts_of(agents) == ["gpu-02", "localhost"]


def test_engine_agents_are_those_of_the_host_in_units_that_the_module_reads():
    [entity] = handover.engine_agents([record(), record("code", "gpu-02")], "localhost")
    assert entity["agent"] == "chat"
    assert entity["memory_limit"] == str(2 * GIB)
    assert entity["cpu_limit"] == "500m"
    assert entity["state"] == "started"
    assert entity["model"] == "demo"
    assert entity["image"] is None
    assert entity["environment"] is None


def test_engine_agents_take_image_environment_and_state():
    [entity] = handover.engine_agents([record()], "localhost", image="house", environment={"A": "1"}, state="stopped")
    assert (entity["image"], entity["environment"], entity["state"]) == ("house", {"A": "1"}, "stopped")
    [own] = handover.engine_agents([record(image="own")], "localhost", image="house", environment={})
    assert (own["image"], own["environment"]) == ("own", None)


@pytest.mark.parametrize(("brings", "models", "own"), [
    ({}, ["demo"], None),
    ({"shared": True, "own_models": ["tune:latest"]}, ["demo"], ["tune:latest"]),
    # Its volume is made plain, as it was.
    ({"shared": False, "own_models": []}, None, None),
])
def test_an_agent_that_comes_from_another_host_keeps_its_sort_of_volume(brings, models, own):
    [entity] = handover.engine_agents([record(models=["demo"], **brings)], "localhost")
    assert (entity["models"], entity.get("own_models")) == (models, own) and entity["model"] == "demo"


def test_an_agent_on_its_way_is_its_moves():
    way = record("code", move={"from": "localhost", "to": "gpu-02"})
    assert handover.resting([record(), way]) == [record()]


def test_absent_agents():
    [guarded] = handover.absent_agents([record()], "localhost", remove_data=True, only_stopped=[record()["agent"]])
    assert guarded["only_stopped"] is True
    assert handover.absent_agents([record()], "localhost", remove_data=True) == [
        {"agent": "chat", "tenant": "acme", "state": "absent", "remove_volume": True}
    ]
    assert handover.absent_agents([record()], "gpu-02", remove_data=True) == []


def test_agents_that_only_the_engine_knows_go_too():
    found = [{"agent": "chat", "tenant": "acme", "volume": "v"}, {"agent": "old", "tenant": "acme"}]
    assert handover.absent_agents([record(), record("code", "gpu-02")], "localhost", remove_data=False, found=found) == [
        {"agent": name, "tenant": "acme", "state": "absent", "remove_volume": False} for name in ("chat", "old")
    ]


@pytest.mark.parametrize(
    ("agents", "remove_data", "expected"),
    [
        ([record(host="gpu-02")], False, ["gpu-02"]),
        ([record(host="gpu-02")], True, ["gpu-01", "gpu-02"]),
        ([record(host="gpu-02", move={"from": "gpu-02", "to": "gpu-01"})], False, ["gpu-01", "gpu-02"]),
        ([record(host="gone")], True, ["gone", "gpu-01", "gpu-02"]),
        ([], False, ["gpu-01", "gpu-02"]),
        ([], True, ["gpu-01", "gpu-02"]),
    ],
)
def test_hosts_that_a_tenant_is_taken_from(agents, remove_data, expected):
    settings = {"remove_data": remove_data, "agent_hosts": [{"name": "gpu-01"}, {"name": "gpu-02"}]}
    assert handover.offboard_hosts(agents, settings) == expected


def test_no_host_before_anything_is_asked_for():
    assert handover.offboard_hosts([], {}) == []


def test_records_that_go_with_their_tenant():
    assert handover.absent_records([record(), record("code")]) == [
        {"agent": "chat", "state": "absent"}, {"agent": "code", "state": "absent"}
    ]


@pytest.mark.parametrize(
    ("flow", "model", "expected"),
    [
        ("start", None, {"desired_state": "started"}),
        ("stop", None, {"desired_state": "stopped"}),
        ("pull", "other", {"models": ["demo", "other"]}),
        ("pull", "demo:latest", {"models": ["demo"]}),
        ("pull", "registry.ollama.ai/library/demo", {"models": ["demo"]}),
    ],
)
def test_what_is_wanted_of_existing_agents(flow, model, expected):
    assert handover.wanted_agents([record()], flow, model) == [{"tenant": "acme", "agent": "chat", **expected}]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", "http://127.0.0.1:11435"), ("0.0.0.0", "http://127.0.0.1:11435"), ("::", "http://[::1]:11435"),
     ("192.0.2.1", "http://192.0.2.1:11435"), ("2001:db8::1", "http://[2001:db8::1]:11435")],
)
def test_endpoint_as_the_host_sees_it(address, expected):
    assert handover.endpoint_of(record(bind_address=address)) == expected


@pytest.mark.parametrize(
    ("state", "models", "missing"),
    [
        ("running", [], ["demo"]),
        ("running", None, ["demo"]),
        ("running", [{"name": "demo:latest"}], []),
        ("running", [{"name": "demo:v2"}], ["demo"]),
        ("exited", None, []),
    ],
)
def test_missing_models_of_running_agents(state, models, missing):
    found = handover.missing_models([record()], [{"agent": "chat", "state": state, "models": models}], "localhost")
    assert [entity["model"] for entity in found] == missing


def test_models_of_an_agent_that_cannot_be_asked_are_those_seen_last():
    agent = record(observed={"models": ["demo:latest"]})
    seen = {"agent": "chat", "state": "running", "models": None}
    assert handover.missing_models([agent], [seen], "localhost") == []
    [entity] = handover.observations([agent], [seen], [])
    assert entity["observed"]["models"] == ["demo:latest"]


def test_missing_models_know_where_they_come_from_and_where_they_go():
    agents = [record(models=["demo", "phi4-mini"])]
    observed = [{"agent": "chat", "state": "running", "models": [], "volume_path": "/volumes/chat"}]
    demo, phi = handover.missing_models(
        agents, observed, "localhost", sources={"demo": {"path": "/demo.gguf"}}, mirror="mirror:5000", insecure=True
    )
    assert demo == {
        "agent": "chat", "endpoint": "http://127.0.0.1:11435", "model": "demo", "state": "present",
        "models_dir": "/volumes/chat", "path": "/demo.gguf",
    }
    assert (phi["mirror"], phi["insecure"]) == ("mirror:5000", True)
    # A name that has a registry in it needs no mirror for that.
    [named] = handover.missing_models([record(models=["r:5000/a/b"])], observed, "localhost", insecure=True)
    assert named["insecure"] is True and "mirror" not in named


def test_latest_is_asked_for_where_it_is_present_too():
    observed = [{"agent": "chat", "state": "running", "models": [{"name": "demo:latest"}]}]
    [entity] = handover.missing_models([record()], observed, "localhost", latest="demo")
    assert entity["state"] == "latest"
    # What the agent has of a store was compared there.
    observed[0]["store"] = {"models": "shared", "shared": ["demo:latest"]}
    assert handover.missing_models([record()], observed, "localhost", latest="demo") == []


@pytest.mark.parametrize("spelled", ["demo", "demo:latest", "library/demo", "registry.ollama.ai/library/demo:latest"])
def test_a_model_is_one_however_it_is_spelled(spelled):
    agent, seen = record(models=[spelled, "demo"], observed={"models": [spelled]}), {"agent": "chat", "state": "running"}
    there, gone, silent = ([{**seen, "models": models}] for models in ([{"name": "demo:latest"}], [], None))
    for observed in (there, silent):
        assert handover.missing_models([agent], observed, "localhost") == []
        [entity] = handover.missing_models([agent], observed, "localhost", latest="library/demo")
        assert (entity["model"], entity["state"]) == (spelled, "latest")
    [entity] = handover.missing_models([agent], gone, "localhost", sources={"demo": {"path": "/demo.gguf"}})
    assert (entity["model"], entity["path"]) == (spelled, "/demo.gguf")
    for observed in (there, silent):
        [entity] = handover.observations([agent], observed, [{"agent": "chat", "model": spelled, "status": "present"}], "demo")
        assert (entity["observed"]["models"], entity["models"]) == (["demo:latest"], agent["models"])


def test_observations_hold_what_arrived_since():
    seen = [{"agent": "chat", "state": "running", "health": {"status": "healthy"}, "image": "i", "models": [{"name": "a:1"}]}]
    arrived = [
        {"agent": "chat", "model": "demo", "status": "present"}, {"agent": "chat", "model": "b", "status": "pulling"},
        {"agent": "code", "model": "c", "status": "present"},
    ]
    assert handover.observations([record(), record("code")], seen, arrived) == [
        {
            "tenant": "acme", "agent": "chat",
            "observed": {"state": "running", "health": "healthy", "image": "i", "models": ["a:1", "demo:latest"]},
        }
    ]


@pytest.mark.parametrize(
    ("models", "arrived", "pulled", "expected"),
    [
        ([], [("new", "present")], None, None),
        ([], [("new", "present")], "new", ["demo", "new"]),
        ([], [("new", "pulling")], "new", None),
        ([], [("new", "failed")], "new", None),
        ([{"name": "new:latest"}], [], "new", ["demo", "new"]),
        ([], [("demo", "present")], "demo:latest", ["demo"]),
        (None, [], "new", None),
    ],
)
def test_a_pulled_model_is_recorded_once_it_is_there(models, arrived, pulled, expected):
    seen = {"agent": "chat", "state": "running", "models": models}
    brought = [{"agent": "chat", "model": name, "status": status} for name, status in arrived]
    [entity] = handover.observations([record()], [seen], brought, pulled)
    assert entity.get("models") == expected


def test_status_puts_catalog_and_engines_together():
    [acme, other] = handover.status_of(
        [{"tenant": "acme"}, {"tenant": "other"}], [record(), record("code")], [{"agent": "chat", "state": "running"}]
    )
    assert [agent["live"] for agent in acme["agents"]] == [{"agent": "chat", "state": "running"}, None]
    assert other["agents"] == []


def test_kept_data_says_where():
    gone = [{"agent": "chat", "volume": "v", "volume_path": "/v"}, {"agent": "code", "volume": None}]
    reports = [
        {"inventory_hostname": "gpu-01", "_offboard_engine": {"agents": gone}},
        {"inventory_hostname": "gpu-02", "_offboard_engine": {"agents": []}},
    ]
    assert handover.kept_data(handover.gone_agents(reports)) == [
        {"agent": "chat", "host": "gpu-01", "volume": "v", "path": "/v"}
    ]
