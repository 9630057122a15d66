#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_model
short_description: Models that agents have
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Gives agents their models, or takes them away. Models come from a model registry, from a mirror of one, or from a GGUF file.
  - Shows the progress of a pull on the controller while it runs, rewritten in a terminal and every 10 % or 30 seconds elsewhere.
  - A pull that breaks goes on from where it was, within the run and in the next one.
  - Runs on a machine that reaches the agent's endpoint, which is the agent's host as a rule.
extends_documentation_fragment:
  - llmops.tenancy.ollama
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - The digest and size of a model that would be pulled come from the registry, so the machine the module runs on
        has to reach it; if it does not, a warning says so, and a newer model of O(state=latest) is not predicted.
      - An agent that does not answer yet counts as one that the same run would have created, with a warning.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  agent:
    description: Name of the agent, for messages and results.
    type: str
  endpoint:
    description: URL of the agent's Ollama, for example C(http://127.0.0.1:11435). Required here or in O(models).
    type: str
  model:
    description: Model reference, C([namespace/]name[:tag]). Without a tag it is C(:latest).
    type: str
  state:
    description:
      - V(present) brings the model when the agent has none of that name, or one made of another file than O(path).
      - V(latest) also brings it when the registry has another one by now.
      - V(absent) removes the name, and the layers that no other name uses.
    type: str
    choices: [present, latest, absent]
    default: present
  mirror:
    description:
      - Registry to pull from instead of the model's own, as C([http://]host[:port][/namespace]).
      - The model gets its plain name afterwards; the mirror's name is removed. No byte is copied for that.
      - With a namespace all models are looked for in that one, otherwise in their own (C(library) for most).
    type: str
  insecure:
    description: Speak plain HTTP to the mirror or to the registry that O(model) names.
    type: bool
  path:
    description:
      - GGUF file to make the model of, instead of pulling it.
      - On the controller unless O(remote_src=true). It is brought to the host only when the agent lacks its bytes.
    type: path
  checksum:
    description:
      - The file's C(sha256:…). A file with another one is refused.
      - With it, a run that changes nothing does not have to read the file.
    type: str
  models_dir:
    description:
      - Directory on the machine the module runs on where the agent keeps its models, such as the mount point of its volume.
      - With it, a model that does not fit is refused with both numbers, also in check mode. Of the size counts what the agent lacks.
      - Where the registry can't be asked for the size from the machine the module runs on, it is known once the pull began.
      - A warning tells when the module can't see it; then Ollama finds out by itself.
    type: path
  file:
    description: What the action plugin knows of a file that is on the controller only. Not for playbooks.
    type: dict
  models:
    description:
      - Several models of one or several agents, instead of O(model). Agents are served in parallel, see O(parallel).
      - What is not given here is taken from the option of the same name at the top, O(state), O(path) and O(checksum) excepted.
      - One that fails does not keep the others from being brought; the module fails at the end and returns them all.
    type: list
    elements: dict
    suboptions:
      agent:
        description: See O(agent).
        type: str
      endpoint:
        description: See O(endpoint).
        type: str
      model:
        description: See O(model).
        type: str
        required: true
      state:
        description: See O(state).
        type: str
        choices: [present, latest, absent]
        default: present
      mirror:
        description: See O(mirror).
        type: str
      insecure:
        description: See O(insecure).
        type: bool
      path:
        description: See O(path).
        type: path
      checksum:
        description: See O(checksum).
        type: str
      models_dir:
        description: See O(models_dir).
        type: path
      file:
        description: See O(file).
        type: dict
  remote_src:
    description: Each O(path) is on the machine the module runs on already.
    type: bool
    default: false
  stall_timeout:
    description: Seconds without a new byte after which a pull is cancelled and tried again.
    type: int
    default: 60
  retries:
    description: Attempts after the first one that gain nothing before a model counts as failed. The pause doubles from 1 to 30 seconds.
    type: int
    default: 5
  parallel:
    description: Agents that are served at the same time.
    type: int
    default: 4
  min_free:
    description: Space that has to stay free in O(models_dir), for example C(512m).
    type: str
    default: 256m
  private_limit:
    description:
      - Space that an agent may have of its own in O(models_dir), for example V(20g). A model that would take it beyond that is refused
        before its first byte, and so is any other while it has more.
      - Of an agent that shares models of a store, what it shares does not count; of any other, all its models do.
      - What tenants pull by themselves is not stopped.
    type: str
  wait:
    description:
      - Wait until the models are there. If the run is killed, the pull ends within a minute and the next run goes on from there.
      - With V(false) the pull goes on in the background, and M(llmops.tenancy.ollama_model_info) tells how far it is.
        A file of the controller is waited for all the same.
    type: bool
    default: true
  job:
    description:
      - Go on with the pull of this name, which an earlier call with the same models has started.
      - The action plugin does so while it shows the progress.
    type: str
  patience:
    description: Seconds after which the module reports back while it is still at it. Set by the action plugin.
    type: float
seealso:
  - module: llmops.tenancy.ollama_model_info
  - module: llmops.tenancy.ollama_agent
"""

EXAMPLES = r"""
- name: An agent has its model
  llmops.tenancy.ollama_model:
    agent: empresa-corp
    endpoint: http://127.0.0.1:11435
    model: phi4-mini

- name: Two models of one agent, from a mirror that speaks plain HTTP
  llmops.tenancy.ollama_model:
    agent: empresa-corp
    endpoint: http://127.0.0.1:11435
    mirror: mirror.example.com:5000
    insecure: true
    models:
      - model: phi4-mini
      - model: nomic-embed-text
        state: latest

- name: A model of a file on the controller
  llmops.tenancy.ollama_model:
    agent: empresa-corp
    endpoint: http://127.0.0.1:11435
    model: assistant
    path: files/assistant.gguf
    checksum: sha256:34e1f7a2e2e43f2e2f6b93b062f08d3c989167fe71b81e5fc6aa996848ea2077

- name: Start a long pull and go on
  llmops.tenancy.ollama_model:
    endpoint: http://127.0.0.1:11435
    model: llama3.3:70b
    wait: false

- name: A model goes
  llmops.tenancy.ollama_model:
    endpoint: http://127.0.0.1:11435
    model: phi4-mini
    state: absent
"""

RETURN = r"""
models:
  description:
    - What became of each model, in the order of the options; in check mode what would become of it.
    - Returned on failure, too, so that one model's error does not hide the others.
  returned: always
  type: list
  elements: dict
  sample:
    - agent: empresa-corp
      endpoint: http://127.0.0.1:11435
      model: phi4-mini:latest
      status: present
      digest: 78fad5d182a7c33065e153a5f8ba210754207ba9d91973f57dffa7f487363753
      size: 2491876774
      percent: 100
      progress: null
      error: null
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
      description: V(present), V(absent), V(pulling) with O(wait=false), or V(failed).
      type: str
    digest:
      description: Digest of its manifest; none while that is not known.
      type: str
    size:
      description: Bytes of its layers; none while that is not known.
      type: int
    percent:
      description: How much of it is there.
      type: int
    progress:
      description: Phase, bytes, rate in bytes per second, remaining seconds and attempt of a pull that goes on.
      type: dict
    error:
      description: Kind, cause and remedy of a failure.
      type: dict
actions:
  description: Each thing that was done, or would be in check mode, with its impact.
  returned: always
  type: list
  elements: dict
  sample:
    - action: pull
      kind: model
      name: phi4-mini:latest on empresa-corp
      impact: in_place
      fields: {}
job:
  description: The pull that goes on.
  returned: with O(wait=false) while there is one
  type: dict
  sample:
    name: 5c0ffee5c0ffee00
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import jobs
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ensure import Call, ensure_models, follow
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.wishes import read_wish
from ansible_collections.llmops.tenancy.plugins.module_utils.options import ollama
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list


def logic(params, run: Run):
    """Bring the models, or go on with a pull that an earlier call has started."""
    wishes = [read_wish(item) for item in entities(params, ollama.MODEL, "models", shared=ollama.SHARED)]
    settings = ollama.read_transfer(params)
    call = Call(check=run.check, wait=params["wait"], patience=params["patience"])
    if params["job"]:
        return follow(jobs.find(params["job"]), wishes, settings, call)
    return ensure_models(wishes, settings, call, run.warn)


def main() -> None:
    """Entry point."""
    run_module(logic, {**one_or_list(ollama.MODEL, "models"), **ollama.TRANSFER}, groups=[ollama.GROUP])


if __name__ == "__main__":
    main()
