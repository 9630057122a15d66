# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the catalog's records of agents to what the modules on an agent host take, and from there back as observations."""

from __future__ import annotations

from typing import Any, Container, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import each_once, full_model, has_registry, local_url
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

Record = Mapping[str, Any]


def records_of(tenants: Iterable[Record]) -> list[dict[str, Any]]:
    """The agents of tenants as the modules ``tenant`` and ``tenant_info`` return them, each with its tenant.

    Those of a tenant that is not active shall be stopped, whatever their own records say; they keep their data.
    """
    return [
        {"tenant": tenant["tenant"], **agent, **({} if tenant.get("active", True) else {"desired_state": "stopped"})}
        for tenant in tenants
        for agent in tenant.get("agents") or []
    ]


def resting(agents: Iterable[Record]) -> list[Record]:
    """Those of these agents that no move is taking to another host: only the move itself may touch the others."""
    return [agent for agent in agents if not agent.get("move")]


def hosts_of(agents: Iterable[Record]) -> list[str]:
    """The agent hosts that run these agents, each once, in order."""
    return sorted({agent["host"] for agent in agents})


def offboard_hosts(agents: Sequence[Record], settings: Record) -> list[str]:
    """The agent hosts to take a tenant away from.

    :param agents: its agents by the catalog. Without any, or to erase data, all agent hosts are asked what they have.
    :param settings: as the module ``tenant_settings`` returned them.
    """
    everywhere = settings.get("remove_data") or not agents
    names = [host["name"] for host in settings.get("agent_hosts") or []] if everywhere else []
    # One on its way to another host has something on both.
    ways = [host for agent in agents for host in (agent.get("move") or {}).values()]
    return sorted({*hosts_of(agents), *ways, *names})


def engine_agents(
    agents: Iterable[Record],
    host: str,
    *,
    image: str | None = None,
    environment: Mapping[str, str] | None = None,
    state: str | None = None,
    renew: Any = (),
    migrate: str = "",
) -> list[dict[str, Any]]:
    """Entities for the module ``ollama_agent`` of one host.

    :param agents: records of the catalog (sizes in bytes, CPUs in millicpus).
    :param image: for agents whose record names none; without it an existing container keeps its image.
    :param environment: further environment variables; without it an existing container keeps its own.
    :param state: instead of the state that the record wants.
    :param renew: names of adopted agents that are made anew now, as a list or text with commas.
    :param migrate: whether they shall have ``shared`` or ``private`` models from now on. Those of adopted agents stay where they are.
    """
    anew = values.as_list(renew, "renew")
    return [
        {
            "agent": agent["agent"],
            "tenant": agent["tenant"],
            "state": state or agent["desired_state"],
            "image": agent.get("image") or image or None,
            "port": agent["port"],
            "bind_address": agent["bind_address"],
            "memory_limit": str(agent["memory_limit"]),
            "memory_reservation": str(agent["memory_reservation"]),
            "cpu_limit": f"{agent['cpu_limit']}m",
            "context_length": agent["context_length"],
            "num_parallel": agent["num_parallel"],
            "keep_alive": agent["keep_alive"],
            "model": next(iter(agent["models"]), None),
            # An agent that moves has the sort of models volume that it had, whatever is the default where it goes.
            "models": list(agent["models"]) if agent.get("shared", True) else None,
            **({"own_models": list(agent["own_models"])} if agent.get("own_models") else {}),
            "environment": dict(environment) if environment else None,
            **({"adopted": True, "renew": agent["agent"] in anew} if agent.get("adopted") else {"migrate": migrate} if migrate else {}),
        }
        for agent in agents
        if agent["host"] == host
    ]


def absent_agents(
    agents: Iterable[Record], host: str, *, remove_data: bool, found: Iterable[Record] = (), only_stopped: Container[str] = ()
) -> list[dict[str, Any]]:
    """Entities for the module ``ollama_agent`` that take the agents of one host away.

    :param found: what the host's engine has of the tenant: agents and volumes as ``ollama_agent_info`` returned them.
    :param only_stopped: names of agents that stay if they run.
    """
    here = [agent for agent in agents if agent["host"] == host]
    owners = {agent["agent"]: agent["tenant"] for agent in [*here, *found]}
    adopted = adopted_agents(here, host)
    return [
        {
            "agent": name, "tenant": tenant, "state": "absent", "remove_volume": remove_data,
            **({"only_stopped": True} if name in only_stopped else {}),
            **({"adopted": True} if name in adopted else {}),
        }
        for name, tenant in owners.items()
    ]


def adopted_agents(agents: Iterable[Record], host: str) -> dict[str, str]:
    """Tenants by agent, for agents of a host whose containers an older system made."""
    return {agent["agent"]: agent["tenant"] for agent in agents if agent["host"] == host and agent.get("adopted")}


def absent_records(agents: Iterable[Record]) -> list[dict[str, Any]]:
    """Agents for the module ``tenant`` whose records go with that of their tenant."""
    return [{"agent": agent["agent"], "state": "absent"} for agent in agents]


def wanted_agents(agents: Iterable[Record], flow: str, model: str | None = None) -> list[dict[str, Any]]:
    """Entities for the module ``tenant_agent``: what ``start``, ``stop``, ``pull``, ``migrate`` or ``promote`` asks of existing agents.

    :param model: the model to add to those that the agents should have (``pull``).
    """
    wanted = []
    for agent in agents:
        entity = {"tenant": agent["tenant"], "agent": agent["agent"]}
        if flow == "pull":
            entity["models"] = _with_model(agent["models"], str(model))
        elif flow not in ("migrate", "promote"):
            entity["desired_state"] = {"start": "started", "stop": "stopped"}[flow]
        wanted.append(entity)
    return wanted


def _with_model(models: list[str], model: str) -> list[str]:
    return models + ([model] if full_model(model) not in each_once(models) else [])


def endpoint_of(agent: Record) -> str:
    """URL of an agent as seen from its own host."""
    return local_url(agent["bind_address"], agent["port"])


def missing_models(
    agents: Iterable[Record],
    observed: Iterable[Record],
    host: str,
    *,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    mirror: str | None = None,
    insecure: bool = False,
    latest: str | None = None,
) -> list[dict[str, Any]]:
    """Entities for the module ``ollama_model``: what the agents of one host should have and do not report.

    :param observed: agents as ``ollama_agent`` returned them.
    :param sources: where a model comes from when not from a model registry, by its name (``{demo: {path: …}}``).
    :param mirror: the model registry to pull from instead of Ollama's own. A model that names another comes from there.
    :param insecure: plain HTTP to it, or to the registry that a model's name names.
    :param latest: a model to compare with its source even where it is present. Of one that is shared, the store does that.
    """
    running = {agent["agent"]: agent for agent in observed if agent.get("state") == "running"}
    told = sources_of(sources)
    newest = full_model(latest) if latest else None
    missing = []
    for agent in agents:
        if agent["host"] != host or agent["agent"] not in running:
            continue
        present = _present(agent, running[agent["agent"]])
        shared = (running[agent["agent"]].get("store") or {}).get("shared") or ()
        for name, model in each_once(agent["models"]).items():
            if name in present and (name != newest or name in shared):
                continue
            source = told.get(name) or _source(name, mirror, insecure)
            state = "latest" if name == newest else "present"
            missing.append({
                "agent": agent["agent"], "endpoint": endpoint_of(agent), "model": model, "state": state,
                "models_dir": running[agent["agent"]].get("volume_path"), **source,
            })
    return missing


def sources_of(sources: Mapping[str, Mapping[str, Any] | None] | None) -> dict[str, Mapping[str, Any] | None]:
    """Where models come from, by the names that Ollama lists. :param sources: by names as an operator spelled them."""
    given = sources or {}
    return {name: given[model] for name, model in each_once(given).items()}


def _source(name: str, mirror: str | None, insecure: bool) -> dict[str, Any]:
    """Where a model comes from of which nothing else is said. :param name: as Ollama lists it."""
    return {"insecure": insecure, **({"mirror": mirror} if mirror and not has_registry(name) else {})}


def _present(agent: Record, observed: Record) -> set[str]:
    """Names of the models an agent has. One that does not run can't be asked: then those that were seen last count."""
    if observed.get("models") is None:
        return {_listed(model) for model in (agent.get("observed") or {}).get("models") or []}
    return {model["name"] for model in observed["models"]}


def _listed(model: str) -> str:
    """A model that was seen, under its one name: an older release recorded some as they were spelled."""
    try:
        return full_model(model)
    except TenancyError:
        return model


def observations(
    agents: Iterable[Record], observed: Iterable[Record], models: Iterable[Record], pulled: str | None = None
) -> list[dict[str, Any]]:
    """Entities for the module ``tenant_agent`` that record what runs.

    :param observed: agents as ``ollama_agent`` returned them, of all hosts.
    :param models: models as ``ollama_model`` returned them; they have arrived since.
    :param pulled: a model to add to those that an agent should have, once the agent has it.
    """
    seen = {agent["agent"]: agent for agent in observed}
    arrived: dict[str, set[str]] = {}
    for model in models:
        if model.get("status") == "present":
            arrived.setdefault(model["agent"], set()).add(full_model(model["model"]))
    entities = []
    for agent in agents:
        if agent["agent"] not in seen:
            continue
        observation = _observation(agent, seen[agent["agent"]], arrived.get(agent["agent"], set()))
        entity = {"tenant": agent["tenant"], "agent": agent["agent"], "observed": observation}
        if pulled and full_model(pulled) in observation["models"]:
            entity["models"] = _with_model(agent["models"], pulled)
        entities.append(entity)
    return entities


def _observation(agent: Record, seen: Record, arrived: set[str]) -> dict[str, Any]:
    return {
        "state": seen.get("state"),
        "health": (seen.get("health") or {}).get("status"),
        "image": seen.get("image"),
        "models": sorted(_present(agent, seen) | arrived),
    }


def status_of(tenants: Iterable[Record], agents: Iterable[Record], live: Iterable[Record]) -> list[dict[str, Any]]:
    """Tenants with their agents, and with what the engines say now where they were asked.

    :param tenants: as ``tenant_info`` returns them.
    :param agents: as ``tenant_agent_info`` returns them.
    :param live: as ``ollama_agent_info`` returns them.
    """
    seen = {agent["agent"]: agent for agent in live}
    mine: dict[str, list[dict[str, Any]]] = {}
    for agent in agents:
        mine.setdefault(agent["tenant"], []).append({**agent, "live": seen.get(agent["agent"])})
    return [{**tenant, "agents": mine.get(tenant["tenant"], [])} for tenant in tenants]


def gone_agents(reports: Iterable[Record]) -> list[dict[str, Any]]:
    """Agents as ``ollama_agent`` returned them when it took them away, each with its host.

    :param reports: variables of hosts that answered.
    """
    return [
        {**agent, "host": report["inventory_hostname"]}
        for report in reports
        for agent in report["_offboard_engine"]["agents"]
    ]


def erased_data(gone: Iterable[Record]) -> list[dict[str, Any]]:
    """What agents had of their own in model stores and have no more.

    :param gone: as :func:`gone_agents` returns them.
    """
    return [{"agent": agent["agent"], "host": agent["host"], **agent["erased"]} for agent in gone if agent.get("erased")]


def kept_data(gone: Iterable[Record]) -> list[dict[str, Any]]:
    """The volumes that stay when their agents are gone.

    :param gone: as :func:`gone_agents` returns them.
    """
    return [
        {"agent": agent["agent"], "host": agent["host"], "volume": agent["volume"], "path": agent.get("volume_path")}
        for agent in gone
        if agent.get("volume")
    ]
