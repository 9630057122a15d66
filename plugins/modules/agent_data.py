#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packs the data of agents into archives, and unpacks them on another host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_data
short_description: Pack the data of agents, and unpack it on another agent host
version_added: 0.1.0
description:
  - An agent's data is what is its own on its host, which is its whole models volume, or with a model store the directory
    of its own over what it shares. This module packs it into one archive, or replaces it by what an archive holds.
  - The copy is compared with the source by a SHA-256 over all files, owners, modes and links before it takes the place
    of what is there. An agent that runs is refused.
  - It runs as root on the agent host, against the engine of this host.
author:
  - llmops.tenancy contributors (@llmops)
options:
  state:
    description:
      - V(packed) writes C(<agent>.tar) to O(folder).
      - V(unpacked) makes the agent's data what that archive holds. The agent must be there, and stopped.
      - V(absent) removes the archive.
    type: str
    choices: [packed, unpacked, absent]
    default: packed
  agents:
    description: Names of the agents.
    type: list
    elements: str
    required: true
  checksums:
    description: What O(state=packed) returned, by agent. Needed for O(state=unpacked).
    type: dict
    default: {}
  made:
    description: Agents whose archives count as there in check mode with O(state=absent), since an earlier task would have made them.
    type: list
    elements: str
    default: []
  owner:
    description: User who gets what was packed, besides root, with O(state=packed). Set by the action plugin.
    type: str
  fetch:
    description:
      - Folder on the controller that the archives are brought to, as C(<agent>.tar), with O(state=packed). One that is there and is the same is
        left as it is. An agent whose archive can't be brought is in RV(failures).
      - They go through the connection as a stream, as the user who logs in, also with become.
    type: path
  folder:
    description: Folder of the archives. Made if it is not there; only root can read it.
    type: path
    default: /var/lib/llmops-tenancy/moves
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.docker
attributes:
  check_mode:
    support: full
    details: An agent that runs counts as stopped by an earlier task, and one that is not there as made by one.
  diff_mode:
    support: none
    details: The actions tell what is copied; the data is the tenant's.
  idempotent:
    support: full
seealso:
  - module: llmops.tenancy.agent_move
"""

EXAMPLES = r"""
- name: Pack the data of an agent that is stopped
  llmops.tenancy.agent_data:
    agents: [empresa-corp]
  register: packed

- name: Unpack it on the host that the archive was copied to
  llmops.tenancy.agent_data:
    state: unpacked
    agents: [empresa-corp]
    checksums:
      empresa-corp: "{{ packed.agents[0].checksum }}"
"""

RETURN = r"""
agents:
  description: The agents whose data is as wished, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    agent:
      description: Name of the agent.
      type: str
    archive:
      description: Path of the archive.
      type: str
    path:
      description: Where the agent's data is; empty when it is not there yet in check mode, and with O(state=absent).
      type: str
    checksum:
      description: SHA-256 over all of it; empty with O(state=absent).
      type: str
    files:
      description: Number of files.
      type: int
    size:
      description: Bytes of the files.
      type: int
  sample:
    - agent: empresa-corp
      archive: /var/lib/llmops-tenancy/moves/empresa-corp.tar
      path: /var/lib/docker/volumes/ollama-agent-empresa-corp/_data
      checksum: 3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b
      files: 6
      size: 2491876774
failures:
  description: Agents whose data is as it was, with C(msg) and C(error) as a module that fails returns them.
  returned: success
  type: list
  elements: dict
actions:
  description: Each thing that was done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  sample: [{action: pack, kind: data, name: empresa-corp, impact: in_place, fields: {}}]
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import data
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker

SPEC = {
    "state": {"type": "str", "choices": list(data.STATES), "default": "packed"},
    "agents": {"type": "list", "elements": "str", "required": True},
    "checksums": {"type": "dict", "default": {}},
    "made": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "str"},
    "fetch": {"type": "path"},
    "folder": {"type": "path", "default": "/var/lib/llmops-tenancy/moves"},
}


def logic(params, run: Run):
    """Pack or unpack the data of each agent."""
    engine = DockerEngine(docker.read(params))
    wanted = [{"agent": name, "checksum": params["checksums"].get(name), "made": name in params["made"]} for name in params["agents"]]
    owner = (params["owner"] or "") if params["state"] == "packed" else ""
    return data.ensure(engine, params["state"], wanted, params["folder"], owner, check=run.check)


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=[docker.GROUP])


if __name__ == "__main__":
    main()
