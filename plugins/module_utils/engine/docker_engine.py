# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker Engine: observe and apply. What it sends is in ``docker_shape``, what it reads in ``docker_observe``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import AbstractSet, Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_adopted, docker_volume, drain
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentAction,
    Observation,
    Usage,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_client import connect, translated
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_images import ImageEdge, missing_image
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_limits import set_limits
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_observe import (
    NEW,
    Observer,
    read_last_end,
    unix_time,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_usage import read_sample, read_usages
from ansible_collections.llmops.tenancy.plugins.module_utils.names import network_name
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings

# Ollama ends within a second of SIGTERM unless it answers a request; the engine kills it after this many.
GRACE = 10
_LISTINGS = 5


class DockerEngine:
    """One Docker Engine.

    :param settings: how to reach it.
    :param drain_timeout: seconds that requests in flight may take before an agent is stopped.
    :param adopted: tenant by agent, for agents that an older system made.
    :raises TenancyError: when it can't be reached.
    """

    def __init__(
        self, settings: DockerSettings, drain_timeout: float = 30, adopted: Mapping[str, str] | None = None
    ) -> None:
        self.adopted = adopted
        self.drain_timeout = drain_timeout
        self.host = settings.host
        self.local = settings.host.startswith("unix://")
        self.client = connect(settings)

    def observe(
        self, agents: Sequence[str] | None, images: Sequence[str] = (), sure: AbstractSet[str] | None = None
    ) -> Observation:
        """See :class:`base.Engine`."""
        from docker.errors import NotFound

        # The files of an engine elsewhere are not here.
        sure = sure if self.local else None
        with translated(self.host, "The Docker Engine could not be listed"):
            for attempt in range(_LISTINGS - 1):
                try:
                    return Observer(self.client, self.adopted, sure).observe(agents, images)
                except NotFound:
                    # A container went between being listed and being inspected.
                    continue
            return Observer(self.client, self.adopted, sure).observe(agents, images)

    def apply(self, action: AgentAction) -> None:
        """See :class:`base.Engine`.

        :raises TenancyError: naming the object.
        """
        with translated(self.host, f"{action.kind.capitalize()} {action.name} could not be {_PAST[action.verb]}"):
            getattr(self, f"_{action.verb}_{action.kind}")(action)

    def usages(self, agents: Sequence[ActualAgent]) -> Mapping[str, Usage]:
        """See :class:`base.Engine`."""
        with translated(self.host, "What agents use could not be read"):
            return read_usages(self.client, agents)

    def require_image(self, image: str) -> None:
        """See :class:`base.Engine`. The engine asks the image registry for the manifest only."""
        with ImageEdge(image):
            self.client.inspect_distribution(image)

    def foresee(self, actions: Sequence[AgentAction]) -> None:
        """See :class:`base.Engine`."""
        for action in actions:
            if action.source and (action.verb, action.kind) == ("recreate", "container"):
                with translated(self.host, f"The models of container {action.name} could not be looked at"):
                    docker_adopted.require_safe(self.client, action)

    def logs(self, agent: ActualAgent, lines: int) -> list[str]:
        """See :class:`base.Engine`."""
        with translated(self.host, f"The log of container {agent.name} could not be read"):
            text = self.client.logs(agent.id, tail=lines, stdout=True, stderr=True)
        return text.decode(errors="replace").splitlines()[-lines:]

    def details(self, agent: ActualAgent) -> Mapping[str, Any]:
        """See :class:`base.Engine`."""
        with translated(self.host, f"Container {agent.name} could not be inspected"):
            inspected = self.client.inspect_container(agent.id)
            state = {**inspected["State"], "RestartCount": inspected.get("RestartCount", 0)}
            # One that runs again has forgotten how it ended; the engine's events have not.
            if state["RestartCount"] and state["Status"] == "running":
                state.update(self._last_end(agent, state["StartedAt"]))
            return state

    def _last_end(self, agent: ActualAgent, started: str) -> dict[str, Any]:
        """How the run before the present one ended. :param started: when the present one started."""
        from docker.errors import APIError

        filters = {"container": agent.id, "event": ["die", "oom"]}
        try:
            return read_last_end(self.client.events(since=0, until=unix_time(started), filters=filters, decode=True))
        except APIError:
            # A proxy before the socket may keep the events to itself.
            return {}

    def answers(self, agent: ActualAgent) -> bool:
        """See :class:`base.Engine`."""
        with translated(self.host, f"Container {agent.name} could not be probed"):
            execution = self.client.exec_create(agent.id, ["ollama", "list"])
            self.client.exec_start(execution["Id"])
            return self.client.exec_inspect(execution["Id"])["ExitCode"] == 0

    # --- networks, images, volumes

    def _create_network(self, action: AgentAction) -> None:
        from docker.types import IPAMConfig, IPAMPool

        self.client.create_network(
            action.name,
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=action.subnet)]),
            labels=shape.owner_labels("", action.tenant, _now()),
            options={"com.docker.network.bridge.name": action.bridge},
            check_duplicate=True,
        )

    def _remove_network(self, action: AgentAction) -> None:
        self._unless_gone(lambda: self.client.remove_network(action.name))

    def _pull_image(self, action: AgentAction) -> None:
        with ImageEdge(action.name):
            for line in self.client.pull(action.name, stream=True, decode=True):
                if "error" in line:
                    raise missing_image(action.name, str(line["error"]))

    def _create_volume(self, action: AgentAction) -> None:
        self.client.create_volume(
            action.name,
            driver="local",
            driver_opts=docker_volume.options(action.mount) or docker_volume.bound(action.source) or None,
            labels=shape.owner_labels(action.agent, action.tenant, _now()),
        )

    def _replace_volume(self, action: AgentAction) -> None:
        """Make the volume anew. Its container stands aside without it, so that its settings outlive a kill in between."""
        if action.current and action.current != action.name + NEW and self._is_there(action.current):
            self._remove_leftover(action)
            self._create(action, action.name + NEW, mounted=False)
            self._remove(action.current)
        self._remove_volume(action)
        self._create_volume(action)

    def _remove_volume(self, action: AgentAction) -> None:
        self._unless_gone(lambda: self.client.remove_volume(action.name))

    # --- containers

    def _create_container(self, action: AgentAction) -> None:
        self._create(action, action.name)

    def _recreate_container(self, action: AgentAction) -> None:
        """Make the new one beside the old, then let the old go: a failure or a kill leaves one of them complete."""
        new = action.name + NEW
        if action.current != action.name and not self._is_there(action.name):
            self.client.rename(action.current if self._is_there(action.current) else new, action.name)
        elif not self._is_there(action.name):
            # Its volume was replaced, and it stood aside meanwhile.
            self.client.rename(new, action.name)
        self._remove_leftover(action)
        self._create(action, new)
        self._drain(action.name)
        if action.source:
            self._stop_adopted(action)
        self._remove(action.name)
        self.client.rename(new, action.name)

    def _stop_adopted(self, action: AgentAction) -> None:
        """Stop an adopted one, and see again that its tenant has not turned its models elsewhere; else it goes on."""
        runs = self.client.inspect_container(action.name)["State"]["Running"]
        self.client.stop(action.name, timeout=GRACE)
        try:
            docker_adopted.require_safe(self.client, action)
        except Exception:
            self._remove_leftover(action)
            self._unless_gone(lambda: docker_adopted.remove_bound(self.client, action.name))
            if runs:
                self.client.start(action.name)
            raise

    def _update_container(self, action: AgentAction) -> None:
        if action.current != action.name:
            self.client.rename(action.current, action.name)
        else:
            self._remove_leftover(action)
        fields = {change.field for change in action.changes}
        if action.settings and fields - {"network", "name"}:
            set_limits(self.client, action.name, action.settings)
        if "network" in fields:
            self._attach(action.name, network_name(action.tenant))

    def _start_container(self, action: AgentAction) -> None:
        if self.client.inspect_container(action.name)["State"]["Paused"]:
            self.client.unpause(action.name)
        else:
            self.client.start(action.name)

    def _stop_container(self, action: AgentAction) -> None:
        self._drain(action.current)
        self.client.stop(action.current, timeout=GRACE)

    def _drain(self, name: str) -> None:
        """Wait until a container answers nobody, as long as that may take."""
        self._unless_gone(lambda: drain.wait_idle(lambda: read_sample(self.client, name, self.local), self.drain_timeout))

    def _remove_container(self, action: AgentAction) -> None:
        self._remove(action.current)
        self._remove_leftover(action)
        if action.source:
            # What an interrupted renewal made of it: a name for a folder that its tenant could still turn elsewhere.
            self._unless_gone(lambda: docker_adopted.remove_bound(self.client, action.name))

    def _create(self, action: AgentAction, name: str, mounted: bool = True) -> None:
        if action.settings is None:
            raise AssertionError(f"{action.name} is to be created and has no settings")
        body = shape.container(action.agent, action.tenant, action.settings, _now())
        if not mounted:
            body["HostConfig"]["Mounts"] = []
        self.client.create_container_from_config(body, name)

    def _remove(self, name: str) -> None:
        def remove() -> None:
            self.client.stop(name, timeout=GRACE)
            self.client.remove_container(name, force=True)

        self._unless_gone(remove)

    def _remove_leftover(self, action: AgentAction) -> None:
        """Remove what an interrupted recreation left, and nothing of someone else that is called so."""

        def remove() -> None:
            found = self.client.inspect_container(action.name + NEW)
            if (found["Config"].get("Labels") or {}).get(shape.LABEL + "agent") == action.agent:
                self.client.remove_container(found["Id"], force=True)

        self._unless_gone(remove)

    def _attach(self, name: str, network: str) -> None:
        """Leave every network, also one that is gone (the engine drops it from a stopped container), and join the one."""
        from docker.errors import APIError

        attachments = self.client.inspect_container(name)["NetworkSettings"]["Networks"] or {}
        for attached in attachments:
            try:
                self.client.disconnect_container_from_network(name, attached, force=True)
            except APIError as error:
                if error.status_code != 404:
                    raise
        self.client.connect_container_to_network(name, network)

    def _is_there(self, name: str) -> bool:
        return any(f"/{name}" in found["Names"] for found in self.client.containers(all=True, filters={"name": f"^/{name}$"}))

    def _unless_gone(self, remove: Callable[[], object]) -> None:
        from docker.errors import NotFound

        try:
            remove()
        except NotFound:
            # What was to be removed is gone, by another run or by hand.
            return


_PAST = {
    "create": "created", "remove": "removed", "pull": "pulled", "recreate": "recreated", "update": "updated",
    "start": "started", "stop": "stopped", "replace": "replaced",
}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
