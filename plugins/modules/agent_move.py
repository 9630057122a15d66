#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records the moves of agents from host to host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_move
short_description: Record the moves of agents from host to host in the catalog
version_added: 0.1.0
description:
  - Reserves a place on another agent host for agents, has their records name it once their data is there, and gives the
    old place free once it is empty. The playbooks C(move_agent) and C(drain_host) do what lies between.
  - An agent that moves takes room on both hosts until its move is finished. What is begun is kept in the catalog, so a
    run that was killed goes on where it was.
author:
  - llmops.tenancy contributors (@llmops)
options:
  state:
    description:
      - How far the moves should be. V(begun) reserves the place; one that is on its way keeps its own. With O(to_host) the host that it is on,
        it is cancelled, and its move is V(switched) then, from the place that it gives up.
      - V(switched) has the record name the new place. Only after all data was copied and verified there.
      - V(finished) frees the old place. Only after all was removed there.
      - V(cancelled) gives the reservation back, which is possible before the switch, and forgets what was made there by now.
      - V(reversed) has the record of one that was switched name O(to_host) again, the host that it left, for when the other
        one is lost. What was written on that since the switch is given up, and to be removed there.
    type: str
    choices: [begun, switched, finished, cancelled, reversed]
    default: begun
  agents:
    description: Names of agents. All that the other options leave if not given.
    type: list
    elements: str
  tenant:
    description: Only agents of this tenant.
    type: str
  from_host:
    description: Only agents that are on this host, or left something there.
    type: str
  to_host:
    description:
      - Agent host to move to. By O(placement) any other than O(from_host) and the agent's own if not given.
      - An agent that is there and does not move is finished. One that is on its way to another host is refused, since what was made there
        would be left.
      - O(state=reversed) needs it.
    type: str
  keep_going:
    description: Whether an agent that can't move leaves the others alone. It is reported in RV(failures) then.
    type: bool
    default: false
  agent_hosts:
    description:
      - Agent hosts that agents may move to, with the capacity that agents may take there. Only V(localhost) if not
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
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.catalog
attributes:
  check_mode:
    support: full
    details: Runs the same statements and rolls them back. A step that an earlier task would have made is made first.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: llmops.tenancy.agent_data
"""

EXAMPLES = r"""
- name: Reserve a place on another host
  llmops.tenancy.agent_move:
    tenant: empresa-corp
    agents: [empresa-corp]
    to_host: gpu-02
    agent_hosts:
      - name: gpu-01
      - name: gpu-02
        memory: 64g
  register: begun

- name: Have the record name it, once the data is there
  llmops.tenancy.agent_move:
    agents: "{{ begun.moves | map(attribute='agent') }}"
    state: switched

- name: Forget the old place, once it is empty
  llmops.tenancy.agent_move:
    agents: "{{ begun.moves | map(attribute='agent') }}"
    state: finished
"""

RETURN = r"""
moves:
  description: The moves of the agents, as they are now or would be.
  returned: success
  type: list
  elements: dict
  contains:
    agent:
      description: Name of the agent.
      type: str
    tenant:
      description: Its tenant.
      type: str
    state:
      description: V(begun), V(switched) or V(finished); finished, too, for an agent that does not move.
      type: str
    from_host:
      description: Host that it leaves.
      type: str
    from_port:
      description: Its port there.
      type: int
    to_host:
      description: Host that it moves to.
      type: str
    to_port:
      description: Its port there.
      type: int
    record:
      description: Its record as it is on the host that it moves to. See M(llmops.tenancy.tenant_agent).
      type: dict
  sample:
    - agent: empresa-corp
      tenant: empresa-corp
      state: begun
      from_host: gpu-01
      from_port: 11435
      to_host: gpu-02
      to_port: 11435
failures:
  description: Agents that can't move, with O(keep_going=true).
  returned: success
  type: list
  elements: dict
  sample:
    - agent: empresa-corp
      tenant: empresa-corp
      msg: "No agent host has room for agent empresa-corp: gpu-02: memory 60g used + 6g asked > 64g."
      error: {kind: no_room}
actions:
  description: Each thing that was done, or would be in check mode, with the fields that differ.
  returned: always
  type: list
  elements: dict
  sample:
    - action: move
      kind: move
      name: empresa-corp
      impact: in_place
      fields: {host: {before: gpu-01, after: gpu-02}}
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, moves, placement
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import writing
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog, records

SPEC = {
    "state": {"type": "str", "choices": list(moves.STATES), "default": "begun"},
    "agents": {"type": "list", "elements": "str"},
    "tenant": {"type": "str"},
    "from_host": {"type": "str"},
    "to_host": {"type": "str"},
    **records.PLACEMENT,
    **records.KEEP_GOING,
}


def logic(params, run: Run):
    """Bring the moves as far as wished, in one transaction."""
    chosen = {name: params[name] for name in ("tenant", "from_host", "to_host")}
    checks.storable({**chosen, "agents": params["agents"]})
    names = None if params["agents"] is None else tuple(params["agents"])
    where = placement.read(params["agent_hosts"], params["port_range"], params["placement"])
    with writing(catalog.read(params), check=run.check, warn=run.warn) as conn:
        plan, found, failures = moves.ensure(
            conn,
            moves.Wish(params["state"], names=names, **chosen),
            where,
            keep_going=params["keep_going"],
            check=run.check,
        )
    return {**plan.as_result(), "moves": found, "failures": failures}


def main() -> None:
    """Entry point."""
    constraints = {"required_one_of": [["agents", "tenant", "from_host"]], "required_if": [("state", "reversed", ["to_host"])]}
    run_module(logic, SPEC, groups=[catalog.GROUP], **constraints)


if __name__ == "__main__":
    main()
