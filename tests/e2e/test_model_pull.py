# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls as they shall go: exact in check mode, idempotent, from a mirror, in the background, of several agents."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.engine import Engine
from tests.support.faultproxy import FaultProxy
from tests.support.models import BLOBS, ModelAgent, fetched, model_agent
from tests.support.ollama import generate, request
from tests.support.process import wait_until
from tests.support.registry import Registry

SIZE_MB = 16


@pytest.fixture
def agent(engine: Engine) -> Iterator[ModelAgent]:
    with model_agent(engine) as one:
        yield one


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:
    registry.add_big_model("pull-big", SIZE_MB)
    return "pull-big"


def asked_for_manifest(proxy: FaultProxy) -> list[str]:
    """Who of the agents asked the registry what a model consists of: each pull begins so."""
    agents = [one.headers.get("user-agent", "") for one in proxy.requests if "/manifests/" in one.path]
    return [agent for agent in agents if agent.startswith("ollama/")]


def without_invocation(result: dict) -> dict:
    return {key: value for key, value in result.items() if key != "invocation"}


@pytest.mark.parametrize("state", ["present", "latest"])
def test_check_names_exactly_what_the_run_does(agent, registry, run_module, state):
    params = agent.params(registry.address, model="demo", state=state)
    predicted = run_module("ollama_model", params, check=True, diff=True).ok()
    assert agent.models() == {}
    done = run_module("ollama_model", params, diff=True).ok()
    assert without_invocation(done) == without_invocation(predicted)
    assert done["changed"] and [action["action"] for action in done["actions"]] == ["pull"]
    assert agent.models() == {"demo:latest": done["models"][0]["digest"]}
    assert generate(agent.port).strip()
    for check in (False, True):
        again = run_module("ollama_model", params, check=check, diff=True).ok()
        assert not again["changed"] and again["actions"] == []
        assert again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]


def test_latest_brings_what_the_registry_has_by_now(agent, registry, run_module):
    registry.add_big_model("moving", 1)
    params = agent.params(registry.address, model="moving")
    first = run_module("ollama_model", params).ok()["models"][0]["digest"]
    registry.add_big_model("moving-next", 2)
    manifest = registry.manifest("moving-next")
    for layer in manifest["layers"]:
        registry._mount("moving", layer["digest"])
    registry.put_manifest("moving", manifest)
    assert not run_module("ollama_model", params).ok()["changed"]
    latest = {**params, "state": "latest"}
    predicted = run_module("ollama_model", latest, check=True, diff=True).ok()
    assert agent.models()["moving:latest"] == first
    done = run_module("ollama_model", latest, diff=True).ok()
    assert without_invocation(done) == without_invocation(predicted)
    [action] = done["actions"]
    assert action["action"] == "update"
    assert action["fields"]["digest"] == {"before": first, "after": agent.models()["moving:latest"]}
    assert not run_module("ollama_model", latest).ok()["changed"]


def test_absent_takes_the_name_and_is_idempotent(agent, registry, run_module):
    run_module("ollama_model", agent.params(registry.address, model="demo")).ok()
    params = agent.params(model="demo", state="absent")
    predicted = run_module("ollama_model", params, check=True, diff=True).ok()
    assert "demo:latest" in agent.models()
    done = run_module("ollama_model", params, diff=True).ok()
    assert without_invocation(done) == without_invocation(predicted)
    assert done["actions"][0]["impact"] == "data_loss"
    assert agent.models() == {}
    assert not run_module("ollama_model", params).ok()["changed"]
    assert not run_module("ollama_model", params, check=True).ok()["changed"]


@pytest.mark.parametrize("killed", ["before the copy", "before the removal"])
def test_a_mirror_leaves_only_the_plain_name_even_after_a_kill(agent, registry, run_module, killed):
    pulled = f"{registry.address}/library/demo:latest"
    request(agent.port, "POST", "/api/pull", {"model": f"http://{pulled}", "insecure": True})
    if killed == "before the removal":
        request(agent.port, "POST", "/api/copy", {"source": pulled, "destination": "demo"})
    assert pulled in agent.models()
    params = agent.params(registry.address, model="demo")
    predicted = run_module("ollama_model", params, check=True, diff=True).ok()
    done = run_module("ollama_model", params, diff=True).ok()
    assert without_invocation(done) == without_invocation(predicted)
    assert set(agent.models()) == {"demo:latest"}
    assert generate(agent.port).strip()
    assert not run_module("ollama_model", params).ok()["changed"]


def test_an_agent_that_is_yet_to_come_is_predicted_with_a_warning(agent, registry, run_module):
    params = agent.params(registry.address, model="demo", endpoint="http://127.0.0.1:12499")
    predicted = run_module("ollama_model", params, check=True).ok()
    assert predicted["changed"] and predicted["models"][0]["status"] == "present"
    assert "does not answer yet" in str(predicted["warnings"])
    real = run_module("ollama_model", params)
    assert real.failed and real.result["error"]["kind"] == "agent_unreachable"


def test_one_failure_hides_no_result(agent, engine, registry, run_module):
    with model_agent(engine, 12411, "other-corp") as other:
        models = [
            {"model": "demo", "agent": agent.name, "endpoint": agent.endpoint},
            {"model": "demoo", "agent": agent.name, "endpoint": agent.endpoint},
            {"model": "demo2", "agent": other.name, "endpoint": other.endpoint},
            {"model": "demo", "agent": "ghost", "endpoint": "http://127.0.0.1:12499"},
        ]
        run = run_module("ollama_model", {"mirror": registry.address, "insecure": True, "models": models})
        assert run.failed and run.result["changed"]
        assert [model["status"] for model in run.result["models"]] == ["present", "failed", "present", "failed"]
        assert "2 of 4 models failed" in run.msg and "demoo" in run.msg and "ghost" in run.msg
        assert "Did you mean 'library/demo'" in run.msg
        assert set(agent.models()) == {"demo:latest"}
        assert set(other.models()) == {"demo2:latest"}


def test_two_runs_share_one_pull(agent, big, fault_proxy, run_module):
    hold = fault_proxy.add(path=BLOBS, hold_after=1 << 20)
    params = agent.params(fault_proxy, model=big, stall_timeout=600)
    results: list = []
    runs = [threading.Thread(target=lambda: results.append(run_module("ollama_model", params))) for _run in range(2)]
    for run in runs:
        run.start()
    wait_until(lambda: len(asked_for_manifest(fault_proxy)) >= 2, "the second run")
    hold.held = False
    for run in runs:
        run.join()
    assert [result.ok()["models"][0]["percent"] for result in results] == [100, 100]
    assert set(agent.models()) == {f"{big}:latest"}
    assert fetched(fault_proxy) < 1.2 * (SIZE_MB << 20)


def test_a_pull_in_the_background_can_be_watched(agent, big, fault_proxy, run_module):
    hold = fault_proxy.add(path=BLOBS, hold_after=SIZE_MB << 18)
    params = agent.params(fault_proxy, model=big, wait=False, stall_timeout=600)
    ask = {"agent": agent.name, "endpoint": agent.endpoint, "model": big}
    assert run_module("ollama_model_info", ask).ok()["models"][0]["status"] == "absent"
    started = run_module("ollama_model", params).ok()
    assert started["changed"] and started["job"]["name"]
    assert started["models"][0]["status"] == "pulling"
    seen: list[int] = []

    def look() -> bool:
        model = run_module("ollama_model_info", ask).ok()["models"][0]
        assert model["status"] in ("pulling", "present"), model
        if model["status"] == "pulling":
            seen.append(model["percent"])
            assert model["job"] == started["job"]["name"]
        return model["status"] == "present"

    second = run_module("ollama_model", params).ok()
    assert not second["changed"] and second["models"][0]["status"] == "pulling" and "job" not in second
    wait_until(lambda: not look() and seen[-1] >= 20, "a quarter of it")
    assert seen[-1] < 50
    hold.hold_after = SIZE_MB << 19
    wait_until(lambda: not look() and seen[-1] >= 45, "half of it")
    hold.held = False
    wait_until(look, "the pull")
    assert seen == sorted(seen)
    assert fetched(fault_proxy) < 1.2 * (SIZE_MB << 20)
    assert not run_module("ollama_model", params).ok()["changed"]


def test_a_background_pull_that_fails_is_told(agent, registry, run_module):
    ask = {"endpoint": agent.endpoint, "model": "no-such"}
    run_module("ollama_model", agent.params(registry.address, model="no-such", wait=False)).ok()
    wait_until(lambda: run_module("ollama_model_info", ask).ok()["models"][0]["status"] == "failed", "the failure")
    error = run_module("ollama_model_info", ask).ok()["models"][0]["error"]
    assert error["kind"] == "model_not_in_registry"


def test_info_tells_what_is_in_memory_and_which_agents_are_silent(agent, registry, run_module):
    run_module("ollama_model", agent.params(registry.address, model="demo")).ok()
    generate(agent.port)
    agents = [
        {"agent": agent.name, "endpoint": agent.endpoint},
        {"agent": "ghost", "endpoint": "http://127.0.0.1:12499"},
    ]
    result = run_module("ollama_model_info", {"agents": agents, "model": "demo"}).ok()
    [model] = result["models"]
    assert model["model"] == "demo:latest" and model["loaded"]["size"] > 0 and model["digest"] == agent.models()["demo:latest"]
    assert [one["error"] is None for one in result["agents"]] == [True, False]
    assert "ghost" in str(result["warnings"])
    alone = run_module("ollama_model_info", {"agents": agents[1:]})
    assert alone.failed and alone.result["error"]["kind"] == "agent_unreachable"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"model": "no such"}, "invalid_model"),
        ({"model": "demo", "mirror": "u:secret@m.example.com"}, "invalid_mirror"),
        ({"model": "demo", "endpoint": "ftp://x"}, "invalid_endpoint"),
        ({"model": "demo", "endpoint": None}, "invalid_options"),
        ({"model": "demo", "path": "/x.gguf", "mirror": "m"}, "invalid_options"),
        ({"model": "demo", "path": "/x.gguf", "checksum": "md5:1"}, "invalid_checksum"),
        ({"model": "demo", "min_free": "plenty"}, "invalid_size"),
        ({"agent": "a"}, "invalid_options"),
        ({"model": "demo", "job": "0123456789abcdef"}, "no_such_job"),
    ],
)
def test_bad_options_are_one_line(run_module, options, kind):
    run = run_module("ollama_model", {"endpoint": "http://127.0.0.1:1", **options})
    assert run.failed and run.result["error"]["kind"] == kind
    assert "\n" not in run.msg and "Traceback" not in run.stderr
    assert "secret" not in run.stdout + run.stderr
