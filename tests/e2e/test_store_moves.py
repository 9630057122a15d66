# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents whose models move: under a store, to another disk, and back; also when the run is killed in between."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ansible import ModuleRun
from tests.support.disk import fill, small_disk
from tests.support.engine import Engine
from tests.support.ollama import generate, request
from tests.support.process import BenchError, wait_until
from tests.support.registry import Registry
from tests.support.store import Store
from tests.support.stores import ModuleProcess

RunModule = Callable[..., ModuleRun]
NAME, PORT = "ollama-agent-a1", 12910
# Moments of a move, in their order: what the run does next when it is killed.
MOMENTS = {
    "shared": (
        r"POST \S+/stop", r"os.rename .*/upper.new'", r"DELETE \S+/containers/", r"DELETE \S+/volumes/", r"POST \S+/volumes/create",
        r"POST \S+/rename", r"os.symlink .*/views/", r"POST \S+/start",
    ),
    "private": (
        r"DELETE \S+/volumes/", r"POST \S+/volumes/create", r"os.rename .*'sha256-", r"os.remove .*/a1/view'", r"POST \S+/start",
    ),
}


class Mover:
    """One agent with the model demo, shared or not, and one of its own."""

    def __init__(self, engine: Engine, store: Store, run_module: RunModule) -> None:
        self.engine, self.store, self.run_module = engine, store, run_module

    def params(self, store: Store | None = None, **options: Any) -> dict[str, Any]:
        """Options of ollama_agent."""
        root = {"store": str((store or self.store).root)}
        agent = {"agent": "a1", "tenant": "acme", "port": PORT, "memory_limit": "512m", "models": ["demo"]}
        return {**agent, **root, "docker_host": self.engine.url, **options}

    def ensure(self, store: Store | None = None, **options: Any) -> list[str]:
        """CHECK, real, CHECK, real."""
        params = self.params(store, **options)
        checked = self.run_module("ollama_agent", params, check=True).ok()
        done = self.run_module("ollama_agent", params).ok()
        assert checked["actions"] == done["actions"]
        for field in ("store", "models"):
            assert checked["agents"][0][field] in (done["agents"][0][field], None)
        for check in (True, False):
            assert self.run_module("ollama_agent", params, check=check).ok()["actions"] == []
        return [f"{action['action']} {action['kind']}" for action in done["actions"]]

    def make_plain(self) -> None:
        """An agent from before there was a store, which pulled demo and made a model of its own."""
        self.run_module("ollama_agent", {**self.params(), "store": None, "models": None}).ok()
        path = self.engine.docker("volume", "inspect", "--format", "{{.Mountpoint}}", NAME).strip()
        for part in ("blobs", "manifests"):
            shutil.copytree(self.store.root / part, Path(path) / part, dirs_exist_ok=True)
        request(PORT, "POST", "/api/create", {"model": "mine", "from": "demo", "system": "You are mine."})

    def works(self) -> bool:
        """Whether both of its models answer."""
        names = {model["name"] for model in request(PORT, "GET", "/api/tags")[0]["models"]}
        assert names == {"demo:latest", "mine:latest"}
        return bool(generate(PORT) and generate(PORT, "mine"))

    def kill_at(self, moment: str, **options: Any) -> None:
        """Run the module until right before a moment, see ``run_module.stop_at``, and kill it there."""
        run = ModuleProcess("ollama_agent", self.params(**options), stop_at=moment)
        try:
            run.wait_stopped()
        finally:
            run.kill()


@pytest.fixture
def mover(clean_engine: Engine, bench: Any, registry: Registry, run_module: RunModule) -> Mover:
    """A host with a store that has demo."""
    store = Store(bench.folder / f"store-{time.monotonic_ns()}")
    store.add("demo")
    return Mover(clean_engine, store, run_module)


def test_under_a_store_to_another_disk_and_back(mover: Mover) -> None:
    mover.make_plain()
    # What is there stays as it is until it is asked to move.
    assert mover.ensure() == []
    before = mover.store.disk()
    moved = mover.ensure(migrate="shared")
    assert moved == ["replace volume", "recreate container", "create view", "start container"]
    assert mover.works()
    [own] = mover.run_module("ollama_agent_info", {"docker_host": mover.engine.url, "usage": False}).ok()["directories"]
    assert own["models"] == ["mine:latest"] and own["tenant"] == "acme"
    # The shared model was not brought a second time.
    assert mover.store.disk() - before < 100_000
    with small_disk(96) as disk:
        other = Store(disk / "models")
        other.add("demo")
        assert mover.ensure(other) == ["replace volume", "recreate container", "create view", "start container"]
        assert mover.works() and not Path(mover.store.layout.agent("a1").upper).parent.exists()
        # The copies go to the engine's volumes, so a store that is full is left all the same.
        (disk / "rest").write_bytes(bytes(shutil.disk_usage(disk).free))
        assert mover.ensure(other, migrate="private") == ["replace volume", "recreate container", "start container"]
    assert mover.works()


def test_a_killed_move_goes_on(mover: Mover) -> None:
    mover.make_plain()
    for migrate, moments in MOMENTS.items():
        for moment in moments:
            mover.kill_at(moment, migrate=migrate)
        mover.ensure(migrate=migrate)
        assert mover.works()
    # Also when it is to go the other way after all.
    mover.kill_at(r"os.symlink .*/views/", migrate="shared")
    mover.kill_at(r"os.rename .*'sha256-", migrate="private")
    mover.ensure(migrate="shared")
    assert mover.works()


def test_a_switch_that_is_killed_at_any_moment_goes_on(mover: Mover) -> None:
    mover.ensure()
    names = ["demo"]
    for moment in ("drain", "stop", "switch", "start"):
        names.append(f"{moment}:latest")
        mover.store.add(names[-1])
        kill_switch(mover, mover.params(models=names, drain_timeout=600), moment)
        mover.ensure(models=names)
        listed = {model["name"] for model in request(PORT, "GET", "/api/tags")[0]["models"]}
        assert listed == {"demo:latest", *names[1:]} and generate(PORT, names[-1])


def kill_switch(mover: Mover, params: dict[str, Any], moment: str) -> None:
    """Run the module and kill it while it drains the agent, has it stopped, has switched its view, or has started it again."""
    layout, engine = mover.store.layout, mover.engine
    seen, linked = set(os.listdir(layout.views)), layout.view_of("a1")
    agent = int(engine.docker("inspect", "--format", "{{.State.Pid}}", NAME))
    daemon = int((engine.folder / "docker.pid").read_text())
    # A request that nobody reads is in flight for as long as the agent does not go on.
    os.kill(agent, signal.SIGSTOP)
    with socket.create_connection(("127.0.0.1", PORT)) as waiting:
        waiting.sendall(b"GET /api/version HTTP/1.1\r\n")
        run = ModuleProcess("ollama_agent", params)
        try:
            wait_until(lambda: {each for each in os.listdir(layout.views) if each[0] != "."} - seen, "the new view")
            assert running(engine) and layout.view_of("a1") == linked
            if moment == "drain":
                return
            with open(os.path.join(layout.locks, "store"), "r+b") as lock:
                # Whoever takes away what nobody uses keeps the switch waiting.
                fcntl.flock(lock, fcntl.LOCK_EX)
                os.kill(agent, signal.SIGCONT)
                waiting.close()
                wait_until(lambda: not running(engine), "the agent's end")
                assert layout.view_of("a1") == linked
                if moment == "stop":
                    return
                os.kill(daemon, signal.SIGSTOP)
            wait_until(lambda: layout.view_of("a1") != linked, "the switch")
            if moment == "start":
                os.kill(daemon, signal.SIGCONT)
                wait_until(lambda: running(engine), "the agent's start")
        finally:
            run.kill()
            os.kill(daemon, signal.SIGCONT)
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent, signal.SIGCONT)


def running(engine: Engine) -> bool:
    """Whether the agent runs."""
    return engine.docker("inspect", "--format", "{{.State.Running}}", NAME).strip() == "true"


@pytest.mark.parametrize("restart", ["kill", "stop"])
def test_agents_come_back_after_their_engine(mover: Mover, restart: str) -> None:
    engine = mover.engine
    mover.ensure()
    # A newer version came meanwhile, for the next restart.
    newer = mover.store.add("demo", version=2)
    mover.run_module("ollama_agent", mover.params(model_update="next_restart")).ok()
    request(PORT, "POST", "/api/create", {"model": "mine", "from": "demo", "system": "You are mine."})
    assert digest() != newer and len(overlays(mover.store)) == 1
    # The moment of a switch counts as a little later than it was.
    switched = os.lstat(mover.store.layout.agent("a1").link).st_mtime
    wait_until(lambda: time.time() > switched, "the moment of the switch")
    getattr(engine, restart)()
    # A stop is as before a reboot: nothing of the agent's is mounted any more.
    assert len(overlays(mover.store)) == (restart == "kill")
    engine.start()
    if restart == "stop":
        # Before any run of ours it is back with its models, the newer version, too.
        wait_until(lambda: digest() == newer, "the agent with its models")
        assert mover.works() and mover.ensure(model_update="next_restart") == []
        return
    # The engine has ended what it found running, and may leave it so.
    stays = [] if running(engine) else ["start container"]
    assert mover.ensure(model_update="next_restart") == stays
    assert mover.works() and digest() == newer
    survive_their_engine(mover)


def survive_their_engine(mover: Mover) -> None:
    """With live-restore the agent goes on when its engine is killed, and gets a newer version afterwards as ever."""
    engine = mover.engine
    process, had = engine.inspect(NAME)["State"]["Pid"], digest()
    engine.kill()
    engine.start(live_restore=True)
    assert engine.inspect(NAME)["State"]["Pid"] == process and mover.works() and digest() == had
    # The engine has let go of its own mount of the volume, the agent has its own.
    newest = mover.store.add("demo", version=3)
    mover.run_module("ollama_agent", mover.params()).ok()
    assert mover.works() and digest() == newest
    engine.docker("rm", "--force", NAME)
    engine.kill()
    engine.start()


def digest() -> str:
    """The version of demo that the agent has."""
    return next(model["digest"] for model in request(PORT, "GET", "/api/tags")[0]["models"] if model["name"] == "demo:latest")


def overlays(store: Store) -> list[str]:
    """What is mounted of agents of a store."""
    return [line for line in Path("/proc/mounts").read_text().splitlines() if f"{store.root}/agents/" in line]


def test_what_was_taken_away_by_hand_comes_back(mover: Mover) -> None:
    mover.ensure()
    layout = mover.store.layout
    shutil.rmtree(layout.view(layout.view_of("a1")))
    assert mover.ensure() == ["switch view"]
    assert generate(PORT)
    os.unlink(layout.agent("a1").link)
    assert mover.ensure() == ["switch view"]
    mover.engine.docker("stop", NAME)
    shutil.rmtree(Path(layout.agent("a1").upper).parent)
    assert mover.ensure() == ["create view", "start container"]
    assert generate(PORT)
    # A volume that was made anew over a directory of somebody's own: with the agent goes what it has in the store alone.
    own, strange = Path(layout.agent("a1").upper), mover.store.root.with_name("strange")
    for part in ("upper", "work"):
        (strange / part).mkdir(parents=True)
    mover.engine.docker("rm", "--force", NAME)
    mover.engine.docker("volume", "rm", NAME)
    mount = f"o=lowerdir={layout.agent('a1').link},upperdir={strange}/upper,workdir={strange}/work"
    labels = ("--label=llmops.tenancy.tenant_id=acme", "--label=llmops.tenancy.agent=a1")
    mover.engine.docker("volume", "create", *labels, "--opt=type=overlay", "--opt=device=overlay", f"--opt={mount}", NAME)
    gone = mover.run_module("ollama_agent", {**mover.params(state="absent", remove_volume=True), "models": None}).ok()
    assert {"remove upper", "remove volume"} <= {f"{action['action']} {action['kind']}" for action in gone["actions"]}
    assert not own.parent.exists() and (strange / "upper").is_dir() and (strange / "work").is_dir()


@contextlib.contextmanager
def on_another_disk(store: Store, size_mb: int) -> Iterator[None]:
    """Move a store to a disk of its own, as the docs say: a copy that keeps hard links, mounted at the same path."""
    with small_disk(size_mb, "ext4") as disk:
        away = store.root.with_name(f"{store.root.name}-away")
        store.root.rename(away)
        subprocess.run(["cp", "-a", f"{away}/.", str(disk)], check=True)
        shutil.rmtree(away)
        store.root.mkdir()
        subprocess.run(["mount", "--bind", str(disk), str(store.root)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(store.root)], check=True)


def test_a_store_moves_to_another_disk_and_a_tenant_fills_that(mover: Mover, registry: Registry) -> None:
    mover.ensure()
    request(PORT, "POST", "/api/create", {"model": "mine", "from": "demo", "system": "You are mine."})
    mover.engine.docker("stop", NAME)
    layout, took = mover.store.layout, mover.store.disk()
    with on_another_disk(mover.store, 32):
        assert abs(mover.store.disk() - took) < 256 * 1024
        assert mover.ensure() == ["start container"] and mover.works()
        weights = max(Path(layout.blobs).iterdir(), key=lambda blob: blob.stat().st_size)
        assert os.path.samefile(weights, Path(layout.view(layout.view_of("a1")), "blobs", weights.name))
        other = {"agent": "b1", "tenant": "blue", "port": PORT + 1, "model_update": "at_once"}
        mover.run_module("ollama_agent", {**mover.params(), **other}).ok()
        before = mover.store.checksums("a1", "b1")
        # What one tenant writes until the disk is full is its own trouble: the other's model answers, the store is as it was.
        big = Path(layout.root).with_name("big")
        big.write_bytes(os.urandom(40 << 20))
        # Ollama says so, or hangs up before all of it was sent.
        with pytest.raises((BenchError, OSError, http.client.HTTPException)):
            request(PORT, "POST", f"/api/blobs/sha256:{hashlib.sha256(big.read_bytes()).hexdigest()}", big)
        fill(Path(layout.agent("a1").upper))
        assert generate(PORT + 1) and mover.works()
        assert mover.store.checksums("a1", "b1") == before
        pull = {"store": str(mover.store.root), "model": "demo2", "mirror": registry.address, "insecure": True, "min_free": "0"}
        for check in (True, False):
            assert mover.run_module("model_store", pull, check=check).result["error"]["kind"] == "disk_full"
        told = mover.run_module("model_store_info", {"store": pull["store"], "private_limit": "1m"}).ok()
        assert {each["agent"]: each["over_limit"] for each in told["agents"]} == {"a1": True, "b1": False}
