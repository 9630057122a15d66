# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container that lives for one job: started, told to run commands, always removed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_client import connect, translated
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings

# Not the label of an agent: nothing may take such a container for one.
JOB = shape.LABEL + "job"
_TICK = 0.1


@dataclass(frozen=True)
class Mount:
    """A file or folder of the host in the container. :param writable: by root in there."""

    source: str
    target: str
    writable: bool = False

    def body(self) -> dict[str, Any]:
        """As the engine takes it. It never makes a source that is not there."""
        return {"Type": "bind", "Source": self.source, "Target": self.target, "ReadOnly": not self.writable}


@dataclass(frozen=True)
class Layered:
    """A folder to write in over one that is only read, whatever the container does to what it sees of it."""

    layers: ModelMount
    target: str

    def body(self) -> dict[str, Any]:
        """As the engine takes it: a volume without a name, which goes with the container."""
        found = docker_volume.options(self.layers)
        # Setting a file's time must not copy its gigabytes.
        driver = {"Name": "local", "Options": {**found, "o": f"{found['o']},metacopy=on"}}
        return {"Type": "volume", "Target": self.target, "VolumeOptions": {"NoCopy": True, "DriverConfig": driver}}


@dataclass(frozen=True)
class JobContainer:
    """What to run.

    :param name: of the container. :param owner: what tells later whether its run still lives; a label.
    :param memory: bytes that it may use, without swap.
    """

    name: str
    owner: str
    image: str
    memory: int
    mounts: Sequence[Mount | Layered] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Body of ``POST /containers/create``: no network, nothing of the host but its mounts."""
        return {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in sorted(self.environment.items())],
            "Labels": {JOB: self.owner},
            "HostConfig": {
                **shape.HARDENING,
                "NetworkMode": "none",
                "Memory": self.memory,
                "MemorySwap": self.memory,
                "Mounts": [mount.body() for mount in self.mounts],
            },
        }


@dataclass(frozen=True)
class Ended:
    """How a command ended. :param output: all that it wrote."""

    code: int
    output: str


class DockerJobs:
    """Containers for jobs on one engine.

    :param settings: how to reach it; it has to be of this machine, since mounts are folders of it.
    :raises TenancyError: when it can't be reached.
    """

    def __init__(self, settings: DockerSettings) -> None:
        if not settings.host.startswith("unix://"):
            raise TenancyError(
                f"The Docker Engine at {settings.host} can't make a model out of files of this machine",
                cause="it is not known to run here",
                remedy="Run the task on the agent host itself, with docker_host on a Unix socket",
                kind="docker_not_local",
            )
        self._host = settings.host
        self._client = connect(settings)

    @contextmanager
    def running(self, container: JobContainer) -> Iterator[None]:
        """Have the container run inside the block.

        :raises TenancyError: ``image_missing`` and those of the engine.
        """
        from docker.errors import ImageNotFound

        with translated(self._host, f"Container {container.name} could not be started"):
            try:
                self._client.create_container_from_config(container.body(), container.name)
            except ImageNotFound as error:
                raise TenancyError(
                    f"Image {container.image} is not on this host",
                    cause="models of files are made by the Ollama of this image",
                    remedy="Bring it with playbook prepare_host, or name another one that is there",
                    kind="image_missing",
                ) from error
        try:
            with translated(self._host, f"Container {container.name} could not be started"):
                self._client.start(container.name)
            yield
        finally:
            self.remove(container.name)

    def run(self, name: str, command: Sequence[str], tick: Callable[[], None]) -> Ended:
        """Run a command in a container and wait for its end.

        :param tick: called many times a second meanwhile; what it raises ends the waiting.
        """
        with translated(self._host, f"Nothing could be run in container {name}"):
            execution = self._client.exec_create(name, list(command))["Id"]
            reader = _Reader(self._client, execution)
            reader.start()
            while reader.is_alive():
                reader.join(_TICK)
                tick()
            if reader.error:
                raise reader.error
            code = self._client.exec_inspect(execution)["ExitCode"]
        return Ended(1 if code is None else code, reader.output)

    def killed_for_memory(self, name: str) -> bool:
        """Whether a process of the container ran into its memory limit."""
        with translated(self._host, f"Container {name} could not be inspected"):
            return bool(self._client.inspect_container(name)["State"].get("OOMKilled"))

    def left(self) -> dict[str, str]:
        """All job containers of the engine: name and owner."""
        with translated(self._host, "The containers of jobs could not be listed"):
            listed = self._client.containers(all=True, filters={"label": JOB})
        return {one["Names"][0].lstrip("/"): one["Labels"][JOB] for one in listed if one["Names"]}

    def remove(self, name: str) -> None:
        """Remove a container at once, running or not; one that is gone is no fault."""
        from docker.errors import APIError, NotFound

        with translated(self._host, f"Container {name} could not be removed"):
            try:
                self._client.remove_container(name, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                # "removal … is already in progress": another run sweeps up too.
                if error.status_code != 409:
                    raise


class _Reader(threading.Thread):
    """Reads what a command writes until it ends."""

    def __init__(self, client: Any, execution: str) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._execution = execution
        self.output = ""
        self.error: Exception | None = None

    def run(self) -> None:
        """Read to the end."""
        try:
            for chunk in self._client.exec_start(self._execution, stream=True):
                self.output += chunk.decode(errors="replace")
        except Exception as error:
            self.error = error
