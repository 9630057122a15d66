# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant that is root in its container does what it can to a store's models, and changes nothing of them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.ansible import ModuleRun
from tests.support.engine import Engine
from tests.support.ollama import generate, request
from tests.support.registry import Registry
from tests.support.store import Store

PORTS = {"bad": 12920, "good": 12921}
# Run as root in the root file system of the container, without a single capability, as the engine starts it.
ATTACKS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in range(64):
    libc.prctl(24, number, 0, 0, 0)
os.chroot(f"/proc/{sys.argv[1]}/root"); os.chdir("/models")
class Head(ctypes.Structure): _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
libc.capset(ctypes.byref(Head(0x20080522, 0)), (ctypes.c_uint32 * 6)())
done = []
def attempt(name, call):
    try:
        call(); done.append(name)
    except OSError:
        pass
for blob in sorted(os.listdir("blobs")):
    path = f"blobs/{blob}"
    attempt("chmod", lambda: os.chmod(path, 0o666))
    attempt("write", lambda: open(path, "r+b").write(b"EVIL"))
    attempt("link", lambda: os.link(path, f"/models/linked-{blob[:12]}"))
    attempt("rename", lambda: os.rename(path, f"{path}.gone"))
    attempt("truncate", lambda: open(f"{path}.gone", "wb").close())
attempt("mknod", lambda: os.mknod("/models/disk", 0o60600, os.makedev(8, 0)))
if libc.mount(b"none", b"/models", None, 32, b"") == 0:
    done.append("remount")
attempt("manifests", lambda: os.rename("manifests", "away"))
print(" ".join(sorted(set(done))))
"""


def test_a_hostile_tenant_and_sixty_models(
    clean_engine: Engine, bench: Any, registry: Registry, run_module: Callable[..., ModuleRun]
) -> None:
    store = Store(bench.folder / f"store-{time.monotonic_ns()}")
    names = [f"registry.example.com:5000/some-team/model-{number:02}:q4" for number in range(59)] + ["demo"]
    for name in names:
        store.add(name)
    params = {
        "store": str(store.root), "docker_host": clean_engine.url, "memory_limit": "512m", "models": names,
        "agents": [{"agent": name, "tenant": f"tenant-{name}", "port": port} for name, port in PORTS.items()],
    }
    run_module("ollama_agent", params).ok()
    assert len(request(PORTS["good"], "GET", "/api/tags")[0]["models"]) == 60
    assert generate(PORTS["good"], names[7]) and generate(PORTS["bad"])
    before = store.checksums("bad")
    pid = clean_engine.docker("inspect", "--format", "{{.State.Pid}}", "ollama-agent-bad").strip()
    attacked = subprocess.run(["python3", "-c", ATTACKS, pid], capture_output=True, text=True, check=True, timeout=300)
    tried = set(attacked.stdout.split())
    # In its own directory it may do as it likes; it gets no device and no other mount.
    assert {"chmod", "write", "rename"} <= tried and not {"mknod", "remount"} & tried
    # It also lays traps for whoever reads its directory as root.
    upper = Path(store.layout.agent("bad").upper)
    trap = upper / "manifests-of-mine"
    trap.mkdir()
    os.mkfifo(upper / "pipe")
    assert store.checksums("bad") == before
    assert generate(PORTS["good"]) and generate(PORTS["good"], names[7])
    info = run_module("ollama_agent_info", {"docker_host": clean_engine.url, "usage": False}).ok()
    assert {each["agent"]: each["models"] for each in info["directories"]}["good"] == []
    gone = {"agent": "bad", "tenant": "tenant-bad", "state": "absent", "remove_volume": True, "docker_host": clean_engine.url}
    run_module("ollama_agent", gone).ok()
    assert not upper.parent.exists() and store.checksums("bad") == before
