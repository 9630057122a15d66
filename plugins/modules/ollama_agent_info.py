#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents of this host, as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_agent_info
short_description: Tell which Ollama agents a Docker Engine has and how they are
version_added: 0.1.0
description:
  - Lists the agents of this host with state, health, limits, usage, image and models.
  - Only containers and volumes that this collection made are listed.
author:
  - llmops.tenancy contributors (@llmops)
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.info
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.docker
options:
  tenant:
    description: Only agents of this tenant.
    type: str
  agents:
    description: Only agents with these names. A name that is not there is left out.
    type: list
    elements: str
  adopted:
    description: Tenants by agent, for agents whose container an older system made, see O(llmops.tenancy.ollama_agent#module:adopted).
    type: dict
    default: {}
  legacy:
    description: Whether containers of an older system are listed, too.
    type: bool
    default: false
  usage:
    description: Whether memory and CPU time are measured, which takes some milliseconds for each agent.
    type: bool
    default: true
  store:
    description:
      - Directory of the model store of this host, to find what agents that are gone left in it. What agents that are there have in a store
        is told without it. It needs root.
    type: path
seealso:
  - module: llmops.tenancy.ollama_agent
"""

EXAMPLES = r"""
- name: All agents of this host
  llmops.tenancy.ollama_agent_info:
  register: host_agents

- name: Agents of one tenant, without measuring
  llmops.tenancy.ollama_agent_info:
    tenant: empresa-corp
    usage: false
"""

RETURN = r"""
agents:
  description: The agents by name.
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
      description: running, created, exited, paused, restarting or dead.
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
    usage:
      description:
        - C(memory) in bytes that can't be given back, C(cache) in bytes of page cache (models are read into it), and C(cpu_seconds) of
          CPU time since its start; the difference of two calls is its load.
        - Null when the agent does not run or O(usage=false).
      type: dict
      sample: {memory: 31457280, cache: 2491876774, cpu_seconds: 12.5}
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
      sample: 6442450944
    memory_reservation:
      description: Bytes.
      type: int
      sample: 3221225472
    cpu_limit:
      description: Millicpus.
      type: int
      sample: 2000
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
      description: Volume with its models.
      type: str
      sample: ollama-agent-empresa-corp
    volume_path:
      description: Where that volume is on the host.
      type: str
      sample: /var/lib/docker/volumes/ollama-agent-empresa-corp/_data
    labels:
      description: Labels of its container.
      type: dict
      sample: {llmops.tenancy.agent: empresa-corp, llmops.tenancy.tenant_id: empresa-corp}
    store:
      description:
        - Where its models are from. C(models) is shared or private; with shared ones C(view) is the id of what it sees of the model store,
          C(shared) are the names of its models there, and C(pending) tells whether it runs with an older view until it restarts.
      type: dict
      sample: {models: shared, view: 3f1b22a90c54d6e7, shared: ["phi4-mini:latest"], pending: false}
    models:
      description: Its models by name, digest and size in bytes; null when it does not answer.
      type: list
      elements: dict
      sample: [{name: "phi4-mini:latest", digest: 78fad5d182a7c33065e153a5f8ba210754207ba9d91973f57dffa7f487363753, size: 2491876774}]
legacy:
  description:
    - Containers without labels of this collection that are called C(ollama-agent-…) or have the labels C(tenant_id) and C(model).
    - C(models_path) is where the models are on the host, null when they are inside of the container. C(differs) names what is not as
      this collection makes it.
  returned: O(legacy=true)
  type: list
  elements: dict
  sample:
    - container: ollama-agent-acme
      state: running
      labels: {tenant_id: acme, model: phi4-mini, memory_limit: 6g}
      image: ollama/ollama:latest
      port: 11500
      bind_address: 127.0.0.1
      memory_limit: 6442450944
      cpu_limit: 2000
      models_path: /var/lib/docker/volumes/ollama-data-acme/_data/models
      differs: [Healthcheck, mounts]
volumes:
  description: The volumes of these agents by name, also of agents that are gone and left their models.
  returned: success
  type: list
  elements: dict
  contains:
    volume:
      description: Name of the volume.
      type: str
      sample: ollama-agent-empresa-corp
    agent:
      description: Name of its agent.
      type: str
      sample: empresa-corp
    tenant:
      description: Slug of its tenant.
      type: str
      sample: empresa-corp
    path:
      description: Where it is on the host.
      type: str
      sample: /var/lib/docker/volumes/ollama-agent-empresa-corp/_data
    shared:
      description: Whether it lays what is the agent's own over models of a model store.
      type: bool
      sample: true
directories:
  description:
    - What agents have of their own in a model store, by agent. C(damage) tells what is missing of it or of the agent's view, and C(orphan)
      that neither a container nor a volume of that agent is there.
  returned: success
  type: list
  elements: dict
  sample:
    - {agent: empresa-corp, tenant: empresa-corp, path: /var/lib/llmops/models/agents/empresa-corp/upper, bytes: 0, models: [],
       view: 3f1b22a90c54d6e7, damage: "", orphan: false}
"""

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_legacy import list_legacy
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.listing import list_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker
from ansible_collections.llmops.tenancy.plugins.module_utils.store.agents import stored_agents

SPEC = {
    "tenant": {"type": "str"},
    "agents": {"type": "list", "elements": "str"},
    "adopted": {"type": "dict", "default": {}},
    "legacy": {"type": "bool", "default": False},
    "usage": {"type": "bool", "default": True},
    "store": {"type": "path"},
}


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """List the agents."""
    docker_engine = DockerEngine(docker.read(params), adopted=params["adopted"])
    engine, _specs = stored_agents(docker_engine, params["store"], (), ())
    agents, volumes, directories = list_agents(
        engine,
        lambda endpoint: OllamaClient(endpoint, timeout=5).tags(),
        names=params["agents"],
        tenant=params["tenant"],
        usage=params["usage"],
    )
    found = {"legacy": list_legacy(docker_engine)} if params["legacy"] else {}
    return {"changed": False, "agents": agents, "volumes": volumes, "directories": directories, **found}


def main() -> None:
    """Entry point of the module."""
    run_module(logic, SPEC, groups=[docker.GROUP])


if __name__ == "__main__":
    main()
