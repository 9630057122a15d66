# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several agent hosts on one machine: each has a network, mounts, a host name and a Docker Engine of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.disk import fill
from tests.support.door import Door
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
        self._door: Door | None = None
        self.engine = Engine(bench, name)

    @property
    def variables(self) -> dict[str, Any]:
        """Its variables in an inventory."""
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(self.folder / "python"),
            "docker_host": self._door.url if self._door else self.engine.url,
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

    def open_door(self) -> Door:
        """Have all requests come by a door; `variables` lead to it from now on."""
        self._door = self._door or Door(self.engine.socket)
        return self._door

    def slow_down(self, seconds: float) -> None:
        """Let every answer of the engine take so long; `variables` lead to it from now on. 0 ends it."""
        if seconds:
            self.open_door().seconds = seconds
        elif self._door:
            self._door.close()
            self._door = None

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
