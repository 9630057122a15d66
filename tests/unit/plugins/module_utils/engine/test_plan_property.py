# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any desired state after any actual state: the plan ends where it says, and from there has nothing left to do.

The engine here is a model of values, so that thousands of pairs take a second; tests/e2e does the same on a real one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields, replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agent_plan import plan_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentAction,
    AgentSettings,
    AgentSpec,
    Deviation,
    Network,
    Observation,
    PortUse,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import HostFacts
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, GIB
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.views import agent_view
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.waves import waves
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name, network_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact

AGENTS = {"a1": "acme", "a2": "acme", "b1": "blue", "c1": "cyan"}
IMAGES = {DEFAULTS.image: "sha256:1", "ollama:2": "sha256:2", "ollama:two": "sha256:2"}
CHOICES = {
    "image": [None, None, *IMAGES],
    "port": [None, 0, 1],
    "bind_address": [None, "127.0.0.1", "0.0.0.0"],
    "memory_limit": [None, GIB, 4 * GIB],
    "memory_reservation": [None, 0, GIB // 2, GIB],
    "cpu_limit": [None, 500, 4000],
    "context_length": [None, 2048, 4096],
    "num_parallel": [None, 1, 4],
    "keep_alive": [None, "5m", "-1"],
    "model": [None, "", "phi4-mini"],
    "environment": [None, {}, {"A": "1"}, {"A": "2", "B": "1"}],
}
STATES = ["present", "started", "started", "stopped", "absent"]


@dataclass
class World:
    """What there is, and how the actions of a plan change it."""

    agents: dict[str, ActualAgent] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)

    def observe(self) -> Observation:
        members: dict[str, list[str]] = {name: [] for name in self.networks}
        for agent in self.agents.values():
            members.get(network_name(agent.tenant), []).append(agent.name)
        networks = {name: replace(network, members=tuple(members[name])) for name, network in self.networks.items()}
        ports = [
            PortUse(agent.settings.bind_address, agent.settings.port, agent.name, agent.agent)
            for agent in self.agents.values() if agent.running and agent.settings.port
        ]
        return Observation(dict(self.agents), {}, networks, dict(self.volumes), IMAGES, tuple(ports))

    def apply(self, action: AgentAction) -> None:
        getattr(self, f"{action.verb}_{action.kind}")(action)

    def create_network(self, action: AgentAction) -> None:
        assert action.name not in self.networks
        self.networks[action.name] = Network(action.name, (action.subnet,), action.tenant)

    def remove_network(self, action: AgentAction) -> None:
        assert not any(network_name(agent.tenant) == action.name for agent in self.agents.values())
        del self.networks[action.name]

    def create_volume(self, action: AgentAction) -> None:
        self.volumes[action.name] = Volume(action.name, action.agent, action.tenant, "/data")

    def remove_volume(self, action: AgentAction) -> None:
        assert action.agent not in self.agents
        del self.volumes[action.name]

    def create_container(self, action: AgentAction) -> None:
        assert network_name(action.tenant) in self.networks and action.name in self.volumes
        assert action.settings is not None and action.agent not in self.agents
        self.agents[action.agent] = ActualAgent(
            action.agent, action.tenant, action.name, "id", "created", action.settings, IMAGES[action.settings.image]
        )

    def recreate_container(self, action: AgentAction) -> None:
        self.remove_container(action)
        self.create_container(action)

    def update_container(self, action: AgentAction) -> None:
        agent = self.agents[action.agent]
        changed = {change.field: change.after for change in action.changes}
        known = {field.name for field in fields(AgentSettings)}
        settings = replace(agent.settings, **{name: value for name, value in changed.items() if name in known})
        self.agents[action.agent] = replace(
            agent, settings=settings, attached=True, deviations=(), leftovers=(), name=container_name(agent.agent)
        )

    def start_container(self, action: AgentAction) -> None:
        self.agents[action.agent] = replace(self.agents[action.agent], state="running")

    def stop_container(self, action: AgentAction) -> None:
        assert self.agents[action.agent].running
        self.agents[action.agent] = replace(self.agents[action.agent], state="exited")

    def remove_container(self, action: AgentAction) -> None:
        assert self.agents[action.agent].name == action.current
        del self.agents[action.agent]

    def disturb(self, dice: random.Random) -> None:
        """Something is changed by hand, or a run was killed."""
        for name, agent in list(self.agents.items()):
            match dice.randrange(12):
                case 0:
                    self.agents[name] = replace(agent, state=dice.choice(["exited", "paused", "created", "dead"]))
                case 1:
                    self.agents[name] = replace(agent, attached=False)
                case 2:
                    impact = dice.choice([Impact.IN_PLACE, Impact.RECREATE])
                    self.agents[name] = replace(agent, deviations=(Deviation(Change("x", 1, 2), impact),))
                case 3:
                    self.agents[name] = replace(agent, name=agent.name + ".new", state="created")
                case 4:
                    self.agents[name] = replace(agent, leftovers=(agent.name + ".new",))
                case 5:
                    del self.agents[name]
                case 6 if not agent.running:
                    self.networks.pop(network_name(agent.tenant), None)
                    self.agents = {
                        key: replace(one, attached=one.attached and one.tenant != agent.tenant) for key, one in self.agents.items()
                    }


def some_specs(dice: random.Random) -> list[AgentSpec]:
    specs = []
    for number, (agent, tenant) in enumerate(AGENTS.items()):
        given = {name: dice.choice(values) if dice.random() < 0.5 else None for name, values in CHOICES.items()}
        if given["port"]:
            given["port"] = 11500 + number
        if dice.random() < 0.8:
            specs.append(AgentSpec(agent, tenant, dice.choice(STATES), dice.random() < 0.5, **given))
    dice.shuffle(specs)
    return specs


@pytest.mark.parametrize("seed", range(20))
def test_plan_ends_where_it_says(seed):
    dice, world = random.Random(seed), World()
    for step in range(100):
        specs = some_specs(dice)
        world.disturb(dice)
        before = world.observe()
        plan = plan_agents(specs, before, HostFacts(), PoolOptions())
        for action in plan.actions:
            world.apply(action)
        after = world.observe()
        for spec in specs:
            if spec.state == "absent":
                assert spec.agent not in after.agents
                assert not (spec.remove_volume and container_name(spec.agent) in after.volumes)
            else:
                assert agent_view(after.agents[spec.agent], after) == plan.after[spec.agent]
                agent = after.agents[spec.agent]
                assert agent.attached and not agent.deviations and not agent.leftovers and agent.name == container_name(spec.agent)
                assert (spec.agent in plan.running) is after.agents[spec.agent].running
        again = plan_agents(specs, after, HostFacts(), PoolOptions())
        assert again.actions == (), (seed, step)
        assert again.after == plan.after
        # Data is lost where that was asked for, and nowhere else.
        lost = set(before.volumes) - set(after.volumes)
        assert lost <= {container_name(spec.agent) for spec in specs if spec.state == "absent" and spec.remove_volume}
        assert lost == {action.name for action in plan.actions if action.impact is Impact.DATA_LOSS}


@pytest.mark.parametrize("seed", range(6))
def test_waves_do_what_the_whole_plan_says(seed):
    """A fleet is planned at once and brought about a few agents at a time: together that is the same, whatever there was."""
    dice, world = random.Random(seed), World()
    for step in range(100):
        specs = [replace(spec, state=dice.choice(["started", "stopped"])) for spec in some_specs(dice)]
        world.disturb(dice)
        planned = plan_agents(specs, world.observe(), HostFacts(), PoolOptions())
        done = []
        for wave in waves([{"agent": spec.agent, "state": spec.state, "spec": spec} for spec in specs], dice.choice([1, 2, 3])):
            plan = plan_agents([agent["spec"] for agent in wave], world.observe(), HostFacts(), PoolOptions())
            for action in plan.actions:
                world.apply(action)
            done += plan.actions
        assert sorted(map(described, done)) == sorted(map(described, planned.actions)), (seed, step)
        # A fleet never wants an agent away, so its data stays, whatever there was.
        assert Impact.DATA_LOSS not in {action.impact for action in planned.actions}


def described(action):
    return action.verb, action.kind, action.name, action.impact.value, str(action.changes)
