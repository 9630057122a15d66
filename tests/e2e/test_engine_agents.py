# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents on a real engine: each change is predicted, done, and needs no second run; each drift by hand is healed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agents import Options, Outcome, ensure_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSpec, Health
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import GIB
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.store.agents import stored_agents

from tests.support.engine import Engine
from tests.support.registry import Registry
from tests.support.settings import ADDRESS, OLLAMA_IMAGE, REGISTRY_PORT, Bench
from tests.support.store import Store

MIB = 1024**2
NAME, NETWORK, PORT = "ollama-agent-a1", "ollama-tenant-acme", 12500


def probe(endpoint: str) -> Any:
    return OllamaClient(endpoint, timeout=30).tags()


def wanted(**given: Any) -> AgentSpec:
    return AgentSpec(**{"agent": "a1", "tenant": "acme", **given})


def comparable(outcome: Outcome) -> list[dict[str, Any]]:
    """Agents without what the engine makes up: ids, and addresses of agents that are not published."""
    made_up = ("image_id", "volume_path", "endpoint")
    return [
        {key: value for key, value in agent.items() if key not in (made_up if not agent.get("port") else made_up[:2])}
        for agent in outcome.agents
    ]


def with_known_models(checked: list[dict[str, Any]], done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A check can't ask an agent that does not run yet for its models; it says so by None."""
    return [
        {**agent, "models": after["models"] if agent.get("models", ()) is None else agent["models"]} if "models" in agent else agent
        for agent, after in zip(checked, done)
    ]


@pytest.fixture
def docker(clean_engine: Engine) -> DockerEngine:
    return DockerEngine(DockerSettings(clean_engine.url, False, None, None, None, 60))


def glanced_as_asked(docker: DockerEngine, specs: Sequence[AgentSpec]) -> None:
    """The engine's own files tell of agents what its API does, whatever was done to them."""
    names = [spec.agent for spec in specs]
    glanced, asked = docker.observe(names, sure=frozenset()).agents, docker.observe(names).agents
    assert docker.observe(names, sure=frozenset()).glanced == set(asked)
    # An agent's first check of its health may just have ended in between.
    assert {name: replace(agent, health=Health()) for name, agent in glanced.items()} == {
        name: replace(agent, health=Health()) for name, agent in asked.items()
    }


Ensure = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def ensure(docker: DockerEngine) -> Ensure:
    """CHECK, real, CHECK, real: the check tells what the run does, and after it there is nothing to do."""

    def once(specs: Sequence[AgentSpec], store: Store | None, models: Mapping[str, list[str]] | None, check: bool) -> Outcome:
        """As the module ollama_agent does. :param models: of the store, by agent that has any."""
        root = str(store.root) if store else None
        engine, specs = stored_agents(docker, root, [(spec, (models or {}).get(spec.agent)) for spec in specs], ())
        done = ensure_agents(engine, specs, probe, Options(healthy_timeout=120, foresee=engine.foresee), check=check)
        if not check:
            engine.settle(done.observed, done.plan.actions)
        return done

    def run(*specs: AgentSpec, store: Store | None = None, models: Mapping[str, list[str]] | None = None) -> list[tuple[str, str]]:
        glanced_as_asked(docker, specs)
        checked = once(specs, store, models, check=True)
        done = once(specs, store, models, check=False)
        assert done.plan.as_result() == checked.plan.as_result()
        assert comparable(done) == with_known_models(comparable(checked), comparable(done))
        for check in (True, False):
            again = once(specs, store, models, check)
            assert again.plan.as_result()["actions"] == []
            # What was erased is told by the run that did it.
            assert comparable(again) == [{**agent, "erased": None} if "erased" in agent else agent for agent in comparable(done)]
        glanced_as_asked(docker, specs)
        return [(action.agent, f"{action.verb} {action.kind} {action.impact.value}") for action in done.plan.actions]

    return run


def only(done: list[tuple[str, str]]) -> list[str]:
    """Actions of a run with one agent."""
    return [step for agent, step in done]


CREATE = ["create network in_place", "create volume in_place", "create container in_place", "start container in_place"]
RECREATE = ["recreate container recreate", "start container in_place"]
UPDATE = ["update container in_place"]


def test_agent_is_made_as_designed(clean_engine: Engine, ensure: Ensure) -> None:
    spec = wanted(port=PORT, memory_limit=GIB, cpu_limit=1500, context_length=2048, model="demo", environment={"OLLAMA_DEBUG": "1"})
    assert only(ensure(spec)) == CREATE
    container = clean_engine.inspect(NAME)
    host, config = container["HostConfig"], container["Config"]
    assert (host["Memory"], host["MemorySwap"], host["MemoryReservation"]) == (GIB, GIB, GIB // 2)
    assert (host["CpuQuota"], host["CpuPeriod"], host["NanoCpus"], host["PidsLimit"]) == (150_000, 100_000, 0, 512)
    assert (host["CapDrop"], host["ReadonlyRootfs"]) == (["ALL"], True)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert set(host["Tmpfs"]) == {"/tmp", "/root"}
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["PortBindings"] == {"11434/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(PORT)}]}
    assert config["Healthcheck"]["Test"] == ["CMD", "ollama", "list"]
    assert {
        "OLLAMA_NOPRUNE=1", "OLLAMA_CONTEXT_LENGTH=2048", "OLLAMA_MODELS=/models", "NVIDIA_VISIBLE_DEVICES=void", "OLLAMA_DEBUG=1",
    } <= set(config["Env"])
    labels = {name.removeprefix("llmops.tenancy."): value for name, value in config["Labels"].items() if "llmops.tenancy." in name}
    assert {"tenant_id": "acme", "agent": "a1", "model": "demo", "memory_limit": "1g"}.items() <= labels.items()
    assert [(mount["Name"], mount["Destination"]) for mount in container["Mounts"]] == [(NAME, "/models")]
    assert list(container["NetworkSettings"]["Networks"]) == [NETWORK]
    network = clean_engine.inspect(NETWORK)
    assert network["IPAM"]["Config"][0]["Subnet"].startswith("10.201.") and network["Labels"]["llmops.tenancy.tenant_id"] == "acme"
    # The engine's own healthcheck works in the hardened container.
    assert "NAME" in clean_engine.docker("exec", NAME, *config["Healthcheck"]["Test"][1:])


CHANGES: list[tuple[dict[str, Any], list[str], tuple[Any, ...], Any]] = [
    # Beyond the old memory and swap, where an update of memory alone is refused; and back.
    ({"memory_limit": 8 * GIB}, UPDATE, ("HostConfig", "MemorySwap"), 8 * GIB),
    ({"memory_limit": 128 * MIB}, UPDATE, ("HostConfig", "MemorySwap"), 128 * MIB),
    ({"memory_reservation": 100 * MIB}, UPDATE, ("HostConfig", "MemoryReservation"), 100 * MIB),
    ({"cpu_limit": 500}, UPDATE, ("HostConfig", "CpuQuota"), 50_000),
    ({"memory_limit": GIB, "cpu_limit": 250}, UPDATE, ("HostConfig", "CpuQuota"), 25_000),
    ({"port": PORT + 100}, RECREATE, ("HostConfig", "PortBindings", "11434/tcp", 0, "HostPort"), str(PORT + 100)),
    ({"port": 0}, RECREATE, ("HostConfig", "PortBindings"), {}),
    ({"bind_address": "0.0.0.0"}, RECREATE, ("HostConfig", "PortBindings", "11434/tcp", 0, "HostIp"), "0.0.0.0"),
    ({"context_length": 8192}, RECREATE, ("Config", "Image"), OLLAMA_IMAGE),
    ({"num_parallel": 2, "keep_alive": "-1"}, RECREATE, ("Config", "Image"), OLLAMA_IMAGE),
    ({"model": "other"}, RECREATE, ("Config", "Labels", "llmops.tenancy.model"), "other"),
    ({"environment": {"NEW": "1"}}, RECREATE, ("Config", "Image"), OLLAMA_IMAGE),
    ({"environment": {}}, RECREATE, ("Config", "Image"), OLLAMA_IMAGE),
    ({"state": "stopped"}, ["stop container restart"], ("State", "Running"), False),
    ({"state": "present"}, [], ("State", "Running"), True),
    ({"memory_limit": 512 * MIB, "environment": {"OLD": "value"}}, [], ("State", "Running"), True),
]


def test_changes(clean_engine: Engine, docker: DockerEngine, ensure: Ensure) -> None:
    """Each change on an agent of its own, all in one call."""
    names = [f"c{number:02}" for number in range(len(CHANGES))]
    first = [
        AgentSpec(
            name, f"tenant-{number % 3}", port=PORT + number, memory_limit=512 * MIB, model="demo", environment={"OLD": "value"}
        )
        for number, name in enumerate(names)
    ]
    ensure_agents(docker, first, probe)
    before = {name: clean_engine.inspect(f"ollama-agent-{name}") for name in names}
    specs = [AgentSpec(one.agent, one.tenant, **given) for one, (given, *expected) in zip(first, CHANGES)]
    done = ensure(*specs)
    for name, (given, steps, path, value) in zip(names, CHANGES):
        after = clean_engine.inspect(f"ollama-agent-{name}")
        assert [step for agent, step in done if agent == name] == steps, given
        found: Any = after
        for key in path:
            found = found[key]
        assert found == value, given
        # In place means in place: neither restarted nor another container.
        if steps == UPDATE:
            assert (after["Id"], after["State"]["StartedAt"]) == (before[name]["Id"], before[name]["State"]["StartedAt"])
        # What was not given stayed.
        variables = set(after["Config"]["Env"])
        assert ("OLD=value" in variables) is (given.get("environment") in (None, {"OLD": "value"})), given
        assert ("NEW=1" in variables) is (given.get("environment") == {"NEW": "1"}), given


def run_by_hand(engine: Engine, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Make an agent's container anew with something else in it, as a person would with `docker create`."""
    found = engine.inspect(name)
    body = {**found["Config"], "HostConfig": found["HostConfig"], "NetworkingConfig": {"EndpointsConfig": {NETWORK: {}}}}
    change(body)
    engine.docker("rm", "--force", name)
    with closing(engine.client()) as client:
        client.api.create_container_from_config(body, name)


@pytest.mark.parametrize(
    "command",
    [
        ["update", "--memory", "300m", "--memory-swap", "900m", NAME],
        ["update", "--memory", "512m", "--memory-swap", "-1", NAME],
        ["update", "--cpu-quota", "10000", NAME],
        ["update", "--restart", "no", NAME],
        ["network", "disconnect", NETWORK, NAME],
        ["network", "connect", "bridge", NAME],
        ["pause", NAME],
        ["stop", NAME],
        ["kill", NAME],
        ["rename", NAME, "renamed-by-hand"],
        ["rm", "--force", NAME],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_drift_by_command_is_healed(clean_engine: Engine, ensure: Ensure, command: list[str]) -> None:
    spec = wanted(port=PORT, memory_limit=512 * MIB, cpu_limit=1000)
    ensure(spec)
    before = clean_engine.inspect(NAME)
    clean_engine.docker(*command)
    assert ensure(spec)
    after = clean_engine.inspect(NAME)
    for part in ("Memory", "MemorySwap", "CpuQuota", "RestartPolicy", "PortBindings"):
        assert after["HostConfig"][part] == before["HostConfig"][part]
    assert list(after["NetworkSettings"]["Networks"]) == [NETWORK]
    assert after["Config"]["Env"] == before["Config"]["Env"]


BY_HAND: dict[str, Callable[[dict[str, Any]], object]] = {
    "env-added": lambda body: body["Env"].append("ADDED=by-hand"),
    "env-dropped": lambda body: body["Env"].remove("KEPT=1"),
    "env-changed": lambda body: body.update(Env=[entry.replace("KEPT=1", "KEPT=2") for entry in body["Env"]]),
    "env-fixed": lambda body: body.update(Env=[entry.replace("NOPRUNE=1", "NOPRUNE=0") for entry in body["Env"]]),
    "label-edited": lambda body: body["Labels"].update({"llmops.tenancy.model": "edited"}),
    "label-dropped": lambda body: body["Labels"].pop("llmops.tenancy.memory_limit"),
    "label-added": lambda body: body["Labels"].update({"added": "by-hand"}),
    "spec-edited": lambda body: body["Labels"].update({"llmops.tenancy.spec": "edited"}),
    "capabilities": lambda body: body["HostConfig"].update(CapDrop=None),
    "privileged": lambda body: body["HostConfig"].update(Privileged=True),
    "writable": lambda body: body["HostConfig"].update(ReadonlyRootfs=False),
    "pids": lambda body: body["HostConfig"].update(PidsLimit=0),
    "port": lambda body: body["HostConfig"].update(PortBindings={}),
    "nano-cpus": lambda body: body["HostConfig"].update(CpuQuota=0, CpuPeriod=0, NanoCpus=10**9),
    "mount": lambda body: body["HostConfig"].update(Mounts=None, Binds=["elsewhere:/models"]),
    "user": lambda body: body.update(User="1:1", Healthcheck={"Test": ["NONE"]}),
}


@pytest.mark.parametrize("given", [True, False], ids=["settings given", "settings not given"])
def test_drift_by_docker_create_is_healed(clean_engine: Engine, docker: DockerEngine, ensure: Ensure, given: bool) -> None:
    """Whatever was made differently by hand is put back; what only the operator knows, when it is given."""
    first = [
        AgentSpec(
            name, "acme", "present", port=PORT + number, memory_limit=512 * MIB, cpu_limit=1000, model="demo", environment={"KEPT": "1"}
        )
        for number, name in enumerate(BY_HAND)
    ]
    options = Options(PoolOptions(prefix=26))
    ensure_agents(docker, first, probe, options)
    before = {name: clean_engine.inspect(f"ollama-agent-{name}") for name in BY_HAND}
    for name, change in BY_HAND.items():
        run_by_hand(clean_engine, f"ollama-agent-{name}", change)
    unknowable = {} if given else {"env-dropped", "env-changed", "port"}
    specs = first if given else [AgentSpec(name, "acme", "present") for name in BY_HAND]
    done = dict(ensure(*specs))
    for name in BY_HAND:
        if name in unknowable:
            continue
        assert done[name] == RECREATE[0], name
        after = clean_engine.inspect(f"ollama-agent-{name}")
        assert sorted(after["Config"]["Env"]) == sorted(before[name]["Config"]["Env"])
        stable = {key: value for key, value in before[name]["Config"]["Labels"].items() if not key.endswith(("created_at", "spec"))}
        assert stable.items() <= after["Config"]["Labels"].items() and "added" not in after["Config"]["Labels"]
        for part in before[name]["HostConfig"]:
            assert after["HostConfig"][part] == before[name]["HostConfig"][part], (name, part)


def test_image_changed_under_its_tag_is_noticed(clean_engine: Engine, ensure: Ensure) -> None:
    clean_engine.docker("tag", OLLAMA_IMAGE, "agents/ollama:stable")
    spec = wanted(port=PORT, image="agents/ollama:stable")
    assert only(ensure(spec)) == CREATE
    clean_engine.docker("create", "--name", "other", OLLAMA_IMAGE)
    clean_engine.docker("commit", "--change", "ENV BUILD=2", "other", "agents/ollama:stable")
    # Noticed also where the image is not given.
    assert only(ensure(wanted())) == RECREATE
    assert "BUILD=2" in clean_engine.inspect(NAME)["Config"]["Env"]
    clean_engine.docker("rmi", "--force", "agents/ollama:stable")
    assert only(ensure(wanted())) == []
    assert only(ensure(wanted(image=OLLAMA_IMAGE))) == RECREATE
    clean_engine.docker("image", "prune", "--force")


def test_network_removed_under_a_stopped_agent_is_made_again(clean_engine: Engine, ensure: Ensure) -> None:
    spec = wanted(port=PORT)
    ensure(spec)
    before = clean_engine.inspect(NAME)
    clean_engine.docker("stop", NAME)
    clean_engine.docker("network", "rm", NETWORK)
    assert only(ensure(spec)) == ["create network in_place", "update container in_place", "start container in_place"]
    assert clean_engine.inspect(NAME)["Id"] == before["Id"]


def test_models_survive_everything_but_their_removal(clean_engine: Engine, docker: DockerEngine, ensure: Ensure) -> None:
    ensure(wanted(port=PORT))
    data = clean_engine.inspect(NAME)["Mounts"][0]["Source"]
    with open(f"{data}/kept", "w", encoding="ascii") as file:
        file.write("data")
    assert only(ensure(wanted(context_length=1024))) == RECREATE
    assert only(ensure(wanted(state="absent"))) == ["remove container recreate", "remove network in_place"]
    gone = ensure_agents(docker, [wanted(state="absent")], probe).agents[0]
    assert gone == {"agent": "a1", "tenant": "acme", "state": "absent", "volume": NAME, "volume_path": data, "erased": None}
    with open(f"{data}/kept", encoding="ascii") as file:
        assert file.read() == "data"
    assert only(ensure(wanted(state="absent", remove_volume=True))) == ["remove volume data_loss"]
    assert clean_engine.objects() == {"containers": set(), "volumes": set(), "networks": set()}


def test_forty_tenants_get_forty_networks(clean_engine: Engine, docker: DockerEngine, ensure: Ensure) -> None:
    specs = [AgentSpec(f"t{number}", f"t{number}", state="present", memory_limit=64 * MIB) for number in range(40)]
    assert len(ensure(*specs)) == 120
    subnets = {json.dumps(clean_engine.inspect(f"ollama-tenant-t{number}")["IPAM"]["Config"]) for number in range(40)}
    assert len(subnets) == 40
    # That nothing changed costs no call for each agent; of one that did, the engine itself is asked.
    asked: list[str] = []
    docker.client.hooks["response"].append(lambda answer, **options: asked.append(answer.request.path_url))
    ensure_agents(docker, specs, probe)
    assert len(asked) <= 6, asked
    assert ensure_agents(docker, [replace(specs[0], memory_limit=65 * MIB), *specs[1:]], probe, check=True).plan.changed
    assert sum(path.endswith("/json") and "/containers/" in path for path in asked) == 1, asked
    gone = [AgentSpec(spec.agent, spec.tenant, state="absent", remove_volume=True) for spec in specs]
    assert len(ensure(*gone)) == 120
    assert clean_engine.objects() == {"containers": set(), "volumes": set(), "networks": set()}


def test_tenants_can_not_reach_each_other(clean_engine: Engine, ensure: Ensure) -> None:
    ensure(
        AgentSpec("a1", "acme", port=PORT), AgentSpec("a2", "acme", port=PORT + 1), AgentSpec("b1", "blue", port=PORT + 2)
    )
    address = {
        name: next(iter(clean_engine.inspect(f"ollama-agent-{name}")["NetworkSettings"]["Networks"].values()))["IPAddress"]
        for name in ("a1", "a2", "b1")
    }

    def reaches(source: str, target: str, port: int) -> bool:
        """Whether a connection from inside the agent's network namespace comes about."""
        process = clean_engine.inspect(f"ollama-agent-{source}")["State"]["Pid"]
        dial = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"
        command = ["nsenter", f"--net=/proc/{process}/ns/net", sys.executable, "-c", dial, target, str(port)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def lists(source: str, target: str) -> bool:
        """Whether the program in the agent's container can use another agent by its name."""
        with closing(clean_engine.client()) as client:
            container = client.containers.get(f"ollama-agent-{source}")
            return container.exec_run(["ollama", "list"], environment={"OLLAMA_HOST": f"http://{target}:11434"}).exit_code == 0

    assert reaches("a1", address["a2"], 11434) and lists("a1", "ollama-agent-a2")
    assert not reaches("a1", address["b1"], 11434) and not lists("a1", "ollama-agent-b1")
    assert not reaches("b1", address["a1"], 11434)
    # Nor through ports of the host: they are bound to its loopback.
    gateway = next(iter(clean_engine.inspect("ollama-agent-a1")["NetworkSettings"]["Networks"].values()))["Gateway"]
    assert not reaches("a1", gateway, PORT + 2)
    # The way out is open, as pulls need it: the registry of the bench is on another address of the host.
    assert reaches("a1", ADDRESS, REGISTRY_PORT)


def test_three_hundred_random_pairs(clean_engine: Engine, ensure: Ensure, registry: Registry, bench: Bench) -> None:
    """What the plan's own test does with values, on the engine: thirty agents go from state to state, and hands are at work between.

    A third of them have models of a store, where they come to have a volume while they do.
    """
    store = Store(bench.folder / "store-of-pairs")
    for name in ("demo", "more"):
        store.add(name)
    clean_engine.docker("tag", OLLAMA_IMAGE, "localhost/other:1")
    dice = random.Random(20261122)
    agents = [(f"{tenant}-{number}", tenant) for tenant in ("acme", "blue", "cyan") for number in range(10)]
    choices: dict[str, list[Any]] = {
        # Few run: a start costs as much as all else about an agent.
        "state": [*["present"] * 6, "started", "stopped", "absent"],
        "remove_volume": [False, True],
        "memory_limit": [None, 64 * MIB, 300 * MIB],
        "cpu_limit": [None, 300, 1200],
        "context_length": [None, None, None, None, 1024],
        "environment": [None, None, None, {}, {"A": "1"}],
        "model": [None, None, None, "demo"],
        "image": [None, None, None, None, "localhost/other:1", OLLAMA_IMAGE],
    }
    lists = (["demo"], ["demo", "more"], ["more"], None)
    by_hand = (["rm", "--force"], ["volume", "rm"], ["update", "--memory", "80m", "--memory-swap", "80m"], ["update", "--restart", "no"])
    done = set()
    for _round in range(10):
        steps = ensure(*(
            AgentSpec(name, tenant, port=PORT + number, **{key: dice.choice(values) for key, values in choices.items()})
            for number, (name, tenant) in enumerate(agents)
        ), store=store, models={name: given for name, _tenant in agents[::3] if (given := dice.choice(lists))})
        done |= {step.rpartition(" ")[0] for _agent, step in steps}
        there = sorted(clean_engine.objects()["containers"])
        for command in by_hand:
            clean_engine.docker(*command, *dice.sample(there, min(3, len(there))), check=False)
    assert {"create view", "switch view", "recreate container", "update container", "remove volume"} <= done, done
