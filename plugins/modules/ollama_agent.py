#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents of this host, as they shall be."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_agent
short_description: Create, change, start, stop and remove Ollama agents on a Docker Engine
version_added: 0.1.0
description:
  - Makes sure that Ollama agents are on this host as described; each is a container C(ollama-agent-<agent>) with a models volume of the
    same name, in its tenant's own bridge network C(ollama-tenant-<tenant>).
  - Takes one agent or all agents of the host in one call. The engine is listed once and only differences are applied.
  - What is not given stays as it is; defaults apply at creation only.
  - Whatever was changed by hand is put back. Memory, reservation and CPUs change in place, without a restart; image, environment, port,
    labels and mounts by a recreation that keeps the data. The result names each action with its impact, in check mode, too.
  - A container, network or volume of such a name that this collection did not make is never touched.
author:
  - llmops.tenancy contributors (@llmops)
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.docker
attributes:
  check_mode:
    support: full
    details: It tells the same actions and agents as the real run, also for errors that can be known before.
  diff_mode:
    support: full
    details: Of the environment, only names of variables are shown.
  idempotent:
    support: full
options:
  agent:
    description: Name of the agent, unique on its host; 2 to 32 characters of a-z, 0-9 and C(-). Required unless O(agents) is given.
    type: str
  tenant:
    description: Slug of the tenant it belongs to. Required unless O(agents) is given; with it, it holds for all that give none.
    type: str
  state:
    description:
      - V(present) makes sure that the agent exists, whether it runs or not.
      - V(started) is that and running and healthy.
      - V(stopped) is that and not running.
      - V(absent) removes its container, and its tenant's network with the last one; the models stay unless O(remove_volume=true).
      - Defaults to V(started).
    type: str
    choices: [present, started, stopped, absent]
  image:
    description:
      - Image of Ollama. Pulled when it is not on the host. A tag that names another image than the agent's is a change.
      - Defaults to C(docker.io/ollama/ollama:0.24.0) at creation.
    type: str
  port:
    description:
      - Port of the host to publish the API at. V(0) means not published; then the host reaches it at its address in the tenant's network.
      - Defaults to V(0) at creation.
    type: int
  bind_address:
    description:
      - Address of the host to publish at. Ollama has no authentication, so anything but loopback opens the agent to the network and to
        other tenants' containers; the gateway is the door.
      - Defaults to V(127.0.0.1) at creation.
    type: str
  memory_limit:
    description: Memory that the agent may use, for example V(6g) or V(512m); it gets no swap on top. Defaults to V(6g) at creation.
    type: str
  memory_reservation:
    description: Memory that is kept for it when the host runs short, at most O(memory_limit). Defaults to half of the limit at creation.
    type: str
  cpu_limit:
    description: CPUs that it may use, for example V(2), V(0.5) or V(500m). Defaults to V(2) at creation.
    type: str
  context_length:
    description: Tokens of context that its models are loaded with. Defaults to V(4096) at creation.
    type: int
  num_parallel:
    description: Requests that it serves at a time. Defaults to V(1) at creation.
    type: int
  keep_alive:
    description: How long a model stays in memory after a request, for example V(5m) or V(-1) for ever. Defaults to V(5m) at creation.
    type: str
  model:
    description: Its first model, for the label. Labels can't be changed in place, so another model is a recreation. V('') takes it off.
    type: str
  models:
    description:
      - Models that the agent shall see out of O(store), exactly these; the store has to have them. Without O(store) it is not looked at.
      - Another list, or another version of a model, is another view of the store. An agent that runs is restarted for it; requests in
        flight may end first.
      - What the agent pulled or made itself is not touched. A shared model that a tenant deleted from its own directory comes back.
      - An agent whose models volume was made without a store keeps it, and then this is not looked at.
    type: list
    elements: str
  own_models:
    description: Those of O(models) that the agent is about to have of its own, as one that moves here with its data does. The store need not have them.
    type: list
    elements: str
  migrate:
    description:
      - What is done with an agent whose models volume is of the other sort. V(shared) moves it into O(store), without another download of
        what the store has; the rest becomes the agent's own. V(private) gives it a volume with copies of all that it sees.
      - The agent is stopped meanwhile and made anew. A run that is killed in between goes on with the next one. Needs O(store).
      - Without it, such an agent stays as it is.
    type: str
    choices: [shared, private]
  model_update:
    description:
      - When the agent gets a newer version of a model that it has and the store has since got.
      - V(at_once) restarts it, V(next_restart) waits until it restarts for another reason, V(pinned) keeps the versions that it has.
      - Defaults to V(at_once).
    type: str
    choices: [at_once, next_restart, pinned]
  environment:
    description:
      - Further variables for Ollama, all of them; one that is not listed any more is taken away. Their values are treated as secrets.
      - Variables that other options set can't be set here.
    type: dict
  remove_volume:
    description:
      - With O(state=absent), remove the agent's models as well, also what it has of its own in a model store. Defaults to V(false).
    type: bool
  only_stopped:
    description: With O(state=absent), refuse to remove the agent while it runs. Defaults to V(false).
    type: bool
  adopted:
    description:
      - Whether an older system made its container, as the record in the catalog says. Then a container without labels of this collection
        is this agent, when it is called C(ollama-agent-<agent>) and its label C(tenant_id) is the tenant.
      - Limits of such a container change in place. What would need a new container, since it differs from how this collection makes one,
        waits for O(renew) or for another change that needs one. The new container has the models of the old one, where they are.
    type: bool
  renew:
    description: With O(adopted=true), make the container anew now.
    type: bool
  agents:
    description:
      - Several agents in one call; each takes the options above.
      - Options given beside the list hold for every agent in it that does not give its own, except O(agent) and O(port).
    type: list
    elements: dict
    suboptions:
      agent:
        description: See O(agent).
        type: str
        required: true
      tenant:
        description: See O(tenant).
        type: str
      state:
        description: See O(state).
        type: str
        choices: [present, started, stopped, absent]
      image:
        description: See O(image).
        type: str
      port:
        description: See O(port).
        type: int
      bind_address:
        description: See O(bind_address).
        type: str
      memory_limit:
        description: See O(memory_limit).
        type: str
      memory_reservation:
        description: See O(memory_reservation).
        type: str
      cpu_limit:
        description: See O(cpu_limit).
        type: str
      context_length:
        description: See O(context_length).
        type: int
      num_parallel:
        description: See O(num_parallel).
        type: int
      keep_alive:
        description: See O(keep_alive).
        type: str
      model:
        description: See O(model).
        type: str
      models:
        description: See O(models).
        type: list
        elements: str
      own_models:
        description: See O(own_models).
        type: list
        elements: str
      migrate:
        description: See O(migrate).
        type: str
        choices: [shared, private]
      model_update:
        description: See O(model_update).
        type: str
        choices: [at_once, next_restart, pinned]
      environment:
        description: See O(environment).
        type: dict
      remove_volume:
        description: See O(remove_volume).
        type: bool
      only_stopped:
        description: See O(only_stopped).
        type: bool
      adopted:
        description: See O(adopted).
        type: bool
      renew:
        description: See O(renew).
        type: bool
  network_pool:
    description: IPv4 network from which a new tenant network gets its subnet. Subnets that overlap networks or routes of the host are left out.
    type: str
    default: 10.201.0.0/16
  network_prefix:
    description: Prefix length of a new tenant network's subnet; V(28) has room for 13 agents.
    type: int
    default: 28
  store:
    description:
      - Directory of the model store of this host. An agent that is made with it sees the models of the store that O(models) names,
        without a copy, under a directory of its own for what it writes.
      - Without it, an agent that is made gets a volume with models of its own. It has to be on the engine's own host, and needs root.
    type: path
  store_models:
    description:
      - Models that O(store) is about to get, as M(llmops.tenancy.model_store) returned them (C(model), C(digest), C(size)), so that check
        mode knows them, newer versions as well.
    type: list
    elements: dict
  drain_timeout:
    description: Seconds that requests in flight may take before an agent is stopped, by O(state=stopped) or for a change. 0 cuts them.
    type: int
    default: 30
  healthy_timeout:
    description: Seconds to wait until all agents that shall run answer.
    type: int
    default: 60
  keep_going:
    description:
      - Whether an agent that can't be brought about is told in RV(failures) and lets the task and all other agents go on.
      - What is wrong with the engine itself fails the task all the same.
    type: bool
    default: false
  create_stopped:
    description: Whether an agent with O(state=stopped) that is not there is made.
    type: bool
    default: true
  others:
    description: Whether RV(others) tells what else of this collection the engine has.
    type: bool
    default: false
seealso:
  - module: llmops.tenancy.ollama_agent_info
"""

EXAMPLES = r"""
- name: An agent with a model of up to 6 GiB
  llmops.tenancy.ollama_agent:
    agent: empresa-corp
    tenant: empresa-corp
    port: 11435
    memory_limit: 8g
    cpu_limit: 4

- name: More memory, without a restart
  llmops.tenancy.ollama_agent:
    agent: empresa-corp
    tenant: empresa-corp
    memory_limit: 12g

- name: All agents of this host in one call
  llmops.tenancy.ollama_agent:
    agents:
      - {agent: empresa-corp, tenant: empresa-corp, port: 11435}
      - {agent: acme-chat, tenant: acme, port: 11436, memory_limit: 4g}
      - {agent: acme-test, tenant: acme, port: 11437, state: stopped}

- name: Two agents that share one copy of a model
  llmops.tenancy.ollama_agent:
    store: /var/lib/llmops/models
    agents:
      - {agent: empresa-corp, tenant: empresa-corp, port: 11435, models: [phi4-mini]}
      - {agent: acme-chat, tenant: acme, port: 11436, models: [phi4-mini, llama3.2]}

- name: Take an agent away and keep its models
  llmops.tenancy.ollama_agent:
    agent: acme-test
    tenant: acme
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in this order.
  returned: success
  type: list
  elements: dict
  sample:
    - action: update
      kind: container
      name: ollama-agent-empresa-corp
      impact: in_place
      fields: {memory_limit: {before: 8589934592, after: 12884901888}}
  contains:
    action:
      description: create, update, recreate, start, stop, pull, switch, replace or remove.
      type: str
      sample: update
    kind:
      description:
        - container, volume, network or image; C(view) for what the agent sees of the model store, C(upper) for what is its own over it.
      type: str
      sample: container
    name:
      description: Of which one.
      type: str
      sample: ollama-agent-empresa-corp
    impact:
      description: in_place, restart, recreate or data_loss.
      type: str
      sample: in_place
    fields:
      description: What differs, with its values before and after.
      type: dict
      sample: {memory_limit: {before: 8589934592, after: 12884901888}}
failures:
  description: The agents that can't be brought about, with O(keep_going=true). All that failed; the others are done.
  returned: success
  type: list
  elements: dict
  contains:
    agent:
      description: Name of the agent.
      type: str
      sample: empresa-corp
    tenant:
      description: Slug of its tenant.
      type: str
      sample: empresa-corp
    msg:
      description: What failed, why, and what to do, in one line.
      type: str
      sample: "Port 11435 for agent 'empresa-corp' is in use: container web holds 127.0.0.1:11435. Stop what holds it."
    error:
      description: The same in parts, C(kind), C(what), C(cause) and C(remedy) among them.
      type: dict
      sample: {kind: port_in_use}
migrated:
  description: Of each agent that O(migrate) moves, what it shares then or gets a copy of, what is its own, and what that frees.
  returned: success
  type: list
  elements: dict
  sample:
    - {agent: acme, tenant: acme, models: shared, names: ["phi4-mini:latest"], shared_bytes: 2491876774, copied_bytes: 0, own_bytes: 0,
       freed_bytes: 2491876774}
answered:
  description: Agents that ran and whose API answered before anything was done.
  returned: in check mode
  type: list
  elements: str
  sample: [empresa-corp]
others:
  description:
    - Containers, networks and volumes of this collection that belong to no agent of the call, and what other agents without a volume have
      in O(store).
  returned: O(others=true)
  type: list
  elements: dict
  contains:
    kind:
      description: container, network, volume, or C(upper) for what an agent has in the model store.
      type: str
      sample: volume
    name:
      description: Name of the object.
      type: str
      sample: ollama-agent-acme
    agent:
      description: Its agent, by its labels; null for a network.
      type: str
      sample: acme
    tenant:
      description: Its tenant, by its labels.
      type: str
      sample: acme
    state:
      description: Of a container, as the engine lists it; else null.
      type: str
      sample: running
agents:
  description: The agents as they are after the call, in the order they were given. In check mode, as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    agent:
      description: Name of the agent.
      type: str
      sample: empresa-corp
    tenant:
      description: Slug of its tenant.
      type: str
      sample: empresa-corp
    state:
      description: running, created, exited, paused, restarting, dead or absent.
      type: str
      sample: running
    endpoint:
      description: URL at which the host reaches its API; null when there is none.
      type: str
      sample: http://127.0.0.1:11435
    health:
      description: C(status) as the engine sees it, whether its C(api) answers, C(oom_killed) and C(restart_count).
      type: dict
      sample: {status: healthy, api: true, oom_killed: false, restart_count: 0}
    image:
      description: Image it was created from, by name.
      type: str
      sample: docker.io/ollama/ollama:0.24.0
    image_id:
      description: Image it was created from, by content.
      type: str
      sample: sha256:4f0ab0b7ea53fd55d8bd2c96f62ac0ab9c1b1ee2e7b8a5a5f3a3a5d9c3b1f0de
    port:
      description: Port of the host; null when not published.
      type: int
      sample: 11435
    bind_address:
      description: Address of the host that the port is bound to.
      type: str
      sample: 127.0.0.1
    memory_limit:
      description: Bytes.
      type: int
      sample: 12884901888
    memory_reservation:
      description: Bytes.
      type: int
      sample: 4294967296
    cpu_limit:
      description: Millicpus.
      type: int
      sample: 4000
    context_length:
      description: Tokens.
      type: int
      sample: 4096
    num_parallel:
      description: Requests served at a time.
      type: int
      sample: 1
    keep_alive:
      description: How long a model stays in memory.
      type: str
      sample: 5m
    model:
      description: Its first model, by its label.
      type: str
      sample: phi4-mini
    environment:
      description: Names of further variables.
      type: list
      elements: str
      sample: [HTTPS_PROXY]
    network:
      description: Its tenant's network.
      type: str
      sample: ollama-tenant-empresa-corp
    subnet:
      description: Subnet of that network.
      type: str
      sample: 10.201.77.16/28
    volume:
      description: Volume with its models; of an agent that was removed, the one that was kept.
      type: str
      sample: ollama-agent-empresa-corp
    volume_path:
      description: Where that volume is on the host, also that of a removed agent; null when it is not there (yet, in check mode).
      type: str
      sample: /var/lib/docker/volumes/ollama-agent-empresa-corp/_data
    store:
      description:
        - Where its models are from. C(models) is shared or private; with shared ones C(view) is the id of what it sees of the model store,
          C(shared) are the names of its models there, and C(pending) tells whether it runs with an older view until it restarts.
      type: dict
      sample: {models: shared, view: 3f1b22a90c54d6e7, shared: ["phi4-mini:latest"], pending: false}
    erased:
      description:
        - Of an agent whose models were removed from a model store, the C(path) that is gone, its C(bytes) and its C(models).
        - Null of another agent that is absent.
      type: dict
      sample: {path: /var/lib/llmops/models/agents/empresa-corp/upper, bytes: 2491876774, models: ["my-tune:latest"]}
    models:
      description: Its models by name, digest and size in bytes. Null when it can't be asked, as it does not run.
      type: list
      elements: dict
      sample: [{name: "phi4-mini:latest", digest: 78fad5d182a7c33065e153a5f8ba210754207ba9d91973f57dffa7f487363753, size: 2491876774}]
"""

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import agent_options as agent
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.adoption import adopted_of
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agents import Options, ensure_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.others import others_of
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list
from ansible_collections.llmops.tenancy.plugins.module_utils.store.agents import stored_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.store.migration import migrated

SPEC = {
    **one_or_list(agent.ENTITY, "agents", shared=agent.SHARED),
    "network_pool": {"type": "str", "default": "10.201.0.0/16"},
    "network_prefix": {"type": "int", "default": 28},
    "store": {"type": "path"},
    "store_models": {"type": "list", "elements": "dict"},
    "drain_timeout": {"type": "int", "default": 30},
    "healthy_timeout": {"type": "int", "default": 60},
    "keep_going": {"type": "bool", "default": False},
    "create_stopped": {"type": "bool", "default": True},
    "others": {"type": "bool", "default": False},
}


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the agents about."""
    wanted = entities(params, agent.ENTITY, "agents", shared=agent.SHARED)
    specs = [(agent.read(entity), entity["models"]) for entity in wanted]
    agent.hide_environment(params)
    pool = PoolOptions(params["network_pool"], params["network_prefix"])
    docker_engine = DockerEngine(docker.read(params), params["drain_timeout"], adopted_of([spec for spec, models in specs]))
    engine, specs = stored_agents(docker_engine, params["store"], specs, params["store_models"] or (), run.check)
    outcome = ensure_agents(
        engine,
        specs,
        lambda endpoint: OllamaClient(endpoint, timeout=5).tags(),
        Options(pool, params["healthy_timeout"], params["keep_going"], params["create_stopped"], engine.foresee),
        check=run.check,
    )
    if not run.check:
        engine.settle(outcome.observed, outcome.plan.actions)
    for warning in outcome.plan.warnings:
        run.warn(warning)
    tenants = {spec.agent: spec.tenant for spec in specs}
    failures = [{"agent": name, "tenant": tenants[name], **error.as_result()} for name, error in outcome.failures.items()]
    found: dict[str, Any] = {"others": others_of(outcome.observed, specs)} if params["others"] else {}
    found |= {"answered": sorted(outcome.answered)} if run.check else {}
    moved = migrated(specs, outcome.plan.actions, outcome.observed)
    return {**outcome.plan.as_result(), "agents": outcome.agents, "failures": failures, "migrated": moved, **found}


def main() -> None:
    """Entry point of the module."""
    run_module(logic, SPEC, groups=[docker.GROUP], ordinary=agent.ordinary_values)


if __name__ == "__main__":
    main()
