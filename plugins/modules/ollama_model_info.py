#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_model_info
short_description: Models that agents have, and how far their pulls are
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Lists the models of one or several agents with digest and size, says which are in memory, and how far the pulls are
    that M(llmops.tenancy.ollama_model) does in the background.
  - An agent that does not answer is listed with its error and a warning; the module fails when none answers.
extends_documentation_fragment:
  - llmops.tenancy.ollama
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.attributes.info
notes:
  - Pulls are known to the host and the user that started them, so run it where and as
    M(llmops.tenancy.ollama_model) ran.
options:
  agent:
    description: Name of the agent, for messages and results.
    type: str
  endpoint:
    description: URL of the agent's Ollama, for example C(http://127.0.0.1:11435). Required unless O(agents) is given.
    type: str
  agents:
    description: Several agents, instead of O(endpoint).
    type: list
    elements: dict
    suboptions:
      agent:
        description: See O(agent).
        type: str
      endpoint:
        description: See O(endpoint).
        type: str
        required: true
  model:
    description: Only this model. It is listed as V(absent) when an agent does not have it.
    type: str
  store:
    description:
      - Directory of the model store of this host, to tell which models of an agent are shared. Needs the agents' names, and root.
    type: path
seealso:
  - module: llmops.tenancy.ollama_model
"""

EXAMPLES = r"""
- name: What does the agent have?
  llmops.tenancy.ollama_model_info:
    agent: empresa-corp
    endpoint: http://127.0.0.1:11435

- name: Wait for a pull that was started with wait=false
  llmops.tenancy.ollama_model_info:
    endpoint: http://127.0.0.1:11435
    model: llama3.3:70b
  register: pull
  until: pull.models[0].status != 'pulling'
  retries: 360
  delay: 10
"""

RETURN = r"""
agents:
  description: The agents that were asked.
  returned: success
  type: list
  elements: dict
  sample:
    - agent: empresa-corp
      endpoint: http://127.0.0.1:11435
      version: 0.24.0
      error: null
models:
  description: Their models, and those on the way to them.
  returned: success
  type: list
  elements: dict
  sample:
    - agent: empresa-corp
      endpoint: http://127.0.0.1:11435
      model: phi4-mini:latest
      status: present
      digest: 78fad5d182a7c33065e153a5f8ba210754207ba9d91973f57dffa7f487363753
      size: 2491876774
      modified_at: "2026-11-22T06:46:08Z"
      percent: 100
      progress: null
      job: null
      error: null
      shared: null
      loaded: null
  contains:
    agent:
      description: Name of the agent, as given.
      type: str
    endpoint:
      description: URL of the agent.
      type: str
    model:
      description: Full reference.
      type: str
    status:
      description: V(present), V(pulling), V(failed) for a pull that ended without the model, or V(absent).
      type: str
    digest:
      description: Digest of its manifest.
      type: str
    size:
      description: Bytes of its layers.
      type: int
    modified_at:
      description: When the agent got it.
      type: str
    percent:
      description: How much of it is there.
      type: int
    progress:
      description: Phase, bytes, rate in bytes per second, remaining seconds and attempt of a pull that goes on.
      type: dict
    job:
      description: The pull that goes on, or that failed.
      type: str
    error:
      description: Kind, cause and remedy of a pull that failed.
      type: dict
    shared:
      description: Whether the agent sees it in the model store, and has no copy; none without O(store).
      type: bool
    loaded:
      description: Bytes in memory and on a GPU, context length, and when it is unloaded; none when it is not loaded.
      type: dict
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.names import full_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.listing import list_models
from ansible_collections.llmops.tenancy.plugins.module_utils.options import ollama
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list
from ansible_collections.llmops.tenancy.plugins.module_utils.store.places import told_apart


def logic(params, run: Run):
    """List what the agents have."""
    agents = [(item["agent"] or "", item["endpoint"]) for item in entities(params, ollama.AGENT, "agents")]
    model = full_model(params["model"]) if params["model"] else None
    found = list_models(agents, model, params["timeout"], run.warn)
    return {**found, "models": told_apart(found["models"], params["store"])}


def main() -> None:
    """Entry point."""
    spec = {**one_or_list(ollama.AGENT, "agents"), "model": {"type": "str"}, "store": {"type": "path"}}
    run_module(logic, spec, groups=[ollama.GROUP])


if __name__ == "__main__":
    main()
