# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several agent hosts on one machine: each has a network, mounts, a host name and a Docker Engine of its own."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.disk import fill
from tests.support.engine import Engine
from tests.support.process import Server
from tests.support.settings import Bench

# A range that is kept for documentation (RFC 5737), so no network of a test can want it.
NETWORK = "198.51.100"
BRIDGE = "fleet0"
# Each host has folders of its own there: the collection keeps models and records in them.
OWN_FOLDERS = ("/var/lib/llmops", "/var/lib/llmops-tenancy")


class AgentHost:
    """An agent host. Ansible reaches it by an interpreter that runs inside it.

    Args:
        name: Name in the inventory and host name.
        number: From 1; its address ends with it.
        disk_mb: Size of a disk of its own for all that engine and collection keep; else that of the bench.
    """

    def __init__(self, name: str, number: int, disk_mb: int | None = None) -> None:
        bench = Bench.current()
        self.name = name
        self.number = number
        self.address = f"{NETWORK}.{10 + number}"
        self.folder = bench.folder / name
        self.disk_mb = disk_mb
        self._first = Server(f"host-{name}", bench.logs)
        self._slow: SlowSocket | None = None
        self.engine = Engine(bench, name)

    @property
    def variables(self) -> dict[str, Any]:
        """Its variables in an inventory."""
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(self.folder / "python"),
            "docker_host": self._slow.url if self._slow else self.engine.url,
        }

    @property
    def unreachable(self) -> dict[str, Any]:
        """Variables instead, for a machine that is switched off: nothing answers at its address."""
        return {"ansible_connection": "ssh", "ansible_host": self.address, "ansible_ssh_retries": 0}

    def path(self, path: str) -> Path:
        """Where a file of one of its own folders is for the test."""
        return self.folder / "own" / path.lstrip("/")

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command inside it, and return what it printed."""
        return subprocess.run([*self.engine.inside, *command], check=check, capture_output=True, text=True).stdout

    def start(self) -> None:
        """Make the host and start its engine, with the image of Ollama in it."""
        self.folder.mkdir()
        if self.disk_mb:
            image = self.folder.with_suffix(".disk")
            with image.open("wb") as file:
                file.truncate(self.disk_mb << 20)
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
            subprocess.run(["mount", "-o", "loop", str(image), str(self.folder)], check=True)
        for name in OWN_FOLDERS:
            self.path(name).mkdir(parents=True)
        self._start_first_process()
        self._connect()
        python = self.folder / "python"
        python.write_text(f'#!/bin/sh\nexec {" ".join(self.engine.inside)} {sys.executable} "$@"\n')
        python.chmod(0o755)
        self.engine.start()
        self.engine.load_image()

    def _start_first_process(self) -> None:
        """A process that holds the host's namespaces."""
        binds = "; ".join(f"mkdir -p {name}; mount --bind {self.path(name)} {name}" for name in OWN_FOLDERS)
        ready = self.folder / "ready"
        script = f"set -e; hostname {self.name}; ip link set lo up; {binds}; touch {ready}; exec sleep infinity"
        self._first.start(["unshare", "--net", "--mount", "--uts", "--propagation", "private", "sh", "-c", script])
        self._first.wait_ready(ready.exists)
        self.engine.inside = ["nsenter", "--target", str(self._first.pid), "--net", "--mount", "--uts", "--"]

    def _connect(self) -> None:
        wire = f"fleet{self.number}"
        inside = ["ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", str(self._first.pid)]
        subprocess.run(inside, check=True)
        subprocess.run(["ip", "link", "set", wire, "master", BRIDGE, "up"], check=True)
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        # The way to the model registry and the fault proxy, for the host and its containers.
        self.run("ip", "route", "add", "default", "via", f"{NETWORK}.1")

    def slow_down(self, seconds: float) -> None:
        """Let every answer of the engine take so long; `variables` lead to it from now on. 0 ends it."""
        if self._slow:
            self._slow.close()
        self._slow = SlowSocket(self.engine.socket, seconds) if seconds else None

    def fill_disk(self, leave: int = 0) -> Path:
        """Fill its disk until so many bytes are left; remove the returned file to free it. Needs a disk of its own."""
        return fill(self.folder, leave)

    def stop(self) -> None:
        """End the host and all that runs on it."""
        self.slow_down(0)
        if self.engine.server.pid:
            self.engine.clean()
            self.engine.stop()
        self._first.stop()
        subprocess.run(["ip", "link", "delete", f"fleet{self.number}"], check=False, capture_output=True)
        if self.disk_mb:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class SlowSocket:
    """A socket before an engine's own that passes everything on, each request after a while."""

    def __init__(self, target: Path, seconds: float) -> None:
        self.target, self.seconds = target, seconds
        self.path = target.with_name("slow.sock")
        self.url = f"unix://{self.path}"
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
            engine.connect(str(self.target))
            while True:
                for source in select.select([client, engine], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client:
                        time.sleep(self.seconds)
                    (engine if source is client else client).sendall(data)

    def close(self) -> None:
        """Accept no more."""
        # A thread that waits in accept() is not woken by close() alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def agent_hosts(*names: str, disks: Mapping[str, int] | None = None) -> Iterator[list[AgentHost]]:
    """Start agent hosts of these names, side by side; they end with the block.

    Args:
        names: Their names.
        disks: Size in MiB of a disk of its own, for those that need one: 400 hold the image and some agents.
    """
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", f"{NETWORK}.1/24", "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
    hosts = [AgentHost(name, number, (disks or {}).get(name)) for number, name in enumerate(names, 1)]
    try:
        _all(hosts, "start")
        yield hosts
    finally:
        _all(hosts, "stop")
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


def _all(hosts: Sequence[AgentHost], what: str) -> None:
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(getattr(host, what)) for host in hosts]:
            done.result()
