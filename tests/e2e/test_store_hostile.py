# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant that is root in its container does what it can to a store's models, and changes nothing of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.ansible import ModuleRun
from tests.support.engine import Engine
from tests.support.intruder import Intruder, models_of
from tests.support.ollama import generate, request
from tests.support.registry import Registry
from tests.support.store import Store

PORTS = {"bad": 12920, "good": 12921}
# Each attempt ends with "done" or with the name of its error.
ATTACKS = """
import errno
libc = ctypes.CDLL(None, use_errno=True)
result = {}
def attempt(name, call):
    try:
        call()
        result.setdefault(name, set()).add("done")
    except OSError as error:
        result.setdefault(name, set()).add(errno.errorcode[error.errno])
def system(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
def write(path, flags=os.O_RDWR):
    with open(os.open(path, flags), "wb", buffering=0) as file:
        file.write(b"EVIL")
def reopen(path):
    with open(path, "rb") as file:
        os.fchmod(file.fileno(), 0o777)
        write(f"/proc/self/fd/{file.fileno()}")
def replace(path):
    open("mine", "w").write("EVIL")
    os.rename("mine", path)
os.chdir("/models")
blobs = [f"blobs/{name}" for name in sorted(os.listdir("blobs"))]
for number, path in enumerate(blobs):
    attempt("link", lambda: os.link(path, f"linked-{number}"))
    attempt("chmod", lambda: os.chmod(path, 0o666))
    attempt("write by the link", lambda: write(f"linked-{number}"))
    attempt("write", lambda: write(path))
    attempt("truncate", lambda: os.truncate(path, 0))
    attempt("write what was opened to read", lambda: reopen(path))
    attempt("rename over it", lambda: replace(path))
attempt("rename a shared folder", lambda: os.rename("manifests", "away"))
REMOUNT, BIND = 32, 4096
attempt("remount", lambda: system("mount", b"none", b"/models", None, REMOUNT, b""))
attempt("remount with another lower", lambda: system("mount", b"overlay", b"/models", b"overlay", REMOUNT, b"lowerdir=/"))
attempt("remount the root", lambda: system("mount", b"none", b"/", None, REMOUNT, b""))
attempt("bind", lambda: system("mount", b"/models", b"/tmp", None, BIND, None))
attempt("umount", lambda: system("umount2", b"/models", 2))
attempt("own namespace", lambda: system("unshare", 0x10020000))
attempt("mknod a disk", lambda: os.mknod("disk", 0o60600, os.makedev(8, 0)))
attempt("mknod a whiteout", lambda: os.mknod("gone", 0o20600, os.makedev(0, 0)))
os.mkdir("trap")
attempt("redirect", lambda: os.setxattr("trap", "trusted.overlay.redirect", b"/blobs"))
attempt("see the store", lambda: os.listdir("/var/lib/llmops"))
names = ("mnt", "pid", "net", "uts", "ipc", "cgroup")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
rights = {name: status[name].split()[0] for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")}
print(json.dumps({
    "did": {name: " ".join(sorted(ends)) for name, ends in result.items()}, "rights": rights,
    "namespaces": {name: os.readlink(f"/proc/self/ns/{name}") for name in names},
}))
"""
# In its own directory it may do as it likes. Nothing else is open to it: no device, no mount, no namespace, no trick with
# the overlay's own marks.
OWN = ("link", "chmod", "write by the link", "write", "truncate", "write what was opened to read", "rename over it")
REFUSED = (
    "remount", "remount with another lower", "remount the root", "bind", "umount", "own namespace", "mknod a disk",
    "mknod a whiteout", "redirect",
)
ELSEWHERE = {"rename a shared folder": "EXDEV", "see the store": "ENOENT"}


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
    before = whole(store, clean_engine)
    told = Intruder(clean_engine, "bad").run(ATTACKS)
    pid = clean_engine.docker("inspect", "--format", "{{.State.Pid}}", "ollama-agent-bad").strip()
    assert told["namespaces"] == {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in told["namespaces"]}
    assert told["rights"] == {**dict.fromkeys(("CapEff", "CapPrm", "CapBnd"), "0" * 16), "NoNewPrivs": "1", "Seccomp": "2", "Uid": "0"}
    assert told["did"] == {**dict.fromkeys(OWN, "done"), **dict.fromkeys(REFUSED, "EPERM"), **ELSEWHERE}
    assert whole(store, clean_engine) == before
    # What it wrote is in its own directory, also what it wrote by its link.
    upper = Path(store.layout.agent("bad").upper)
    assert {path.read_bytes() for path in (*(upper / "blobs").iterdir(), *upper.glob("linked-*"))} == {b"EVIL"}
    # It also lays traps for whoever reads its directory as root.
    trap = upper / "manifests-of-mine"
    trap.mkdir()
    os.mkfifo(upper / "pipe")
    assert whole(store, clean_engine) == before
    assert generate(PORTS["good"]) and generate(PORTS["good"], names[7])
    info = run_module("ollama_agent_info", {"docker_host": clean_engine.url, "usage": False}).ok()
    assert {each["agent"]: each["models"] for each in info["directories"]}["good"] == []
    gone = {"agent": "bad", "tenant": "tenant-bad", "state": "absent", "remove_volume": True, "docker_host": clean_engine.url}
    run_module("ollama_agent", gone).ok()
    assert not upper.parent.exists() and whole(store, clean_engine) == before


def whole(store: Store, engine: Engine) -> tuple[dict[str, str], dict[str, tuple[int, ...]], dict[str, str]]:
    """All that a tenant could change: the store's bytes, its files themselves, and what the other tenant's agent sees."""
    stats = {name: os.stat(name) for name in (path.path for path in os.scandir(store.layout.blobs))}
    files = {name: (at.st_ino, at.st_nlink, at.st_mode, at.st_uid, at.st_mtime_ns, at.st_ctime_ns) for name, at in stats.items()}
    models = models_of(engine, "good")
    seen = {str(path.relative_to(models)): hashlib.sha256(path.read_bytes()).hexdigest() for path in models.rglob("*") if path.is_file()}
    return store.checksums("bad"), files, seen
