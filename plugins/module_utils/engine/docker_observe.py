# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observing a Docker Engine: one listing of containers, networks and volumes, then only our own containers looked at."""

from __future__ import annotations

from calendar import timegm
from dataclasses import replace
from datetime import datetime, timezone
from time import strptime
from typing import AbstractSet, Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import adoption, docker_volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    Foreign,
    Health,
    Listed,
    Network,
    Observation,
    PortUse,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_files import read_container
from ansible_collections.llmops.tenancy.plugins.module_utils.names import (
    CONTAINER_PREFIX,
    NETWORK_PREFIX,
    container_name,
    network_name,
)

# Name of a new container until the old one is gone. An agent's name has no dot, so nothing else can be called so.
NEW = ".new"
_TENANT, _AGENT = shape.LABEL + "tenant_id", shape.LABEL + "agent"


class Observer:
    """One observation. It keeps what it listed, so that no call is made twice.

    :param client: the SDK's low-level client.
    :param adopted: tenant by agent, for agents that the catalog calls adopted.
    :param sure: agents that the engine itself has to be asked about, where its files may tell of the others; None for all.
    """

    def __init__(
        self, client: Any, adopted: Mapping[str, str] | None = None, sure: AbstractSet[str] | None = None
    ) -> None:
        self.client = client
        self.adopted = adopted or {}
        self.sure = sure
        self._info: Mapping[str, Any] | None = None
        self._glanced: set[str] = set()
        self.listed = client.containers(all=True)
        self.networks = client.networks()
        self.volumes = client.volumes(filters={"name": CONTAINER_PREFIX}).get("Volumes") or []
        self._images: dict[str, Mapping[str, Any] | None] = {}
        self._own = self._own_containers()
        self._owners = {listed["Id"]: agent for agent, candidates in self._own.items() for listed in candidates}
        self._members = self._members_by_network()

    def observe(self, agents: Sequence[str] | None, images: Iterable[str]) -> Observation:
        """The engine's state. :param agents: names, None for all."""
        wanted = self._own if agents is None else {name: self._own[name] for name in agents if name in self._own}
        actual = {agent: self._agent(agent, listed) for agent, listed in wanted.items()}
        references = {*images, *(agent.settings.image for agent in actual.values())}
        found = {reference: self._image(reference) for reference in references}
        volumes = [self._volume(volume, actual) for volume in self.volumes]
        return Observation(
            agents=actual,
            foreign={(item.kind, item.name): item for item in self._foreign(volumes)},
            networks={network["Name"]: self._network(network) for network in self.networks},
            volumes={volume.name: volume for volume in volumes if volume.agent},
            images={reference: image["Id"] if image else None for reference, image in found.items()},
            ports=tuple(self._ports()),
            containers=tuple(
                Listed(agent, (each.get("Labels") or {}).get(_TENANT) or self.adopted.get(agent, ""), _name(each), each.get("State", ""))
                for agent, candidates in self._own.items() for each in candidates
            ),
            glanced=frozenset(self._glanced),
        )

    def _own_containers(self) -> dict[str, list[Mapping[str, Any]]]:
        """Listed containers by the agent they belong to; first the one that counts, then leftovers.

        A label alone says nothing: an image made from an agent's container hands it on to all that is run from it.
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        labelled = [(_labelled(listed), listed) for listed in self.listed if _labelled(listed)]
        for agent, listed in labelled:
            if _name(listed) in _names(agent):
                found.setdefault(agent, []).append(listed)
        for agent, candidates in found.items():
            # An old container under its own name counts until it is removed: the new one has not run yet.
            candidates.sort(key=lambda listed: _names(agent).index(_name(listed)))
        for agent, listed in sorted(labelled, key=lambda pair: pair[1].get("Created") or 0):
            if agent not in found and self._renamed(agent, listed):
                found[agent] = [listed]
        for listed in self.listed if self.adopted else ():
            agent = "" if _labelled(listed) else adoption.agent_of(_name(listed), listed.get("Labels") or {}, self.adopted)
            if agent:
                # What an interrupted renewal left is beside it.
                found[agent] = [listed, *found.get(agent, [])]
        return found

    def _renamed(self, agent: str, listed: Mapping[str, Any]) -> bool:
        """Whether it is the agent itself under another name: it has the agent's models, and labels of its own."""
        mounts = [(mount.get("Name"), mount.get("Destination")) for mount in listed.get("Mounts") or []]
        if (container_name(agent), shape.MODELS) not in mounts:
            return False
        image = self._image(listed["ImageID"])
        return not image or not ((image.get("Config") or {}).get("Labels") or {}).get(_AGENT)

    def _agent(self, agent: str, listed: Sequence[Mapping[str, Any]]) -> ActualAgent:
        inspected = self._glance(agent, listed[0]) or self.client.inspect_container(listed[0]["Id"])
        image = self._image(inspected["Image"])
        config = image["Config"] if image else None
        found = inspected["Config"].get("Labels") or {}
        adopted = not found.get(_AGENT)
        tenant = self.adopted[agent] if adopted else found.get(_TENANT, "")
        settings = shape.read_settings(inspected, config)
        if adopted:
            settings = replace(settings, model=found.get(adoption.MODEL_LABEL, ""))
        attachment = (inspected["NetworkSettings"].get("Networks") or {}).get(network_name(tenant)) or {}
        return ActualAgent(
            agent=agent,
            tenant=tenant,
            name=inspected["Name"].lstrip("/"),
            id=inspected["Id"],
            state=inspected["State"]["Status"],
            settings=settings,
            image_id=inspected["Image"],
            deviations=shape.read_deviations(agent, tenant, inspected, config, self._limits_swap(inspected)),
            # An adopted one leaves its old network with its old container.
            attached=adopted or self._attached(tenant, inspected),
            address=attachment.get("IPAddress") or "",
            health=read_health(inspected),
            labels=found,
            leftovers=tuple(_name(extra) for extra in listed[1:]),
            started=read_time(inspected["State"].get("StartedAt", "")),
            adopted=adopted,
            source=adoption.models_source(inspected, shape.environment(inspected["Config"])) if adopted else "",
        )

    def _glance(self, agent: str, listed: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The container as the engine's files have it, unless the engine has to be asked."""
        if self.sure is None or agent in self.sure or not _labelled(listed) or not self.info.get("DockerRootDir"):
            return None
        found = read_container(self.info["DockerRootDir"], listed)
        if found:
            self._glanced.add(agent)
        return found

    @property
    def info(self) -> Mapping[str, Any]:
        """What the engine says of itself, asked for once at most."""
        if self._info is None:
            self._info = self.client.info()
        return self._info

    def _attached(self, tenant: str, inspected: Mapping[str, Any]) -> bool:
        """In its tenant's network, in that of today and not in one of that name which is gone, and in no other."""
        attachments = inspected["NetworkSettings"].get("Networks") or {}
        name = network_name(tenant)
        if set(attachments) != {name}:
            return False
        attached_to = attachments[name].get("NetworkID")
        # One that never ran is not attached yet: it will be, by name.
        return not attached_to or attached_to in {network["Id"] for network in self.networks if network["Name"] == name}

    def _limits_swap(self, inspected: Mapping[str, Any]) -> bool:
        if inspected["HostConfig"].get("MemorySwap") != -1:
            return True
        return bool(self.info.get("SwapLimit"))

    def _image(self, reference: str) -> Mapping[str, Any] | None:
        if reference not in self._images:
            from docker.errors import NotFound

            try:
                self._images[reference] = self.client.inspect_image(reference)
            except NotFound:
                self._images[reference] = None
        return self._images[reference]

    def _network(self, network: Mapping[str, Any]) -> Network:
        name = network["Name"]
        tenant = (network.get("Labels") or {}).get(_TENANT, "")
        subnets = [entry["Subnet"] for entry in (network.get("IPAM") or {}).get("Config") or [] if entry.get("Subnet")]
        own = tenant if name == network_name(tenant) else ""
        return Network(name, tuple(subnets), own, tuple(self._members.get(name, ())) if own else ())

    def _members_by_network(self) -> dict[str, list[str]]:
        """Names of containers by each network that they are in."""
        members: dict[str, list[str]] = {}
        for listed in self.listed:
            for network in (listed.get("NetworkSettings") or {}).get("Networks") or {}:
                members.setdefault(network, []).append(_name(listed))
        return members

    def _volume(self, volume: Mapping[str, Any], agents: Mapping[str, ActualAgent]) -> Volume:
        name, found = volume["Name"], volume.get("Labels") or {}
        agent = name.removeprefix(CONTAINER_PREFIX)
        owner, mount = agents.get(agent), docker_volume.read_mount(volume.get("Options"))
        # What an overlay mount shows is there while it is mounted; what is the agent's own is always there.
        source = docker_volume.read_bound(volume.get("Options"))
        mountpoint = volume.get("Mountpoint", "")
        path = mount.upper if mount else source or mountpoint
        if found.get(_AGENT) == agent:
            return Volume(name, agent, found.get(_TENANT, ""), path, mount=mount, source=source, mountpoint=mountpoint)
        # Without its labels, it is ours still when our own container is what uses it.
        mounted = owner and not any(deviation.change.field == "mounts" for deviation in owner.deviations)
        return Volume(name, agent if mounted else "", owner.tenant if owner else "", path, False, mount, source, mountpoint)

    def _foreign(self, volumes: Iterable[Volume]) -> Iterable[Foreign]:
        for listed in self.listed:
            name, agent = _name(listed), _labelled(listed)
            own = self._owners.get(listed["Id"])
            # An agent that was renamed to another agent's name stands in that one's way.
            if own and (name in _names(own) or not name.startswith(CONTAINER_PREFIX)):
                continue
            if agent or name.startswith(CONTAINER_PREFIX):
                yield Foreign("container", name, _origin(listed), "" if own else agent)
        for network in self.networks:
            if network["Name"].startswith(NETWORK_PREFIX) and not self._network(network).tenant:
                yield Foreign("network", network["Name"], f"driver {network['Driver']}, made {network.get('Created', '')[:19]}")
        for volume in volumes:
            if not volume.agent:
                yield Foreign("volume", volume.name, f"data in {volume.path}")

    def _ports(self) -> Iterable[PortUse]:
        for listed in self.listed:
            agent = self._owners.get(listed["Id"], "")
            for port in listed.get("Ports") or []:
                if port.get("PublicPort") and port.get("Type") == "tcp":
                    yield PortUse(port.get("IP") or "0.0.0.0", port["PublicPort"], _name(listed), agent)


def read_health(inspected: Mapping[str, Any]) -> Health:
    """How a container is."""
    state = inspected["State"]
    running = state["Status"] in ("running", "paused", "restarting")
    status = (state.get("Health") or {}).get("Status", "none") if running else "stopped"
    return Health(status, bool(state.get("OOMKilled")), int(inspected.get("RestartCount") or 0))


def unix_time(text: str) -> str:
    """A time of the engine (RFC 3339, UTC) as its API takes it: seconds since 1970 and nanoseconds, with a dot between."""
    seconds, _dot, fraction = text.rstrip("Z").partition(".")
    return f"{timegm(strptime(seconds, '%Y-%m-%dT%H:%M:%S'))}.{fraction:0<9}"


def read_last_end(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How a container ended last, as its state would tell. :param events: its ``die`` and ``oom``, the oldest first."""
    known = list(events)
    codes = [event["Actor"]["Attributes"].get("exitCode", 0) for event in known if event["Action"] == "die"]
    if not codes:
        return {}
    return {"ExitCode": int(codes[-1]), "OOMKilled": any(event["Action"] == "oom" for event in known)}


def read_time(text: str) -> float:
    """A time of the engine in seconds since 1970; 0 for one that never was."""
    return max(float(unix_time(text)), 0.0) if text else 0.0


def _names(agent: str) -> tuple[str, str]:
    """What an agent's containers are called; the second one while it is made anew."""
    return container_name(agent), container_name(agent) + NEW


def _labelled(listed: Mapping[str, Any]) -> str:
    return (listed.get("Labels") or {}).get(_AGENT, "")


def _name(listed: Mapping[str, Any]) -> str:
    # A container that others link to is listed with their names for it, too; its own has no further slash.
    names = [name.lstrip("/") for name in listed.get("Names") or []]
    return next((name for name in names if "/" not in name), listed["Id"])


def _origin(listed: Mapping[str, Any]) -> str:
    """What a stranger's container is and who made it, as far as the engine knows."""
    found = listed.get("Labels") or {}
    project = found.get("com.docker.compose.project") or found.get("com.docker.stack.namespace")
    maker = f"Docker Compose project '{project}'" if project else "hand or another tool (no label says)"
    created = datetime.fromtimestamp(listed.get("Created") or 0, tz=timezone.utc)
    return f"image {listed.get('Image')}, {listed.get('State')}, made {created:%Y-%m-%d %H:%M} UTC by {maker}"
