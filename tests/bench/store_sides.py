# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two sides that model_store.py compares: tenants of the collection that share a model, and agents that each pull their own."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from tests.support.catalog import make_catalog
from tests.support.disk import taken
from tests.support.engine import Engine
from tests.support.fixtures import Database
from tests.support.models import model_agent
from tests.support.ollama import request
from tests.support.page_cache import evict, out_of_memory, read_to_answer, unload
from tests.support.postgres import Postgres
from tests.support.registry import Registry
from tests.support.settings import Bench
from tests.support.site import Outcome, Site

MEMORY = "3g"
STOCK_PORT = 12500


@dataclass(frozen=True)
class Cost:
    """What a tenant's model cost: seconds, bytes that the registry sent, bytes of disk."""

    seconds: float
    wire: int
    disk: int


@dataclass(frozen=True)
class Load:
    """A first answer: bytes that were read from the disk, and bytes of the weights that were not in memory before."""

    read: int
    lost: int


@dataclass(frozen=True)
class Agent:
    """An agent that has the model under a name, its weights in a file."""

    container: str
    port: int
    model: str
    weights: Path


def first_loads(engine: Engine, agents: list[Agent]) -> list[Load]:
    """What each agent reads for its first answer, one after the other, with nothing in memory before the first."""
    for agent in agents:
        unload(agent.port, agent.model)
    for agent in agents:
        evict(agent.weights)
    loads = []
    for agent in agents:
        lost = out_of_memory(agent.weights)
        loads.append(Load(read_to_answer(engine, agent.container, agent.port, agent.model), lost))
    return loads


class Ours:
    """Tenants whose agents share one model of their host's store.

    :param model: its name. :param digest: of its weights.
    """

    def __init__(self, bench: Bench, registry: Registry, model: str, digest: str) -> None:
        postgres, self.engine, self.registry, self.model = Postgres(bench), Engine(bench), registry, model
        catalog = make_catalog(postgres, lambda **options: Database(postgres, postgres.fresh_database(**options)))
        self.store, folder = bench.folder / "speed-models", bench.folder / "speed-site"
        self.weights = self.store / "blobs" / digest.replace(":", "-")
        self._disks = (self.store, self.engine.folder / "docker" / "volumes")
        for place in (self.store, folder):
            place.mkdir()
        self.site = Site(folder, catalog.database, self.engine)
        source = {"agent_model_mirror": registry.address, "agent_model_insecure": True, "agent_model_store_path": str(self.store)}
        self.site.write_inventory({"localhost": source}, retry_file=str(folder / "left.json"))

    def onboard(self, tenant: str) -> tuple[Cost, Outcome]:
        """Onboard a tenant. The seconds are those of all tasks that ask for the model, look for it and bring it."""
        cost, outcome = self._cost(lambda: self.site.onboard(tenant, model=self.model, memory_limit=MEMORY).ok())
        seconds = sum(task.seconds for task in outcome.tasks if task.action.endswith((".model_store", ".ollama_agent_info")))
        return Cost(seconds, cost.wire, cost.disk), outcome

    def reconcile(self, tenants: list[str]) -> Cost:
        """Onboard many tenants in one run."""
        for tenant in tenants:
            self.site.write_tenant(tenant, {"model": self.model, "memory_limit": MEMORY})
        return self._cost(lambda: self.site.run("reconcile").ok())[0]

    def _cost(self, act: Callable[[], Outcome]) -> tuple[Cost, Outcome]:
        wire, before, began = self.registry.sent(), taken(*self._disks), time.monotonic()
        outcome = act()
        seconds = time.monotonic() - began
        return Cost(seconds, self.registry.sent() - wire, taken(*self._disks) - before), outcome

    def agent(self, tenant: str) -> Agent:
        """The agent of a tenant."""
        return Agent(f"ollama-agent-{tenant}", self.site.ports()[tenant], self.model, self.weights)

    def sees(self, tenant: str) -> set[str]:
        """The models that a tenant's agent lists."""
        return listed(self.site.ports()[tenant])


class Stock:
    """Agents with a volume each, that pull for themselves by ``docker exec``. A context: it ends them."""

    def __init__(self, bench: Bench, registry: Registry, model: str, digest: str) -> None:
        self.engine, self.registry = Engine(bench), registry
        self.reference, self.blob = registry.reference(model), digest.replace(":", "-")
        self.agents: list[Agent] = []
        self._ends = ExitStack()

    def __enter__(self) -> Stock:
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.close()

    def onboard(self, tenant: str) -> Cost:
        """Start an agent and have it pull the model; only the pull counts."""
        volume = f"stock-{tenant}"
        agent = self._ends.enter_context(model_agent(self.engine, STOCK_PORT + len(self.agents), tenant, volume))
        volumes = self.engine.folder / "docker" / "volumes"
        wire, before, began = self.registry.sent(), taken(volumes), time.monotonic()
        self.engine.docker("exec", f"test-{tenant}", "ollama", "pull", "--insecure", self.reference)
        cost = Cost(time.monotonic() - began, self.registry.sent() - wire, taken(volumes) - before)
        weights = volumes / volume / "_data" / "blobs" / self.blob
        self.agents.append(Agent(f"test-{tenant}", agent.port, self.reference, weights))
        return cost


def listed(port: int) -> set[str]:
    """The models that an agent lists."""
    return {model["name"] for model in request(port, "GET", "/api/tags")[0]["models"]}
