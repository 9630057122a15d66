# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile tenant leaves links, depths, holes and names in its models directory for whoever moves, looks at and erases it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.ansible import ModuleRun
from tests.support.deep_tree import deep
from tests.support.engine import Engine
from tests.support.intruder import Intruder
from tests.support.ollama import generate
from tests.support.registry import Registry
from tests.support.store import Store

PORTS = {"bad": 12925, "good": 12926}
# What it does in its container. It knows where others have their blobs, and what they are called.
TRAPS = """
blobs, digest = {blobs!r}, {digest!r}
os.chdir("/models")
def manifest(name, size, tag="latest"):
    os.makedirs("manifests/registry.ollama.ai/library/" + name, exist_ok=True)
    with open("manifests/registry.ollama.ai/library/" + name + "/" + tag, "w") as file:
        json.dump({{"layers": [{{"digest": digest, "size": size}}]}}, file)
os.makedirs("blobs", exist_ok=True)
os.rename("blobs", "my-blobs")
os.symlink(blobs, "blobs")
manifest("stolen", 2**59)
manifest("\x1b[2J\\n", 1)
manifest("stolen", 1, "\udcff")
with open("sparse", "w") as file:
    file.truncate(2**42)
for level in range(1100):
    os.mkdir("directory")
    os.chdir("directory")
print("true")
"""


def files(folder: Path) -> set[tuple[int, int]]:
    """What the files of a directory are, by whatever names."""
    found = [os.lstat(Path(place, name)) for place, _folders, names in os.walk(folder) for name in names]
    return {(each.st_dev, each.st_ino) for each in found}


def test_traps_for_who_moves_looks_and_erases(
    clean_engine: Engine, bench: Any, registry: Registry, run_module: Callable[..., ModuleRun]
) -> None:
    store = Store(bench.folder / f"store-{time.monotonic_ns()}")
    store.add("demo")
    # A blob of another tenant's, which is in the store, and in no view of the one that is hostile.
    store.add("demo2", "demo2")
    held = json.loads(Path(store.layout.manifest("demo2")).read_text())
    secret = next(part["digest"] for part in held["layers"] if part["digest"] not in Path(store.layout.manifest("demo")).read_text())
    agents = [{"agent": name, "tenant": f"tenant-{name}", "port": port} for name, port in PORTS.items()]
    params = {"docker_host": clean_engine.url, "memory_limit": "512m", "agents": agents}
    run_module("ollama_agent", params).ok()
    assert Intruder(clean_engine, "bad").run(TRAPS.format(blobs=store.layout.blobs, digest=secret))
    before = store.checksums("bad", "good")
    moving = {**params, "store": str(store.root), "models": ["demo"], "migrate": "shared"}
    checked, done = (run_module("ollama_agent", moving, check=check).ok() for check in (True, False))
    assert checked["failures"] == done["failures"] == [] and checked["actions"] == done["actions"]
    for told in (checked, done):
        [warning] = told["warnings"]
        assert "'bad' has 2 manifests" in str(warning)
    # Nothing of others came along, and both agents work.
    upper = Path(store.layout.agent("bad").upper)
    assert not files(upper) & files(store.root / "blobs") and not (upper / "blobs" / secret.replace(":", "-")).exists()
    assert before.items() <= store.checksums("bad", "good").items()
    assert all(generate(port) for port in PORTS.values())
    # In the store it goes on nesting.
    deep(upper)
    info = run_module("model_store_info", {"store": str(store.root)}).ok()
    assert {each["agent"] for each in info["agents"]} == set(PORTS)
    run_module("ollama_agent", {**params, "agents": [{**agents[0], "state": "absent", "remove_volume": True}]}).ok()
    assert not upper.parent.exists() and generate(PORTS["good"])
