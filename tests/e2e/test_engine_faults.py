# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents when something is wrong: each fault ends in an error that names cause and remedy, or in nothing at all."""

from __future__ import annotations

import ipaddress
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agents import Options, ensure_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.listing import list_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.networks import bridge_name
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.races import ATTEMPTS
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.reach import require_place

from tests.support.ansible import ModuleRun
from tests.support.door import Door
from tests.support.engine import Engine
from tests.support.ollama import generate, pull
from tests.support.process import wait_until
from tests.support.registry import Registry
from tests.support.settings import OLLAMA_IMAGE, Bench

MIB = 1024**2
NAME, NETWORK, PORT = "ollama-agent-a1", "ollama-tenant-acme", 12700
RunModule = Callable[..., ModuleRun]


def probe(endpoint: str) -> Any:
    return OllamaClient(endpoint, timeout=30).tags()


def wanted(**given: Any) -> AgentSpec:
    return AgentSpec(**{"agent": "a1", "tenant": "acme", "memory_limit": 512 * MIB, **given})


def settings(url: str, timeout: int = 60) -> DockerSettings:
    return DockerSettings(url, False, None, None, None, timeout)


@pytest.fixture
def docker(clean_engine: Engine) -> DockerEngine:
    return DockerEngine(settings(clean_engine.url))


def refused(docker: DockerEngine, *specs: AgentSpec, checked: bool = True, timeout: float = 60) -> TenancyError:
    """The error of a run; in check mode the same error, where it can be known before."""
    found = []
    for check in (True, False) if checked else (False,):
        with pytest.raises(TenancyError) as error:
            ensure_agents(docker, specs, probe, Options(healthy_timeout=timeout), check=check)
        found.append(error.value)
        assert error.value.cause and error.value.remedy
    assert {(error.kind, error.what, error.remedy) for error in found} == {(found[0].kind, found[0].what, found[0].remedy)}
    return found[0]


# --- names and ports


def test_container_of_that_name_is_not_touched(clean_engine: Engine, docker: DockerEngine) -> None:
    clean_engine.docker("create", "--name", NAME, "--label", "com.docker.compose.project=shop", OLLAMA_IMAGE)
    before = clean_engine.inspect(NAME)
    error = refused(docker, wanted())
    assert error.kind == "name_taken"
    assert OLLAMA_IMAGE in error.cause and "shop" in error.cause and NAME in error.remedy
    gone = ensure_agents(docker, [wanted(state="absent")], probe)
    assert not gone.plan.changed and NAME in gone.plan.warnings[0]
    assert clean_engine.inspect(NAME) == before
    assert clean_engine.objects() == {"containers": {NAME}, "volumes": set(), "networks": set()}


@pytest.fixture
def copied_image(clean_engine: Engine, docker: DockerEngine) -> Iterator[str]:
    """An image made from an agent's container, as one does to look into it: it hands the agent's labels on."""
    ensure_agents(docker, [wanted()], probe)
    clean_engine.docker("commit", NAME, "debug:1")
    yield "debug:1"
    clean_engine.clean()
    clean_engine.docker("rmi", "--force", "debug:1")


def test_container_with_labels_of_an_agent_is_not_touched(
    clean_engine: Engine, docker: DockerEngine, copied_image: str
) -> None:
    def state_of(name: str) -> tuple[Any, ...]:
        found = clean_engine.inspect(name)
        return found["Id"], found["Name"], found["State"]["StartedAt"], found["State"]["Running"], found["HostConfig"]

    # One that has nothing of the agent but labels, and one that looks at its models in its network.
    clean_engine.docker("run", "--detach", "--name", "scratch", "--publish", f"{PORT}:11434", copied_image)
    clean_engine.docker(
        "run", "--detach", "--name", "looking", "--volumes-from", NAME, "--network", NETWORK, copied_image
    )
    before = state_of("scratch"), state_of("looking")
    for state, containers in (("absent", set()), ("absent", set()), ("started", {NAME}), ("stopped", {NAME}), ("absent", set())):
        for check in (True, False):
            done = ensure_agents(docker, [wanted(state=state)], probe, check=check)
            warned = " ".join(done.plan.warnings)
            assert "Container scratch" in warned and "Container looking" in warned
        assert (state_of("scratch"), state_of("looking")) == before
        assert clean_engine.objects()["containers"] == {"scratch", "looking", *containers}
        assert {agent["agent"] for agent in list_agents(docker, probe, usage=False)[0]} == ({"a1"} if containers else set())
        assert not ensure_agents(docker, [wanted(state=state)], probe).plan.changed
    # Its port is not the agent's own.
    error = refused(docker, wanted(port=PORT))
    assert error.kind == "port_in_use" and "container scratch" in error.cause


def test_container_with_labels_of_one_agent_and_the_name_of_another(
    clean_engine: Engine, docker: DockerEngine, copied_image: str
) -> None:
    clean_engine.docker("create", "--name", "ollama-agent-a2", copied_image)
    assert refused(docker, wanted(agent="a2")).kind == "name_taken"
    gone = ensure_agents(docker, [wanted(agent="a2", state="absent"), wanted(state="absent")], probe)
    assert [action.name for action in gone.plan.actions] == [NAME, NETWORK]
    assert all("Container ollama-agent-a2" in warning for warning in gone.plan.warnings) and gone.plan.warnings
    assert clean_engine.objects()["containers"] == {"ollama-agent-a2"}


def test_stranger_with_the_name_of_a_new_container_is_not_touched(clean_engine: Engine, docker: DockerEngine) -> None:
    ensure_agents(docker, [wanted()], probe)
    clean_engine.docker("create", "--name", f"{NAME}.new", OLLAMA_IMAGE)
    before = clean_engine.inspect(NAME)["Id"]
    error = refused(docker, wanted(context_length=1024), checked=False)
    assert f"{NAME}.new" in error.cause and clean_engine.inspect(NAME)["Id"] == before
    ensure_agents(docker, [wanted(state="absent")], probe)
    assert clean_engine.objects()["containers"] == {f"{NAME}.new"}


def test_network_and_volume_of_that_name_are_not_touched(clean_engine: Engine, docker: DockerEngine) -> None:
    clean_engine.docker("network", "create", NETWORK)
    assert refused(docker, wanted()).details["object_kind"] == "network"
    clean_engine.docker("volume", "create", NAME)
    assert refused(docker, wanted()).details["object_kind"] == "volume"
    assert not ensure_agents(docker, [wanted(state="absent", remove_volume=True)], probe).plan.changed
    assert clean_engine.objects() == {"containers": set(), "volumes": {NAME}, "networks": {NETWORK}}


def test_data_of_another_tenant_is_not_mounted(docker: DockerEngine) -> None:
    ensure_agents(docker, [wanted()], probe)
    assert "acme" in refused(docker, wanted(tenant="blue")).cause
    ensure_agents(docker, [wanted(state="absent")], probe)
    error = refused(docker, wanted(tenant="blue"))
    assert error.kind == "name_taken" and "volume" in error.cause and "acme" in error.cause


def test_port_of_a_process_is_named(clean_engine: Engine, docker: DockerEngine) -> None:
    with socket.create_server(("127.0.0.1", PORT)), socket.create_server(("127.0.0.1", PORT + 1)):
        error = refused(docker, wanted(port=PORT))
    assert error.kind == "port_in_use"
    assert f"process {os.getpid()}" in error.cause
    assert error.details["next_free_port"] == PORT + 2
    assert clean_engine.objects() == {"containers": set(), "volumes": set(), "networks": set()}
    assert ensure_agents(docker, [wanted(port=PORT + 2)], probe).agents[0]["health"]["api"]


def test_port_of_a_container_is_named(clean_engine: Engine, docker: DockerEngine) -> None:
    clean_engine.docker("run", "--detach", "--name", "web", "--publish", f"{PORT}:11434", OLLAMA_IMAGE)
    error = refused(docker, wanted(port=PORT))
    assert error.kind == "port_in_use" and "container web" in error.cause
    assert error.details["next_free_port"] == PORT + 1


class PortThief(DockerEngine):
    """An engine on whose host something takes the port right before the start."""

    def apply(self, action: AgentAction) -> None:
        if action.verb == "start":
            with socket.create_server(("127.0.0.1", PORT)):
                super().apply(action)
        super().apply(action)


def test_port_taken_between_plan_and_start(clean_engine: Engine) -> None:
    error = refused(PortThief(settings(clean_engine.url)), wanted(port=PORT), checked=False)
    assert error.kind == "port_in_use" and error.details["next_free_port"] > PORT
    assert clean_engine.inspect(NAME)["State"]["Status"] == "created"
    # What was left in `created` is completed by the next run.
    done = ensure_agents(DockerEngine(settings(clean_engine.url)), [wanted(port=PORT)], probe)
    assert [action.verb for action in done.plan.actions] == ["start"]


def test_every_pool_of_the_host_is_avoided(clean_engine: Engine, docker: DockerEngine) -> None:
    clean_engine.docker("network", "create", "--subnet", "10.201.0.0/16", "wide")
    error = refused(docker, wanted())
    assert error.kind == "no_subnet" and "network_pool" in error.remedy


# --- images


def image(engine: Engine, folder: Path, name: str, script: str) -> str:
    """An image with a shell and one script as its entry point."""
    root = folder / "root"
    for program in ("/bin/sh", "/bin/sleep"):
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
        for file in (program, *(word for word in listed if word.startswith("/"))):
            target = root / file.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    (root / "tmp").mkdir(exist_ok=True)
    archive = folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, ".")
    entry = f'ENTRYPOINT ["/bin/sh", "-c", {script!r}]'.replace("'", '"')
    engine.docker("import", "--change", entry, str(archive), name)
    return name


@pytest.mark.parametrize(
    ("script", "kind", "words", "timeout"),
    [
        ("echo api_key=abc; echo boom; exit 3", "agent_exits", ["exit code 3", "boom"], 300),
        ("echo listen: address already in use; exit 1", "port_in_use", ["port"], 300),
        ("x=aaaaaaaa; while true; do x=$x$x$x$x; done", "memory_too_small", ["64.0 MiB"], 300),
        ("echo started; exec sleep 1000", "agent_silent", ["within 4 s", "started"], 4),
        ("exec nonsense", "bad_image", ["nonsense"], 300),
    ],
)
def test_agent_that_does_not_get_healthy(
    clean_engine: Engine, docker: DockerEngine, tmp_path: Path, script: str, kind: str, words: list[str], timeout: float
) -> None:
    """One that ends, again and again, is given up long before the time is."""
    broken = image(clean_engine, tmp_path, "broken:1", script)
    spec = wanted(image=broken, memory_limit=64 * MIB, port=PORT)
    error = refused(docker, spec, checked=False, timeout=timeout)
    assert error.kind == kind
    assert all(word in error.cause for word in words)
    assert "abc" not in str(error.as_result())
    # The way out: the right image, nothing to clean up before.
    assert ensure_agents(docker, [wanted(image=OLLAMA_IMAGE, port=PORT)], probe).agents[0]["health"]["api"]
    clean_engine.docker("rmi", "--force", broken)


def test_agent_that_runs_again_is_known_by_its_last_end(clean_engine: Engine, docker: DockerEngine, tmp_path: Path) -> None:
    broken = image(clean_engine, tmp_path, "broken:4", "sleep 1; exit 3")
    refused(docker, wanted(image=broken), checked=False, timeout=0.1)
    agent = docker.observe(["a1"]).agents["a1"]

    def runs_again() -> bool:
        state = docker.details(agent)
        return state["RestartCount"] > 0 and state["Status"] == "running"

    wait_until(runs_again, "the second run")
    assert docker.details(agent)["ExitCode"] == 3
    clean_engine.clean()
    clean_engine.docker("rmi", "--force", broken)


def test_image_without_the_program(clean_engine: Engine, docker: DockerEngine, tmp_path: Path) -> None:
    broken = image(clean_engine, tmp_path, "broken:2", "x")
    clean_engine.docker("create", "--name", "other", "--entrypoint", "/bin/ollama", broken)
    clean_engine.docker("commit", "other", broken)
    error = refused(docker, wanted(image=broken), checked=False)
    assert error.kind == "bad_image" and NAME in error.what
    clean_engine.docker("rm", "other")
    clean_engine.docker("rmi", "--force", broken)


def test_missing_image_stops_the_run_before_anything(clean_engine: Engine, docker: DockerEngine) -> None:
    error = refused(docker, wanted(image="nowhere.invalid/ollama:1"), AgentSpec("a2", "acme"))
    assert error.kind == "image_missing"
    assert "nowhere.invalid/ollama:1" in error.what and "ollama_image" in error.remedy
    assert clean_engine.objects() == {"containers": set(), "volumes": set(), "networks": set()}


def test_one_broken_agent_does_not_stop_the_others(clean_engine: Engine, docker: DockerEngine, tmp_path: Path) -> None:
    broken = image(clean_engine, tmp_path, "broken:3", "exit 4")
    specs = [wanted(image=broken), AgentSpec("a2", "acme"), AgentSpec("b1", "blue", image=broken), AgentSpec("b2", "blue")]
    error = refused(docker, *specs, checked=False, timeout=60)
    assert sorted(one["agent"] for one in error.details["errors"]) == ["a1", "b1"]
    assert clean_engine.inspect("ollama-agent-b2")["State"]["Running"]
    clean_engine.clean()
    clean_engine.docker("rmi", "--force", broken)


# --- memory in use


def test_memory_is_not_taken_from_under_an_agent(clean_engine: Engine, docker: DockerEngine, registry: Registry) -> None:
    ensure_agents(docker, [wanted(port=PORT, context_length=2048, num_parallel=4)], probe)
    list(pull(PORT, registry.reference("demo")))
    generate(PORT, registry.reference("demo"))
    before = clean_engine.inspect(NAME)
    error = refused(docker, wanted(memory_limit=16 * MIB))
    assert error.kind == "memory_in_use" and "16.0 MiB" in error.what and "it uses" in error.cause
    assert clean_engine.inspect(NAME)["HostConfig"] == before["HostConfig"]
    # Stopped, it uses nothing.
    assert ensure_agents(docker, [wanted(memory_limit=16 * MIB, state="stopped")], probe).plan.changed


# --- the engine itself


def as_nobody(url: str, answer: Any) -> None:
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        DockerEngine(settings(url))
    except TenancyError as error:
        answer.put((error.kind, str(error)))


def test_no_permission_on_the_socket(engine: Engine) -> None:
    import docker.tls

    assert docker.tls
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    process = context.Process(target=as_nobody, args=(engine.url, answer))
    process.start()
    kind, text = answer.get(timeout=120)
    process.join()
    assert kind == "docker_permission" and engine.url in text and "become" in text


@pytest.fixture
def deaf_engine(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A socket on which something answers every request with the last entry of a list, or not at all."""
    answers: list[bytes] = []
    path = str(tmp_path / "engine.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def serve() -> None:
            kept = []
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                kept.append(connection)
                if answers:
                    connection.recv(65536)
                    connection.sendall(answers[-1])

        threading.Thread(target=serve, daemon=True).start()
        yield f"unix://{path}", answers


def test_engine_that_does_not_answer(deaf_engine: tuple[str, list[bytes]]) -> None:
    with pytest.raises(TenancyError) as error:
        DockerEngine(settings(deaf_engine[0], timeout=1))
    assert error.value.kind == "docker_timeout" and "docker_timeout" in error.value.remedy


def test_engine_that_is_too_old(deaf_engine: tuple[str, list[bytes]]) -> None:
    body = b'{"ApiVersion": "1.38"}'
    deaf_engine[1].append(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with pytest.raises(TenancyError) as error:
        DockerEngine(settings(deaf_engine[0]))
    assert error.value.kind == "docker_too_old" and "1.38" in error.value.cause


def test_no_engine_and_bad_options_are_one_line(clean_engine: Engine, run_module: RunModule) -> None:
    base = {"agent": "a1", "tenant": "acme"}
    for params, kind in (
        ({**base, "docker_host": "unix:///nowhere/docker.sock"}, "docker_unreachable"),
        ({**base, "docker_host": "tcp://127.0.0.1:9"}, "docker_unreachable"),
        ({**base, "docker_host": clean_engine.url, "port": 70000}, "invalid_port"),
        ({"agent": "a1"}, "invalid_options"),
    ):
        done = run_module("ollama_agent", params)
        assert done.failed and done.result["error"]["kind"] == kind
        assert "\n" not in done.msg and "Traceback" not in done.stdout + done.stderr


def test_engine_restarted_in_mid_run(clean_engine: Engine, docker: DockerEngine) -> None:
    specs = [AgentSpec(f"a{number}", "acme", port=PORT + number) for number in range(6)]
    failures: list[BaseException] = []

    def run() -> None:
        try:
            ensure_agents(docker, specs, probe)
        except BaseException as error:  # whatever it is, it is looked at below
            failures.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    # Some are there, others are still to be made.
    wait_until(lambda: clean_engine.docker("ps", "--quiet"), "the first of them")
    clean_engine.restart()
    runner.join(timeout=600)
    assert all(isinstance(error, TenancyError) for error in failures)
    done = ensure_agents(DockerEngine(settings(clean_engine.url)), specs, probe)
    assert all(agent["health"]["api"] for agent in done.agents)
    assert clean_engine.objects()["containers"] == {f"ollama-agent-a{number}" for number in range(6)}


@pytest.fixture
def remote_url(clean_engine: Engine) -> Iterator[str]:
    """The engine through TCP, as a remote one is reached."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client = server.accept()[0]
            except OSError:
                return
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(str(clean_engine.socket))
            for pair in ((client, upstream), (upstream, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_remote_engine(remote_url: str) -> None:
    engine = DockerEngine(settings(remote_url))
    # A port that is taken here says nothing about the engine's host.
    with socket.create_server(("127.0.0.2", PORT)):
        done = ensure_agents(engine, [wanted(port=PORT)], probe)
    assert done.agents[0]["health"]["api"] and done.agents[0]["models"] is None
    assert not ensure_agents(engine, [wanted(port=PORT)], probe).plan.changed


def test_where_no_store_can_be(remote_url: str, clean_engine: Engine, bench: Bench, run_module: RunModule) -> None:
    base = {"agent": "a1", "tenant": "acme", "models": [], "docker_host": clean_engine.url}
    over = bench.folder / "over"
    for name in ("lower", "upper", "work", "seen"):
        (over / name).mkdir(parents=True)
    layers = f"lowerdir={over}/lower,upperdir={over}/upper,workdir={over}/work"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", str(over / "seen")], check=True)
    try:
        for options, kind in (
            ({"store": str(over / "seen" / "models")}, "store_file_system"),
            ({"store": str(over / "models"), "docker_host": remote_url}, "store_remote_engine"),
            ({"store": "models:of,all"}, "invalid_store"),
            ({"store": str(over)}, "not_a_store"),
        ):
            told = [run_module("ollama_agent", {**base, **options}, check=check).result["error"] for check in (True, False)]
            assert told[0] == told[1] and told[0]["kind"] == kind and told[0]["remedy"]
    finally:
        subprocess.run(["umount", str(over / "seen")], check=True)
    engine = DockerEngine(settings(clean_engine.url))
    os.seteuid(65534)
    try:
        with pytest.raises(TenancyError) as error:
            require_place(Layout(str(over / "models")), engine)
    finally:
        os.seteuid(0)
    assert error.value.kind == "store_needs_root" and "become" in error.value.remedy
    assert clean_engine.objects()["containers"] == set()


# --- kills and races

RUN = """
import sys
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agents import Options, ensure_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.reach import require_place
engine = DockerEngine(DockerSettings(sys.argv[1], False, None, None, None, 60))
print("ready", flush=True)
sys.stdin.readline()
ensure_agents(engine, eval(sys.argv[2]), lambda endpoint: OllamaClient(endpoint, timeout=5).tags())
"""


def start(url: str, *specs: AgentSpec) -> subprocess.Popen[str]:
    """A process that is ready to bring agents about, and waits for a line."""
    collections = Path(__file__).parents[2] / ".collections"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, url, repr(list(specs))], env={**os.environ, "PYTHONPATH": str(collections)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    """Let it run."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def door(clean_engine: Engine) -> Iterator[Door]:
    """The door before the engine that runs go through which are killed."""
    with closing(Door(clean_engine.socket)) as opened:
        yield opened


def test_killed_at_thirty_moments_the_next_run_converges(clean_engine: Engine, docker: DockerEngine, door: Door) -> None:
    """Twenty tenants: a quarter of their agents is made anew by each run, one comes and goes, and hands remove some."""
    dice = random.Random(3)
    names = [f"t{number:02}" for number in range(20)]
    by_hand, guest = names[14:19], names[19]
    first = [
        AgentSpec(name, name, "started" if number < 2 else "present", port=PORT + number, memory_limit=128 * MIB, cpu_limit=700, environment={"KEPT": "1"})
        for number, name in enumerate(names)
    ]
    ensure_agents(docker, first, probe)
    for kill in range(30):
        specs = [
            AgentSpec(spec.agent, spec.tenant, spec.state, port=spec.port, context_length=1024 + kill if (kill + number) % 4 == 0 else None)
            for number, spec in enumerate(first[:-1])
        ]
        specs.append(AgentSpec(guest, guest, "present" if kill % 2 else "absent", remove_volume=True, port=first[-1].port))
        # About to change something for the n-th time; every other time the engine does so after the kill.
        hold = door.hold("POST|DELETE", dice.randint(1, 20))
        with start(door.url, *specs) as process:
            go(process)
            wait_until(lambda hold=hold, process=process: hold.reached or process.poll() is not None, "the moment")
            process.send_signal(signal.SIGKILL)
        hold.end(passes=kill % 2 == 1)
        if kill % 5 != 4:
            clean_engine.docker("rm", "--force", f"ollama-agent-{dice.choice(by_hand)}", check=False)
            continue
        done = ensure_agents(docker, specs, probe)
        assert not ensure_agents(docker, specs, probe).plan.changed
        # Also what no later run gave is as it was: the container that counts is complete at each moment.
        kept = [agent for agent in done.agents if agent["agent"] not in (*by_hand, guest)]
        assert {(agent["cpu_limit"], *agent["environment"]) for agent in kept} == {(700, "KEPT")}
        there = set(names) if kill % 2 else set(names) - {guest}
        containers = {f"ollama-agent-{name}" for name in there}
        assert clean_engine.objects() == {
            "containers": containers, "volumes": containers, "networks": {f"ollama-tenant-{name}" for name in there}
        }


def test_runs_at_once(clean_engine: Engine) -> None:
    """Of one tenant, so that they race for its network; of tenants whose subnets are the same first choice; of one agent."""
    specs = [AgentSpec(f"a{number}", "acme", "present") for number in range(4)]
    specs += [AgentSpec(f"b{number}", f"blue{number}", "present") for number in range(4)] + 3 * [AgentSpec("b0", "blue0", "present")]
    processes = [start(clean_engine.url, spec) for spec in specs]
    for process in processes:
        go(process)
    for process in processes:
        errors = process.communicate(timeout=600)[1]
        assert process.returncode == 0, errors
    assert len(clean_engine.objects()["containers"]) == 8
    assert len(clean_engine.objects()["networks"]) == 5


def test_interface_that_a_crashed_engine_left_is_taken_up(clean_engine: Engine, docker: DockerEngine) -> None:
    ensure_agents(docker, [wanted(port=PORT)], probe)
    network = clean_engine.inspect(NETWORK)
    interface = network["Options"]["com.docker.network.bridge.name"]
    clean_engine.clean()
    for command in (f"link add {interface} type bridge", f"addr add {gateway(network)} dev {interface}", f"link set {interface} up"):
        subprocess.run(["ip", *command.split()], check=True)
    done = ensure_agents(docker, [wanted(port=PORT)], probe)
    assert done.agents[0]["subnet"] == network["IPAM"]["Config"][0]["Subnet"]
    clean_engine.clean()
    subprocess.run(["ip", "link", "delete", interface], check=False, capture_output=True)


def test_a_place_that_something_unseen_holds_is_left_to_it(clean_engine: Engine, docker: DockerEngine) -> None:
    """Two tenants whose interfaces are taken for good, as by networks that an engine could not write to a full disk."""
    specs = [wanted(), wanted(agent="a2", tenant="globex"), wanted(agent="a3", tenant="initech", state="present")]
    for tenant in ("acme", "globex"):
        clean_engine.docker("network", "create", "--opt", f"com.docker.network.bridge.name={bridge_name(tenant)}", f"holds-{tenant}")
    done = ensure_agents(docker, specs, probe, Options(keep_going=True))
    assert not done.failures and [agent["state"] for agent in done.agents] == ["running", "running", "created"]
    for tenant, turn in (("acme", 1), ("globex", 1), ("initech", 0)):
        network = clean_engine.inspect(f"ollama-tenant-{tenant}")
        assert network["Options"]["com.docker.network.bridge.name"] == bridge_name(tenant, turn)
    assert not ensure_agents(docker, specs, probe).plan.changed


def test_a_network_that_cannot_be_is_its_tenants_failure_alone(clean_engine: Engine, docker: DockerEngine) -> None:
    for turn in range(ATTEMPTS):
        bridge = f"com.docker.network.bridge.name={bridge_name('acme', turn)}"
        clean_engine.docker("network", "create", "--opt", bridge, f"holds-{turn}")
    specs = [wanted(), wanted(agent="a2", tenant="globex")]
    done = ensure_agents(docker, specs, probe, Options(keep_going=True))
    assert {agent: error.kind for agent, error in done.failures.items()} == {"a1": "subnet_taken"}
    assert "restart the Docker Engine" in done.failures["a1"].remedy
    assert clean_engine.objects()["containers"] == {"ollama-agent-a2"}


def gateway(network: dict[str, Any]) -> str:
    """Address of a network's interface."""
    subnet = ipaddress.ip_network(network["IPAM"]["Config"][0]["Subnet"])
    return f"{subnet[1]}/{subnet.prefixlen}"


# --- secrets


def test_values_of_variables_are_nowhere(clean_engine: Engine, run_module: RunModule) -> None:
    params = {"agent": "a1", "tenant": "acme", "port": PORT, "docker_host": clean_engine.url, "memory_limit": "256m"}
    first = run_module("ollama_agent", {**params, "environment": {"TOKEN": "s3cret-one", "OLLAMA_DEBUG": "1"}}, diff=True)
    second = run_module("ollama_agent", {**params, "environment": {"TOKEN": "s3cret-two", "SHORT": "1"}}, diff=True)
    for done in (first, second):
        result = done.ok()
        assert "s3cret" not in done.stdout + done.stderr
        # Nor does a short value blank what happens to contain it.
        assert result["agents"][0]["port"] == PORT and "11" not in str(result["agents"][0]["environment"])
        assert result["agents"][0]["endpoint"] == f"http://127.0.0.1:{PORT}"
        assert result["invocation"]["module_args"]["environment"]["TOKEN"] == "********"
    assert second.result["actions"][0]["fields"]["environment TOKEN"] == {"before": "set", "after": "set to another value"}
    with closing(clean_engine.client()) as client:
        labels = client.containers.get(NAME).labels
    assert "s3cret" not in str(labels)
