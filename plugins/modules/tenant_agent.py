#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records agents of tenants and gives them their places."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_agent
short_description: Record agents of tenants in the catalog
version_added: 0.1.0
description:
  - Makes, changes and removes the record of an agent, or of a list of them, in one transaction. The container is the
    business of
    M(llmops.tenancy.ollama_agent).
  - A new agent gets an agent host with room and the next free port there, and keeps them. Any number of runs at once
    get
    different ones.
  - What is not given stays as the catalog has it. Defaults apply when an agent is made.
  - Refuses what would exceed the quota of the tenant or the capacity of the host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Tenant that the agent belongs to. Given at the top it holds for the whole list.
    type: str
  agent:
    description:
      - Name of the agent, unique in the whole catalog.
      - If not given it is the tenant's only agent, or else the one called like the tenant, which is made when the
        tenant has none.
    type: str
  state:
    description: Whether the record should be there.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - Agent host, one of O(agent_hosts) if these are given. A new agent goes to the one with room that is least full
        if not given.
      - Another host moves the record; the agent gets a free port there.
      - This is refused once the agent was seen on its host, since its container and models are there. Offboard it
        there first, or forget what was seen with an empty O(observed) in an earlier call.
    type: str
  port:
    description:
      - Port on the agent host. A new agent gets the next free one of O(port_range) if it is V(0) or not given.
      - An agent keeps the port that it has been given.
    type: int
  bind_address:
    description: Address of the agent host that the port is published on. V(127.0.0.1) for a new agent.
    type: str
  models:
    description:
      - Models that the agent should have, the main one first. V([phi4-mini]) for a new agent; an empty list goes back
        to it.
    type: list
    elements: str
  memory_limit:
    description: Memory that the agent may use, for example V(6g), V(512m) or V(1.5GiB). V(6g) for a new agent.
    type: str
  memory_reservation:
    description:
      - Memory that is kept for the agent. Half of O(memory_limit) for a new agent, or when the limit falls below it.
    type: str
  cpu_limit:
    description: CPUs that the agent may use, for example V(2) or V(0.5). V(2) for a new agent.
    type: str
  disk_limit:
    description:
      - Disk of its host that the agent's own data may take, for example V(20g). V(10g) for a new agent. The catalog counts
        it for quotas and placement.
    type: str
  gpus:
    description: Number of GPUs of its host that the agent takes. V(0) for a new agent.
    type: int
  affinity:
    description: Labels that the agent's host must have, for example V([gpu=a100]). None for a new agent.
    type: list
    elements: str
  anti_affinity:
    description: Whether the agent must not be on a host with another agent of its tenant. V(false) for a new agent.
    type: bool
  context_length:
    description: Context of the agent in tokens. V(4096) for a new agent; V(0) goes back to it.
    type: int
  num_parallel:
    description: Requests that the agent serves at once. V(1) for a new agent; V(0) goes back to it.
    type: int
  keep_alive:
    description: How long an idle model stays loaded. V(5m) for a new agent.
    type: str
  image:
    description: Image of the agent's container. The role's default if not given; an empty string goes back to it.
    type: str
  desired_state:
    description: Whether the agent should run. V(started) for a new agent.
    type: str
    choices: [started, stopped]
  adopted:
    description: Whether an older system made its container, so that it is known without labels of this collection. Set by C(adopt_agents).
    type: bool
  observed:
    description:
      - What was seen of the agent on its host, for example its state, health, image and models.
      - The time is kept with it. The same observation again refreshes the time and counts as no change.
      - An empty dictionary forgets the observation.
    type: dict
  agents:
    description: Agents, in place of one at the top.
    type: list
    elements: dict
    suboptions:
      tenant:
        description: Tenant that the agent belongs to. Given at the top it holds for the whole list.
        type: str
      agent:
        description:
          - Name of the agent, unique in the whole catalog.
          - If not given it is the tenant's only agent, or else the one called like the tenant, which is made when the
            tenant has none.
        type: str
      state:
        description: Whether the record should be there.
        type: str
        choices: [present, absent]
        default: present
      host:
        description:
          - Agent host, one of O(agent_hosts) if these are given. A new agent goes to the one with room that is least
            full if not given.
          - Another host moves the record; the agent gets a free port there.
          - This is refused once the agent was seen on its host, since its container and models are there. Offboard it
            there first, or forget what was seen with an empty O(agents[].observed) in an earlier call.
        type: str
      port:
        description:
          - Port on the agent host. A new agent gets the next free one of O(port_range) if it is V(0) or not given.
          - An agent keeps the port that it has been given.
        type: int
      bind_address:
        description: Address of the agent host that the port is published on. V(127.0.0.1) for a new agent.
        type: str
      models:
        description:
          - Models that the agent should have, the main one first. V([phi4-mini]) for a new agent; an empty list goes
            back to it.
        type: list
        elements: str
      memory_limit:
        description: Memory that the agent may use, for example V(6g), V(512m) or V(1.5GiB). V(6g) for a new agent.
        type: str
      memory_reservation:
        description:
          - Memory that is kept for the agent. Half of O(agents[].memory_limit) for a new agent, or when the limit
            falls below it.
        type: str
      cpu_limit:
        description: CPUs that the agent may use, for example V(2) or V(0.5). V(2) for a new agent.
        type: str
      disk_limit:
        description:
          - Disk of its host that the agent's own data may take, for example V(20g). V(10g) for a new agent. The catalog counts
            it for quotas and placement.
        type: str
      gpus:
        description: Number of GPUs of its host that the agent takes. V(0) for a new agent.
        type: int
      affinity:
        description: Labels that the agent's host must have, for example V([gpu=a100]). None for a new agent.
        type: list
        elements: str
      anti_affinity:
        description: Whether the agent must not be on a host with another agent of its tenant. V(false) for a new agent.
        type: bool
      context_length:
        description: Context of the agent in tokens. V(4096) for a new agent; V(0) goes back to it.
        type: int
      num_parallel:
        description: Requests that the agent serves at once. V(1) for a new agent; V(0) goes back to it.
        type: int
      keep_alive:
        description: How long an idle model stays loaded. V(5m) for a new agent.
        type: str
      image:
        description: Image of the agent's container. The role's default if not given; an empty string goes back to it.
        type: str
      desired_state:
        description: Whether the agent should run. V(started) for a new agent.
        type: str
        choices: [started, stopped]
      adopted:
        description: Whether an older system made its container, so that it is known without labels of this collection. Set by C(adopt_agents).
        type: bool
      observed:
        description:
          - What was seen of the agent on its host, for example its state, health, image and models.
          - The time is kept with it. The same observation again refreshes the time and counts as no change.
          - An empty dictionary forgets the observation.
        type: dict
  agent_hosts:
    description:
      - Agent hosts that new agents may go to, with the capacity that agents may take there. Only V(localhost) if not
        given.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the host in the inventory.
        type: str
        required: true
      memory:
        description: Memory that all agents of the host may have together. No limit if not given.
        type: str
      cpus:
        description: CPUs that all agents of the host may have together. No limit if not given.
        type: str
      agents:
        description: Number of agents that the host may have. No limit if not given.
        type: int
      gpus:
        description: Number of GPUs of the host. No limit if not given.
        type: int
      disk:
        description: Disk that the data of all agents of the host may take together. No limit if not given.
        type: str
      networks:
        description: Number of tenants whose agents the host may have, since each has a network there. No limit if not given.
        type: int
      ports:
        description: Range of ports on this host, in place of O(port_range).
        type: str
      labels:
        description: Labels of the host that agents may ask for, for example V([gpu=a100, zone=a]).
        type: list
        elements: str
      memory_overcommit:
        description: Factor by which the limits of all agents may exceed O(agent_hosts[].memory), for example V(1.5).
        type: float
        default: 1.0
      cpus_overcommit:
        description: Factor by which the limits of all agents may exceed O(agent_hosts[].cpus).
        type: float
        default: 1.0
  port_range:
    description: Range of ports that are given to new agents, on each host.
    type: str
    default: 11435-12434
  placement:
    description:
      - Where a new agent goes that asks for no host. V(spread) takes the host with room that is least full, V(packed) the
        one that is fullest.
    type: str
    choices: [spread, packed]
    default: spread
  keep_going:
    description:
      - Whether a tenant with an agent that is refused leaves the others of the list alone. It is reported in
        RV(failures), none of its agents is changed, and those of all others are, still in one transaction. The task does
        not fail then. RV(agents) has them in the order of their tenants.
      - What is wrong with the whole call, the catalog or its connection still fails the task.
    type: bool
    default: false
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
attributes:
  check_mode:
    support: full
    details: Runs the same statements and rolls them back.
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Reserve host and port for the agent of a tenant
  llmops.tenancy.tenant_agent:
    tenant: empresa-corp
    memory_limit: 6g
    models: [phi4-mini]
  register: reserved

- name: Record what was seen of it
  llmops.tenancy.tenant_agent:
    tenant: empresa-corp
    observed:
      state: running
      health: healthy
      models: [phi4-mini]

- name: Two agents on named hosts
  llmops.tenancy.tenant_agent:
    tenant: empresa-corp
    agents:
      - agent: empresa-chat
        host: gpu-01
      - agent: empresa-code
        host: gpu-02
        port: 11500
    agent_hosts:
      - name: gpu-01
        memory: 64g
      - name: gpu-02
"""

RETURN = r"""
agents:
  description: The agents that were named, as they are now or would be.
  returned: success
  type: list
  elements: dict
  contains:
    agent:
      description: Name of the agent.
      type: str
    tenant:
      description: Tenant that the agent belongs to.
      type: str
    host:
      description: Agent host that it was given.
      type: str
    port:
      description: Port that it was given there.
      type: int
    bind_address:
      description: Address that the port is published on.
      type: str
    models:
      description: Models that it should have.
      type: list
      elements: str
    memory_limit:
      description: Bytes.
      type: int
    memory_reservation:
      description: Bytes.
      type: int
    cpu_limit:
      description: Millicpus.
      type: int
    disk_limit:
      description: Bytes.
      type: int
    gpus:
      description: Number of GPUs.
      type: int
    affinity:
      description: Labels that its host must have.
      type: list
      elements: str
    anti_affinity:
      description: Whether it must not be on a host with another agent of its tenant.
      type: bool
    context_length:
      description: Tokens.
      type: int
    num_parallel:
      description: Requests served at once.
      type: int
    keep_alive:
      description: How long an idle model stays loaded.
      type: str
    image:
      description: Image, or none for the role's default.
      type: str
    desired_state:
      description: V(started) or V(stopped).
      type: str
    adopted:
      description: Whether an older system made its container, so that it is known without labels of this collection. Set by C(adopt_agents).
      type: bool
    observed:
      description: What was last seen of it.
      type: dict
    observed_at:
      description: When that was.
      type: str
    created_at:
      description: When the record was made.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
  sample:
    - agent: empresa-corp
      tenant: empresa-corp
      host: localhost
      port: 11435
      bind_address: 127.0.0.1
      models: [phi4-mini]
      memory_limit: 6442450944
      memory_reservation: 3221225472
      cpu_limit: 2000
      desired_state: started
      state: present
failures:
  description:
    - Tenants whose agents were all left as they are, in the order of the options. Empty without O(keep_going), where a bad one fails
      the task.
  returned: success
  type: list
  elements: dict
  contains:
    tenant:
      description: Name of the tenant.
      type: str
    msg:
      description: What is wrong, why, and what to do about it, in one line.
      type: str
    error:
      description: The same in parts, C(kind), C(what), C(cause) and C(remedy), and further values of some kinds.
      type: dict
  sample:
    - tenant: globex
      msg: "Tenant globex would exceed its quota of agents: 2 of 1: its agents would be ... Raise the quota."
      error:
        kind: quota_exceeded
        what: "Tenant globex would exceed its quota of agents: 2 of 1"
        cause: its agents would be globex 6g 2 CPUs, second 6g 2 CPUs
        remedy: Raise the quota of the tenant, or ask for less
actions:
  description: Each thing that was done, or would be in check mode, with the fields that differ.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: agent
      name: empresa-corp
      impact: in_place
      fields: {memory_limit: {before: 6g, after: 8g}}
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import keep_going, members, placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import writing
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog, records
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list


def logic(params, run: Run):
    """Make the agents' records as wished, in one transaction."""
    options = entities(params, records.AGENT, "agents", shared=("tenant",))
    where = placement.read(params["agent_hosts"], params["port_range"], params["placement"])
    with writing(catalog.read(params), check=run.check, warn=run.warn) as conn:
        plan, agents, failures = keep_going.ensure(
            conn,
            options,
            lambda part, warn: members.ensure_agents(conn, part, where, check=run.check, warn=warn),
            keep_going=params["keep_going"],
            warn=run.warn,
        )
    return {**plan.as_result(), "agents": agents, "failures": failures}


def main() -> None:
    """Entry point."""
    spec = {**one_or_list(records.AGENT, "agents", shared=("tenant",)), **records.PLACEMENT, **records.KEEP_GOING}
    run_module(logic, spec, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
