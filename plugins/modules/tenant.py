#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records tenants with their users and agents."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant
short_description: Record tenants with their users and agents in the catalog
version_added: 0.1.0
description:
  - Makes, changes and removes the record of a tenant, or of a list of them, together with their users and agents, in
    one
    transaction.
  - What is not given stays as the catalog has it. Defaults apply when a record is made.
  - New agents get an agent host with room and the next free port there; any number of runs at once get different ones.
  - Over its quota, a tenant gets nothing of what was asked for.
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Name of the tenant, 2 to 32 of a-z, 0-9 and C(-).
    type: str
  state:
    description: Whether the record should be there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Display name. O(tenant) for a new tenant; an empty string goes back to it.
    type: str
  domain:
    description: Domain of the tenant. An empty string clears it.
    type: str
  m365_tenant_id:
    description: Microsoft 365 tenant, by its GUID or domain. An empty string clears it.
    type: str
  active:
    description: Whether the tenant is served. A new tenant is active if not given.
    type: bool
  quota_agents:
    description: Number of agents that the tenant may have. An empty string is no limit, as for a new tenant.
    type: str
  quota_memory:
    description: Memory that the limits of its agents may add up to, for example V(24g). An empty string is no limit.
    type: str
  quota_cpus:
    description: CPUs that the limits of its agents may add up to. An empty string is no limit.
    type: str
  quota_disk:
    description: Disk that the limits of its agents may add up to. An empty string is no limit.
    type: str
  quota_agents_per_hour:
    description:
      - Number of agents that may be made for the tenant within an hour. Those that were removed again count, too. An empty
        string is no limit, as for a new tenant.
    type: str
  cascade:
    description: With O(state=absent), remove the records of its agents, too. Refused if not given while there are any.
    type: bool
  users:
    description: Users of the tenant to make, change or remove; others stay. See M(llmops.tenancy.tenant_user).
    type: list
    elements: dict
    suboptions:
      email:
        description: Email address, unique within the tenant whatever its case.
        type: str
        required: true
      state:
        description: Whether the record should be there.
        type: str
        choices: [present, absent]
        default: present
      name:
        description: Name of the person. An empty string clears it.
        type: str
      role:
        description: What the user may do in the tenant. A new user is V(viewer) if not given.
        type: str
        choices: [admin, analyst, viewer]
      active:
        description: Whether the user may be used. A new user is active if not given.
        type: bool
      force:
        description: Go ahead even if the tenant loses its last active admin.
        type: bool
  agents:
    description:
      - Agents of the tenant to make, change or remove; others stay. See M(llmops.tenancy.tenant_agent).
      - With O(state=absent), the agents whose records go along, each absent, too. Refused while there are others.
    type: list
    elements: dict
    suboptions:
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
  tenants:
    description: Tenants, in place of one at the top.
    type: list
    elements: dict
    suboptions:
      tenant:
        description: Name of the tenant, 2 to 32 of a-z, 0-9 and C(-).
        type: str
        required: true
      state:
        description: Whether the record should be there.
        type: str
        choices: [present, absent]
        default: present
      name:
        description: Display name. O(tenant) for a new tenant; an empty string goes back to it.
        type: str
      domain:
        description: Domain of the tenant. An empty string clears it.
        type: str
      m365_tenant_id:
        description: Microsoft 365 tenant, by its GUID or domain. An empty string clears it.
        type: str
      active:
        description: Whether the tenant is served. A new tenant is active if not given.
        type: bool
      quota_agents:
        description: Number of agents that the tenant may have. An empty string is no limit, as for a new tenant.
        type: str
      quota_memory:
        description:
          - Memory that the limits of its agents may add up to, for example V(24g). An empty string is no limit.
        type: str
      quota_cpus:
        description: CPUs that the limits of its agents may add up to. An empty string is no limit.
        type: str
      quota_disk:
        description: Disk that the limits of its agents may add up to. An empty string is no limit.
        type: str
      quota_agents_per_hour:
        description:
          - Number of agents that may be made for the tenant within an hour. Those that were removed again count, too. An empty
            string is no limit, as for a new tenant.
        type: str
      cascade:
        description:
          - With O(tenants[].state=absent), remove the records of its agents, too. Refused if not given while there
            are any.
        type: bool
      users:
        description: Users of the tenant to make, change or remove; others stay. See M(llmops.tenancy.tenant_user).
        type: list
        elements: dict
        suboptions:
          email:
            description: Email address, unique within the tenant whatever its case.
            type: str
            required: true
          state:
            description: Whether the record should be there.
            type: str
            choices: [present, absent]
            default: present
          name:
            description: Name of the person. An empty string clears it.
            type: str
          role:
            description: What the user may do in the tenant. A new user is V(viewer) if not given.
            type: str
            choices: [admin, analyst, viewer]
          active:
            description: Whether the user may be used. A new user is active if not given.
            type: bool
          force:
            description: Go ahead even if the tenant loses its last active admin.
            type: bool
      agents:
        description:
          - Agents of the tenant to make, change or remove; others stay. See M(llmops.tenancy.tenant_agent).
          - With O(tenants[].state=absent), the agents whose records go along, each absent, too. Refused while there
            are others.
        type: list
        elements: dict
        suboptions:
          agent:
            description:
              - Name of the agent, unique in the whole catalog.
              - If not given it is the tenant's only agent, or else the one called like the tenant, which is made when
                the tenant has none.
            type: str
          state:
            description: Whether the record should be there.
            type: str
            choices: [present, absent]
            default: present
          host:
            description:
              - Agent host, one of O(agent_hosts) if these are given. A new agent goes to the one with room that is
                least full if not given.
              - Another host moves the record; the agent gets a free port there.
              - This is refused once the agent was seen on its host, since its container and models are there. Offboard
                it there first, or forget what was seen with an empty O(tenants[].agents[].observed) in an earlier call.
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
              - Models that the agent should have, the main one first. V([phi4-mini]) for a new agent; an empty list
                goes back to it.
            type: list
            elements: str
          memory_limit:
            description: Memory that the agent may use, for example V(6g), V(512m) or V(1.5GiB). V(6g) for a new agent.
            type: str
          memory_reservation:
            description:
              - Memory that is kept for the agent. Half of O(tenants[].agents[].memory_limit) for a new agent, or when
                the limit falls below it.
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
            description:
              - Image of the agent's container. The role's default if not given; an empty string goes back to it.
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
  others:
    description: Whether RV(others) tells all other tenants of the catalog.
    type: bool
    default: false
  placement:
    description:
      - Where a new agent goes that asks for no host. V(spread) takes the host with room that is least full, V(packed) the
        one that is fullest.
    type: str
    choices: [spread, packed]
    default: spread
  keep_going:
    description:
      - Whether one tenant that is refused leaves the others of the list alone. It is reported in RV(failures), nothing
        of it is kept, and all others are made, still in one transaction. The task does not fail then.
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
- name: Record a tenant with an admin and the usual single agent
  llmops.tenancy.tenant:
    tenant: empresa-corp
    name: Empresa Corp
    quota_memory: 24g
    users:
      - email: ana@empresa.example
        role: admin
    agents:
      - memory_limit: 6g
        models: [phi4-mini]

- name: Deactivate it
  llmops.tenancy.tenant:
    tenant: empresa-corp
    active: false

- name: Record several at once, on two hosts with limited memory
  llmops.tenancy.tenant:
    tenants:
      - tenant: acme
        agents: [{}]
      - tenant: globex
        agents: [{memory_limit: 12g}]
    agent_hosts:
      - name: gpu-01
        memory: 64g
      - name: gpu-02
        memory: 128g

- name: Remove a tenant with its users and the records of its agents
  llmops.tenancy.tenant:
    tenant: empresa-corp
    state: absent
    cascade: true
"""

RETURN = r"""
tenants:
  description: The tenants that were named, as they are now or would be.
  returned: success
  type: list
  elements: dict
  contains:
    tenant:
      description: Name of the tenant.
      type: str
    state:
      description: V(present) or V(absent). An absent tenant has nothing but its name, and the agents that were removed.
      type: str
    name:
      description: Display name.
      type: str
    domain:
      description: Domain.
      type: str
    m365_tenant_id:
      description: Microsoft 365 tenant.
      type: str
    active:
      description: Whether the tenant is served.
      type: bool
    quota_agents:
      description: Agents that it may have.
      type: int
    quota_memory:
      description: Bytes that its agents may have together.
      type: int
    quota_cpus:
      description: Millicpus that its agents may have together.
      type: int
    quota_disk:
      description: Bytes that its agents may have together.
      type: int
    quota_agents_per_hour:
      description: Number of agents that may be made for it within an hour.
      type: int
    created_at:
      description: When the record was made.
      type: str
    user_count:
      description: Number of its users.
      type: int
    agent_count:
      description: Number of its agents.
      type: int
    users:
      description: Those users that the call named. See M(llmops.tenancy.tenant_user).
      type: list
      elements: dict
    agents:
      description: All its agents, with host and port. See M(llmops.tenancy.tenant_agent_info).
      type: list
      elements: dict
  sample:
    - tenant: empresa-corp
      state: present
      name: Empresa Corp
      domain: empresa.example
      m365_tenant_id: null
      active: true
      quota_agents: null
      quota_memory: 25769803776
      quota_cpus: null
      user_count: 1
      agent_count: 1
      users:
        - email: ana@empresa.example
          tenant: empresa-corp
          name: Ana
          role: admin
          active: true
          source: manual
          state: present
      agents:
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
others:
  description: The tenants that are not in RV(tenants), as the catalog has them, each with its agents.
  returned: O(others=true)
  type: list
  elements: dict
  sample:
    - tenant: globex
      name: Globex
      active: true
      state: present
      agents: []
failures:
  description:
    - Tenants of which nothing was made, in the order of the options. Empty without O(keep_going), where a bad one fails
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
    - action: create
      kind: tenant
      name: empresa-corp
      impact: in_place
      fields: {}
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import keep_going, placement, whole_tenant
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import writing
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog, records
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list


def logic(params, run: Run):
    """Make the tenants as wished, in one transaction."""
    options = entities(params, records.TENANT, "tenants")
    where = placement.read(params["agent_hosts"], params["port_range"], params["placement"])
    with writing(catalog.read(params), check=run.check, warn=run.warn) as conn:
        plan, tenants, failures = keep_going.ensure(
            conn,
            options,
            lambda part, warn: whole_tenant.ensure(conn, part, where),
            keep_going=params["keep_going"],
            warn=run.warn,
        )
        more = {"others": whole_tenant.others(conn, [each["tenant"] for each in tenants])} if params["others"] else {}
    return {**plan.as_result(), "tenants": tenants, "failures": failures, **more}


def main() -> None:
    """Entry point."""
    spec = {**one_or_list(records.TENANT, "tenants"), **records.PLACEMENT, **records.KEEP_GOING}
    run_module(logic, {**spec, "others": {"type": "bool", "default": False}}, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
