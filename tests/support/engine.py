# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker Engine of the bench's own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.support.emptying import empty
from tests.support.process import BenchError, Server
from tests.support.settings import BUILD_SCRIPT, OLLAMA_IMAGE, OLLAMA_VERSION, Bench

if TYPE_CHECKING:
    import docker

# So many containers are removed one after the other in the time that an engine needs to be emptied and started.
_MANY = 30


class Engine:
    """The engine: ``start``, ``stop``, ``restart``, ``kill``; it keeps its data over a restart.

    Args:
        bench: The bench that it is of.
        host: Name of the agent host that it is the engine of; the bench's own engine has none.
        inside: Command that runs another one on that host.
    """

    def __init__(self, bench: Bench, host: str = "", inside: Sequence[str] = ()) -> None:
        self.bench = bench
        self.folder = bench.folder / host
        self.inside = list(inside)
        self.server = Server(f"dockerd-{host}" if host else "dockerd", bench.logs)
        self.socket = self.folder / "docker.sock"
        self.url = f"unix://{self.socket}"

    def start(self, live_restore: bool = False) -> None:
        """Start the engine and wait until it answers.

        Args:
            live_restore: Containers keep running while the engine is down.
        """
        folder = self.folder
        (folder / "docker.pid").unlink(missing_ok=True)
        self.server.start(
            [*self.inside, "dockerd", "--data-root", f"{folder}/docker", "--exec-root", f"{folder}/exec"]
            + ["--pidfile", f"{folder}/docker.pid", "--host", self.url, "--cgroup-parent", f"/{self.bench.cgroup}"]
            + (["--live-restore"] if live_restore else [])
        )
        self.server.wait_ready(self.answers)

    def answers(self) -> bool:
        """Whether the engine's API answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.socket))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)

    def stop(self) -> None:
        """Stop the engine as an operator does; its containers end first, unless it runs with ``live_restore``."""
        self.server.stop()

    def kill(self) -> None:
        """End the engine by ``kill -9``; its containers go on."""
        self.server.stop(signal.SIGKILL)

    def restart(self, live_restore: bool = False) -> None:
        """Stop and start the engine."""
        self.stop()
        self.start(live_restore)

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run the Docker client against this engine and return what it printed."""
        done = subprocess.run(
            ["docker", "--host", self.url, *arguments], capture_output=True, text=True, check=False, timeout=300
        )
        if check and done.returncode:
            raise BenchError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def client(self) -> docker.DockerClient:
        """A client of Docker's Python SDK; close it after use."""
        import docker

        return docker.DockerClient(base_url=self.url)

    def load_image(self, image: str = OLLAMA_IMAGE) -> None:
        """Load the image of Ollama from the cache under a name."""
        command = [str(BUILD_SCRIPT), "--version", OLLAMA_VERSION, "--image", image]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"DOCKER_HOST": self.url}
        )
        if done.returncode:
            raise BenchError(f"the image of Ollama could not be loaded: {done.stderr}")

    def objects(self) -> dict[str, set[str]]:
        """Names of all containers, volumes and networks that are not the engine's own: what a test left behind."""
        networks = set(self.docker("network", "ls", "--format", "{{.Name}}").split())
        return {
            "containers": set(self.docker("ps", "--all", "--format", "{{.Names}}").split()),
            "volumes": set(self.docker("volume", "ls", "--format", "{{.Name}}").split()),
            "networks": networks - {"bridge", "host", "none", "docker_gwbridge", "ingress"},
        }

    def clean(self) -> None:
        """Remove every container, volume and network, and what agents have in the model store that playbooks use."""
        # Those of another host are of its namespaces.
        if not self.inside and len(self.objects()["containers"]) > _MANY:
            empty(self.folder, self.server.pid)
            self.start()
        for kind, command in (("containers", "container"), ("networks", "network"), ("volumes", "volume")):
            names = sorted(self.objects()[kind])
            if names:
                force = ["--force"] if command != "network" else []
                extra = ["--volumes"] if command == "container" else []
                self.docker(command, "rm", *force, *extra, *names)
        shutil.rmtree("/var/lib/llmops/models/agents", ignore_errors=True)

    def inspect(self, name: str) -> dict[str, object]:
        """What the engine says of a container, volume, network or image."""
        return json.loads(self.docker("inspect", name))[0]
