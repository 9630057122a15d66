#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads agents of tenants from the catalog."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_agent_info
short_description: Read agents of tenants from the catalog
version_added: 0.1.0
description:
  - Lists the records of agents, of all tenants or those that the filters name, with what was last seen of them.
  - What runs at this moment is known by M(llmops.tenancy.ollama_agent_info).
author:
  - llmops.tenancy contributors (@llmops)
options:
  tenant:
    description: Only of this tenant.
    type: str
  agent:
    description: Only the agent of this name.
    type: str
  host:
    description: Only agents of this agent host.
    type: str
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.info
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
"""

EXAMPLES = r"""
- name: Agents of a tenant
  llmops.tenancy.tenant_agent_info:
    tenant: empresa-corp

- name: Agents of a host
  llmops.tenancy.tenant_agent_info:
    host: gpu-01
"""

RETURN = r"""
agents:
  description: The agents, by name.
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
    move:
      description: The hosts that it moves C(from) and C(to). Only until C(move_agent) has finished that.
      type: dict
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
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import info
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog


SPEC = {
    "tenant": {"type": "str"},
    "agent": {"type": "str"},
    "host": {"type": "str"},
}


def logic(params, run: Run):
    """Reads agents of tenants from the catalog."""
    with reading(catalog.read(params)) as conn:
        agents = info.agents(conn, **{name: params[name] for name in SPEC})
        return {"changed": False, "agents": agents}


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=[catalog.GROUP])


if __name__ == "__main__":
    main()
