# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine is to the rest: it observes agents and applies actions. Values only; no engine is known here.

One file per engine implements :class:`Engine`. The plan that turns desired and actual state into actions lives in
``agent_plan`` and serves every engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import AbstractSet, Any, Mapping, Protocol, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import AT_ONCE, Linked, ModelMount, ModelView
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change, Impact

STATES = ("present", "started", "stopped", "absent")


@dataclass(frozen=True)
class AgentSettings:
    """What an operator can set of an agent, complete.

    :param port: on the host; None means not published.
    :param memory_limit: bytes; swap is not added to it. :param memory_reservation: bytes, at most the limit.
    :param cpu_limit: millicpus.
    :param context_length: tokens. :param num_parallel: requests served at a time.
    :param keep_alive: how long a model stays in memory, as Ollama writes it (``5m``, ``-1``).
    :param model: the agent's first model, for labels; empty when unknown.
    :param environment: further variables; their values count as secrets.
    """

    image: str
    port: int | None
    bind_address: str
    memory_limit: int
    memory_reservation: int
    cpu_limit: int
    context_length: int
    num_parallel: int
    keep_alive: str
    model: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AgentSpec:
    """What an operator wants of one agent. None means "not given": kept as it is, or the default at creation.

    :param state: one of :data:`STATES`. :param port: 0 means not published. :param memory_reservation: 0 means half of the limit.
    :param remove_volume: with ``absent``, its models go too. :param only_stopped: one that runs stays then. :param renew: make an adopted one anew.
    :param mount: what a new models volume is made of; a plain one without it. :param view: the shared models that it sees, if its volume is a mount.
    :param migrate: shared or private, when a volume of the other sort is to be replaced by one of this. :param own_models: come with its data later.
    :param update: when it gets newer versions of its models, one of ``sharing.UPDATES``. :param adopted: an older system made it, see ``adoption``.
    """

    agent: str
    tenant: str
    state: str = "started"
    remove_volume: bool = False
    only_stopped: bool = False
    image: str | None = None
    port: int | None = None
    bind_address: str | None = None
    memory_limit: int | None = None
    memory_reservation: int | None = None
    cpu_limit: int | None = None
    context_length: int | None = None
    num_parallel: int | None = None
    keep_alive: str | None = None
    model: str | None = None
    environment: Mapping[str, str] | None = None
    mount: ModelMount | None = None
    view: ModelView | None = None
    update: str = AT_ONCE
    migrate: str = ""
    adopted: bool = False
    renew: bool = False
    own_models: Sequence[str] = ()


@dataclass(frozen=True)
class Health:
    """How an agent is, as the engine sees it. :param status: starting, healthy, unhealthy, or stopped when it does not run."""

    status: str = "stopped"
    oom_killed: bool = False
    restart_count: int = 0


@dataclass(frozen=True)
class Deviation:
    """Something that is not as this collection makes it, whatever the operator set: a change by hand, or an old layout."""

    change: Change
    impact: Impact


@dataclass(frozen=True)
class ActualAgent:
    """An agent as the engine has it.

    :param name: of its object in the engine; another than usual when a recreation was interrupted.
    :param state: running, paused, restarting, created, exited or dead.
    :param image_id: of the image it was created from.
    :param deviations: what has to be healed, with the impact of doing so.
    :param attached: whether it is in its tenant's network and in no other.
    :param address: inside the tenant's network; empty when it does not run.
    :param labels: all of them.
    :param leftovers: objects of an interrupted recreation, to be removed.
    :param started: when it was started last, in seconds since 1970.
    :param adopted: its container was made by an older system. :param source: where that one's models are on the host.
    :param renewed: it is made anew, so nothing waits.
    """

    agent: str
    tenant: str
    name: str
    id: str
    state: str
    settings: AgentSettings
    image_id: str
    deviations: tuple[Deviation, ...] = ()
    attached: bool = True
    address: str = ""
    health: Health = Health()
    labels: Mapping[str, str] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    started: float = 0.0
    adopted: bool = False
    source: str = ""
    renewed: bool = False

    @property
    def running(self) -> bool:
        """True while its process is meant to run (also between two restarts)."""
        return self.state in ("running", "restarting", "paused")


@dataclass(frozen=True)
class Foreign:
    """An object that has one of our names or carries our labels, and is not ours.

    :param kind: container, network or volume. :param origin: what it is made of and by whom, for people.
    :param agent: the one its labels name, as those of an image made from an agent's container do; empty without labels.
    """

    kind: str
    name: str
    origin: str
    agent: str = ""


@dataclass(frozen=True)
class Network:
    """A network of the engine. :param tenant: whose it is; empty when it is not ours. :param members: container names."""

    name: str
    subnets: tuple[str, ...] = ()
    tenant: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """A volume of an agent.

    :param path: where its data is on the host. :param labelled: whether its labels are there.
    :param mount: what it is made of; None when it is a plain one. :param source: folder of the host that it stands for, if it does.
    :param mountpoint: where the engine has it, as it has the data of a plain one.
    """

    name: str
    agent: str
    tenant: str
    path: str = ""
    labelled: bool = True
    mount: ModelMount | None = None
    source: str = ""
    mountpoint: str = ""


@dataclass(frozen=True)
class PortUse:
    """A port of the host that a container publishes. :param agent: whose it is; empty when it is not ours."""

    address: str
    port: int
    container: str
    agent: str = ""


@dataclass(frozen=True)
class Listed:
    """A container of ours, as a listing has it."""

    agent: str
    tenant: str
    name: str
    state: str


@dataclass(frozen=True)
class Observation:
    """All that a plan needs to know of an engine.

    :param agents: by agent name. :param foreign: by object name. :param containers: all of ours.
    :param networks: all networks of the engine, by name. :param volumes: by name. :param ports: of running containers.
    :param images: image id by reference, None for one that is not there.
    :param views: what agents have of a store, by agent, also of agents that are gone.
    :param places: tenant of each agent that has something in the store and that was not asked for, by agent.
    :param glanced: agents that the engine itself was not asked about: good enough to find that nothing has changed.
    """

    agents: Mapping[str, ActualAgent] = field(default_factory=dict)
    foreign: Mapping[tuple[str, str], Foreign] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    images: Mapping[str, str | None] = field(default_factory=dict)
    ports: tuple[PortUse, ...] = ()
    containers: tuple[Listed, ...] = ()
    views: Mapping[str, Linked] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    glanced: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AgentAction(Action):
    """An action with what an engine needs to carry it out.

    :param agent: for whom. :param tenant: of which tenant.
    :param settings: complete, for create, recreate and update.
    :param subnet: of a network to create. :param bridge: name of its interface. :param current: name of the object that is there now.
    :param mount: of a volume to create. :param view: that the agent shall see. :param volume: as it is before.
    :param source: folder of the host that a volume to create stands for.
    """

    agent: str = ""
    tenant: str = ""
    settings: AgentSettings | None = None
    subnet: str = ""
    bridge: str = ""
    current: str = ""
    mount: ModelMount | None = None
    view: ModelView | None = None
    volume: Volume | None = None
    source: str = ""


@dataclass(frozen=True)
class Usage:
    """What an agent uses.

    :param memory: bytes that can't be given back. :param cache: bytes of page cache.
    :param cpu_seconds: CPU time since its start.
    """

    memory: int
    cache: int
    cpu_seconds: float


class Engine(Protocol):
    """What every engine can do. Faults come out as TenancyError.

    :param local: whether agents' ports and this host's /proc are those of the engine's host.
    """

    local: bool

    def observe(
        self, agents: Sequence[str] | None, images: Sequence[str] = (), sure: AbstractSet[str] | None = None
    ) -> Observation:
        """The state of these agents (None: of all) in a constant number of listings, with the ids of these images.

        :param sure: agents to be asked about for certain; None for all. The others may come out as ``glanced``.
        """

    def apply(self, action: AgentAction) -> None:
        """Carry out one action. Applied to a state that already has it, it does no harm."""

    def usages(self, agents: Sequence[ActualAgent]) -> Mapping[str, Usage]:
        """What running agents use now, by name."""

    def require_image(self, image: str) -> None:
        """Check that an image which is not here could be pulled, without pulling it."""

    def foresee(self, actions: Sequence[AgentAction]) -> None:
        """Refuse what is known to fail, before anything is done."""

    def answers(self, agent: ActualAgent) -> bool:
        """Whether an agent answers inside, for an engine that is not :attr:`local`."""

    def logs(self, agent: ActualAgent, lines: int) -> list[str]:
        """The last lines of its log."""

    def details(self, agent: ActualAgent) -> Mapping[str, Any]:
        """Exit code, error text and the like, for a diagnosis."""
