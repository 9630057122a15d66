#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_waves
short_description: Bring agents of a host about in waves, with their health between them
version_added: 0.1.0
description:
  - Calls M(llmops.tenancy.ollama_agent) for O(wave_size) agents after the other and waits for the health of each wave before the next.
  - A wave fails its health when an agent that answered before does not get healthy, or when more than half of the wave does not and
    these are of several tenants. Waves in a row of which most do not get healthy count together.
  - After a wave that failed its health, no host that runs this task begins another one; a wave that runs then is ended. After a
    wave that could not be carried out, because the host or its engine does not answer, its own host begins none.
  - The rest is left untouched and named in RV(left), and the wave in RV(stopped_by). A run again goes on with it.
  - Any other fault of an agent is told in RV(failures) and stops nothing. The task itself does not fail.
  - Shows how far it is, live in a terminal, and now and then in a log.
author:
  - llmops.tenancy contributors (@llmops)
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.docker
attributes:
  check_mode:
    support: full
    details: Each wave is predicted on its own.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  agents:
    description: The agents that have something to do, as M(llmops.tenancy.ollama_agent) takes them.
    type: list
    elements: dict
    required: true
  compared:
    description: What M(llmops.tenancy.ollama_agent) returned in check mode for all agents of the host.
    type: dict
    required: true
  wave_size:
    description: How many agents are in a wave.
    type: int
    default: 20
  store:
    description: See M(llmops.tenancy.ollama_agent).
    type: path
  model_update:
    description: See M(llmops.tenancy.ollama_agent).
    type: str
  drain_timeout:
    description: See M(llmops.tenancy.ollama_agent).
    type: int
  network_pool:
    description: See M(llmops.tenancy.ollama_agent).
    type: str
  network_prefix:
    description: See M(llmops.tenancy.ollama_agent).
    type: int
  healthy_timeout:
    description: See M(llmops.tenancy.ollama_agent). It holds for each wave.
    type: int
seealso:
  - module: llmops.tenancy.ollama_agent
"""

EXAMPLES = r"""
- name: Look at all agents
  llmops.tenancy.ollama_agent:
    agents: "{{ agents }}"
    keep_going: true
  check_mode: true
  register: compared

- name: Bring them about, five at a time
  llmops.tenancy.fleet_waves:
    agents: "{{ agents }}"
    compared: "{{ compared }}"
    wave_size: 5
"""

RETURN = r"""
actions:
  description: What all waves did, as M(llmops.tenancy.ollama_agent) returns it.
  returned: success
  type: list
  elements: dict
  sample: [{action: start, kind: container, name: ollama-agent-empresa-corp, impact: in_place, fields: {}}]
agents:
  description: The agents of the host as they are now, without those that are left or can't be made.
  returned: success
  type: list
  elements: dict
  sample: [{agent: empresa-corp, state: running}]
failures:
  description: The agents that failed, as M(llmops.tenancy.ollama_agent) returns them with C(keep_going=true).
  returned: success
  type: list
  elements: dict
  sample: []
left:
  description: Names of the agents that were left untouched.
  returned: success
  type: list
  elements: str
  sample: []
stopped_by:
  description:
    - The wave after which they were left, of this host or of another one. None when nothing was left.
    - Its C(host), its number there (C(wave), from 1), and C(agents) that do not get healthy, none when it could not be carried out.
  returned: success
  type: dict
  sample: {host: gpu-01, wave: 1, agents: [empresa-corp]}
"""
