# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents that share the models of a store, on a real engine with real Ollama."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ansible import ModuleRun
from tests.support.asking import Asking
from tests.support.engine import Engine
from tests.support.ollama import generate, request
from tests.support.process import BenchError, wait_until
from tests.support.registry import Registry, demo_digest
from tests.support.store import Store

RunModule = Callable[..., ModuleRun]
PORTS = {"a1": 12900, "a2": 12901, "b1": 12902, "b2": 12903}
TENANTS = {"a1": "acme", "a2": "acme", "b1": "blue", "b2": "blue"}


@pytest.fixture
def store(bench: Any, registry: Registry) -> Iterator[Store]:
    """A store with one model; it goes with the bench."""
    yield Store(bench.folder / f"store-{time.monotonic_ns()}")


class Host:
    """An agent host with a store."""

    def __init__(self, engine: Engine, store: Store, run_module: RunModule) -> None:
        self.engine, self.store, self.run_module = engine, store, run_module
        self.warned: list[str] = []

    def params(self, agents: dict[str, list[str] | None], **options: Any) -> dict[str, Any]:
        """Options of ollama_agent for these agents with their models."""
        described = [
            {"agent": name, "tenant": TENANTS[name], "port": PORTS[name], "memory_limit": "512m", "models": models}
            for name, models in agents.items()
        ]
        return {"agents": described, "store": str(self.store.root), "docker_host": self.engine.url, **options}

    def ensure(self, agents: dict[str, list[str] | None], **options: Any) -> list[dict[str, Any]]:
        """CHECK, real, CHECK, real: the check tells what the run does, and after it there is nothing to do."""
        params = self.params(agents, **options)
        checked = self.run_module("ollama_agent", params, check=True, diff=True).ok()
        done = self.run_module("ollama_agent", params, diff=True).ok()
        self.warned = [str(told.get("warnings") or "") for told in (checked, done)]
        assert checked["actions"] == done["actions"]
        assert [known(agent) for agent in checked["agents"]] == [known(agent) for agent in done["agents"]]
        assert [known(agent) for agent in done["diff"]["after"].values()] == [known(agent, "models") for agent in done["agents"]]
        for check in (True, False):
            again = self.run_module("ollama_agent", params, check=check).ok()
            assert again["actions"] == [] and not again["changed"]
        return done["actions"]

    def tags(self, agent: str) -> dict[str, str]:
        """Digest by name, as the agent lists its models."""
        return {model["name"]: model["digest"] for model in request(PORTS[agent], "GET", "/api/tags")[0]["models"]}


def known(agent: dict[str, Any], *but: str) -> dict[str, Any]:
    """An agent without what the engine makes up, and what a check can't ask one that does not run."""
    unknown = {"image_id", "volume_path", "health", *but} | ({"models"} if agent.get("models") is None else set())
    return {key: value for key, value in agent.items() if key not in unknown and value is not None}


def words(actions: list[dict[str, Any]]) -> list[str]:
    """Actions in words."""
    return [f"{a['action']} {a['kind']} {a['name'].removeprefix('ollama-agent-')} {a['impact']}" for a in actions]


@pytest.fixture
def host(clean_engine: Engine, store: Store, run_module: RunModule) -> Host:
    """An agent host with a store."""
    return Host(clean_engine, store, run_module)


def test_agents_share_models_and_harm_nobody(host: Host, registry: Registry) -> None:
    digest = host.store.add("demo")
    done = host.ensure({"a1": ["demo"], "b1": ["demo"]})
    assert words(done) == [
        "create network ollama-tenant-acme in_place", "create network ollama-tenant-blue in_place",
        "create view a1 in_place", "create volume a1 in_place", "create container a1 in_place", "start container a1 in_place",
        "create view b1 in_place", "create volume b1 in_place", "create container b1 in_place", "start container b1 in_place",
    ]
    assert host.tags("a1") == host.tags("b1") == {"demo:latest": digest}
    manifest = json.loads(Path(host.store.layout.manifest("demo")).read_text())
    size = sum(part["size"] for part in (manifest["config"], *manifest["layers"]))
    assert [model["size"] for model in request(PORTS["a1"], "GET", "/api/tags")[0]["models"]] == [size]
    assert generate(PORTS["a1"]) and generate(PORTS["b1"])
    before = host.store.checksums("a1")
    # One tenant makes a model of its own. Over the shared one it gets only what it has put in its place: it alone sees that, and no
    # run takes it away.
    request(PORTS["a1"], "POST", "/api/create", {"model": "mine", "from": "demo", "system": "You are mine."})
    for how, body in (("create", {"model": "demo", "from": "mine"}), ("copy", {"source": "mine", "destination": "demo"})):
        with pytest.raises(BenchError, match="permission denied"):
            request(PORTS["a1"], "POST", f"/api/{how}", body)
    assert host.tags("a1")["demo:latest"] == digest
    request(PORTS["a1"], "DELETE", "/api/delete", {"model": "demo"})
    request(PORTS["a1"], "POST", "/api/copy", {"source": "mine", "destination": "demo"})
    over = host.tags("a1")
    assert over["demo:latest"] == over["mine:latest"] != digest
    assert host.run_module("ollama_agent", host.params({"a1": ["demo"], "b1": ["demo"]})).ok()["actions"] == [] and host.tags("a1") == over
    assert host.tags("b1") == {"demo:latest": digest} and host.store.checksums("a1") == before
    # It deletes that, too.
    request(PORTS["a1"], "DELETE", "/api/delete", {"model": "demo"})
    assert set(host.tags("a1")) == {"mine:latest"}
    assert generate(PORTS["b1"])
    assert host.store.checksums("a1") == before
    # The record says that it has the model: it comes back, and its own stays.
    [back] = host.ensure({"a1": ["demo"], "b1": ["demo"]})
    assert back["fields"] == {"deleted by the tenant": {"before": ["demo:latest"], "after": []}} and back["impact"] == "restart"
    assert set(host.tags("a1")) == {"demo:latest", "mine:latest"}
    assert generate(PORTS["a1"], "mine") and generate(PORTS["a1"])
    info = host.run_module("ollama_agent_info", {"docker_host": host.engine.url, "usage": False}).ok()
    assert [(each["agent"], each["models"], each["orphan"]) for each in info["directories"]] == [
        ("a1", ["mine:latest"], False), ("b1", [], False),
    ]
    asked = {"agent": "a1", "endpoint": f"http://127.0.0.1:{PORTS['a1']}", "store": str(host.store.root)}
    listed = host.run_module("ollama_model_info", asked).ok()["models"]
    assert {model["model"]: model["shared"] for model in listed} == {"demo:latest": True, "mine:latest": False}
    # What it shares does not count against what it may have of its own.
    path = host.engine.docker("volume", "inspect", "--format", "{{.Mountpoint}}", "ollama-agent-a1").strip()
    more = {**{key: asked[key] for key in ("agent", "endpoint")}, "models_dir": path, "model": "demo2", "mirror": registry.address, "insecure": True}
    for check in (True, False):
        refused = host.run_module("ollama_model", {**more, "private_limit": "100k"}, check=check)
        assert refused.result["error"]["kind"] == "private_limit" and "demo2" in refused.msg
    assert host.run_module("ollama_model", {**more, "private_limit": "1m"}).ok()["changed"]
    # Gone with all that is its own, and nothing else.
    upper = Path(host.store.layout.agent("a1").upper)
    gone = host.run_module("ollama_agent", {
        "agent": "a1", "tenant": "acme", "state": "absent", "remove_volume": True, "docker_host": host.engine.url,
    }).ok()
    assert gone["agents"][0]["erased"]["path"] == str(upper) and gone["agents"][0]["erased"]["bytes"] > 0
    assert gone["agents"][0]["erased"]["models"] == ["demo2:latest", "mine:latest"]
    assert not upper.parent.exists()
    assert generate(PORTS["b1"])
    # A place that can't be made is its agent's trouble alone, and is named.
    in_the_way = Path(host.store.layout.agent("a2").upper)
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    told = host.run_module("ollama_agent", host.params({"a1": ["demo"], "a2": ["demo"]}, keep_going=True)).ok()
    assert [(each["agent"], each["error"]["kind"]) for each in told["failures"]] == [("a2", "store_unwritable")]
    assert str(in_the_way) in told["failures"][0]["msg"] and set(host.tags("a1")) == {"demo:latest"}


def test_another_list_and_newer_versions(host: Host) -> None:
    host.store.add("demo")
    host.ensure({"a1": ["demo"], "a2": ["demo"]})
    # A model more: a restart of the one that runs; of one that is stopped, nothing that is felt.
    host.store.add("demo:q8", "demo2")
    host.engine.docker("stop", "ollama-agent-a2")
    actions = host.ensure({"a1": ["demo", "demo:q8"], "a2": ["demo", "demo:q8"]}, state="present")
    assert words(actions) == ["switch view a1 restart", "switch view a2 in_place"]
    assert actions[0]["fields"] == {"models": {"before": ["demo:latest"], "after": ["demo:latest", "demo:q8"]}}
    assert set(host.tags("a1")) == {"demo:latest", "demo:q8"} and generate(PORTS["a1"], "demo:q8")
    host.ensure({"a2": ["demo", "demo:q8"]})
    assert set(host.tags("a2")) == {"demo:latest", "demo:q8"}
    # A newer version, by policy.
    old = host.tags("a1")["demo:latest"]
    # A second name that its tenant gives lives of the blobs of the view, which both versions have.
    request(PORTS["a1"], "POST", "/api/copy", {"source": "demo", "destination": "alias"})
    new = host.store.add("demo", version=2)
    assert host.ensure({"a1": ["demo", "demo:q8"]}, model_update="pinned") == []
    [waits] = host.ensure({"a1": ["demo", "demo:q8"]}, model_update="next_restart")
    assert waits["impact"] == "in_place" and waits["fields"] == {"demo:latest": {"before": old[:12], "after": new[:12]}}
    assert host.tags("a1")["demo:latest"] == old
    [agent] = host.run_module("ollama_agent", host.params({"a1": None})).ok()["agents"]
    assert agent["store"]["pending"]
    [now] = host.ensure({"a1": ["demo", "demo:q8"]}, model_update="at_once")
    assert now["impact"] == "restart" and host.tags("a1")["demo:latest"] == new
    assert generate(PORTS["a1"], "alias") and host.warned == ["", ""]
    # One model less: it can't be seen any more, and what lives of it ends. The plan tells that.
    assert words(host.ensure({"a1": ["demo:q8"]})) == ["switch view a1 restart"]
    assert set(host.tags("a1")) == {"demo:q8"}
    assert all("'a1' can no longer answer with alias:latest:" in warned for warned in host.warned)
    with pytest.raises(BenchError, match="alias"):
        generate(PORTS["a1"], "alias")
    refused = host.run_module("ollama_agent", host.params({"a1": ["nowhere"]}))
    assert refused.result["error"]["kind"] == "model_not_in_store" and "nowhere:latest" in refused.msg


def test_answers_on_their_way_survive_a_new_model(host: Host) -> None:
    host.store.add("demo")
    host.ensure({"a1": ["demo"]})
    host.store.add("more")
    # An agent answers one at a time, so these wait in its queue.
    answers: list[float] = []

    def ask() -> None:
        body = {"model": "demo", "prompt": "Hello", "stream": False, "options": {"num_predict": 40}}
        if request(PORTS["a1"], "POST", "/api/generate", body, timeout=600)[-1]["done"]:
            answers.append(time.monotonic())

    asking = [threading.Thread(target=ask) for number in range(30)]
    for each in asking:
        each.start()
    wait_until(lambda: answers, "first answer")
    started = time.monotonic()
    host.run_module("ollama_agent", host.params({"a1": ["demo", "more"]}, drain_timeout=500), timeout=600).ok()
    for each in asking:
        each.join()
    assert len(answers) == len(asking) and max(answers) > started
    assert set(host.tags("a1")) == {"demo:latest", "more:latest"}
    # What does not end in time is cut: the operator said how long.
    hopeless = threading.Thread(target=lambda: request_quietly(PORTS["a1"]))
    hopeless.start()
    host.run_module("ollama_agent", host.params({"a1": ["demo"]}, drain_timeout=0)).ok()
    hopeless.join()
    assert set(host.tags("a1")) == {"demo:latest"}


def test_agents_go_on_while_the_store_is_cleaned_and_mended(host: Host, registry: Registry) -> None:
    store = {"store": str(host.store.root), "min_free": "0", "mirror": registry.address, "insecure": True}
    host.run_module("model_store", {**store, "model": "demo"}).ok()
    host.store.add("demo2", "demo2")
    host.store.add("unused")
    host.ensure({"a1": ["demo"], "b1": ["demo"], "b2": ["demo"]})
    host.ensure({"a2": ["demo2"]})
    host.engine.docker("stop", "ollama-agent-a2")
    left = Path(host.store.layout.agent("gone").upper)
    left.mkdir(parents=True)
    (left / "mine").write_bytes(bytes(9000))
    # The catalog has lost an agent that is stopped, too: its own models stay, since the engine has it.
    prune = {**store, "prune": True, "grace": "0", "known_agents": ["a1", "b1", "b2"], "docker_host": host.engine.url}
    with Asking({name: PORTS[name] for name in ("b1", "b2")}) as asking:
        with asking.during():
            request(PORTS["a1"], "DELETE", "/api/delete", {"model": "demo"})
        with asking.during():
            listed = host.run_module("model_store", prune, check=True).ok()
            predicted = host.run_module("model_store", {**prune, "prune_uppers": True}, check=True).ok()
            pruned = host.run_module("model_store", {**prune, "prune_uppers": True}).ok()
        assert [(each["agent"], each["kept"]) for each in listed["orphans"]] == [
            ("a2", "prune_uppers is not set"), ("gone", "prune_uppers is not set"),
        ]
        # What the agent that is stopped sees stays.
        assert pruned["actions"] == predicted["actions"] and pruned["freed"] == predicted["freed"]
        assert [(each["kind"], each["name"]) for each in pruned["garbage"]] == [("upper", "gone"), ("model", "unused:latest")]
        assert pruned["garbage"][0]["size"] >= 9000 and not left.parent.exists()
        assert [bool(each["kept"]) for each in pruned["orphans"]] == [True, False]
        blob = Path(host.store.layout.blob(demo_digest()))
        sound = blob.read_bytes()
        with blob.open("r+b") as file:
            file.seek(-64, 2)
            file.write(b"damaged!")
        with asking.during():
            healed = host.run_module("model_store", {**store, "verify": True}).ok()
        assert [each for model in healed["models"] for each in model["mended"]] == [blob.name.replace("-", ":")]
        assert blob.read_bytes() == sound
        # Removed by hand: agents have it in their views, and the store takes it back out of one.
        blob.unlink()
        with asking.during():
            lost = host.run_module("model_store_info", {"store": store["store"]}).ok()
            back = host.run_module("model_store", {**store, "model": "demo"}).ok()
        assert "demo:latest" in [model["model"] for model in lost["models"] if not model["complete"]]
        assert [action["action"] for action in back["actions"]] == ["repair"] and back["downloaded"] == 0
        assert blob.read_bytes() == sound and blob.stat().st_nlink > 1
    host.ensure({"a1": ["demo"], "a2": ["demo2"], "b1": ["demo"], "b2": ["demo"]})
    assert generate(PORTS["a1"]) and generate(PORTS["a2"], "demo2")


def request_quietly(port: int) -> None:
    """A request whose end does not matter."""
    with contextlib.suppress(OSError, BenchError, http.client.HTTPException):
        request(port, "POST", "/api/generate", {"model": "demo", "prompt": "Hello", "stream": False})
