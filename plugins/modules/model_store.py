#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_store
short_description: The one copy of each model that an agent host keeps
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Fills the model store of an agent host, takes models out of it, verifies what is in it, and removes what nobody uses.
  - A model is there whole, with the checksum of every byte verified, or not at all. A pull that breaks goes on from where it
    was, within the run and in the next one. Two runs that want the same model download it once.
  - No Ollama is needed for that. Agents see models of the store through views of their own, see M(llmops.tenancy.ollama_agent).
  - Shows the progress on the controller while it runs, with the sum over all models.
  - Runs as root on the agent host.
extends_documentation_fragment:
  - llmops.tenancy.store
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - Digests and sizes of models that would be pulled come from the registry. If it can't be asked, a warning says so.
      - With O(verify=true) or O(agent) all bytes are read in check mode, too.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  model:
    description: Model reference, C([host[:port]/][namespace/]name[:tag]). Without a tag it is C(:latest).
    type: str
  state:
    description:
      - V(present) brings the model when the store has none of that name, or has lost a part of it.
      - V(latest) also brings it when the registry has another one by now. Agents keep the one they see until they are given
        the new one.
      - V(absent) removes it, and the blobs that nothing else uses. A model that an agent uses, running or not, is refused.
    type: str
    choices: [present, latest, absent]
    default: present
  mirror:
    description:
      - Registry to pull from instead of the model's own, as C([http://]host[:port][/namespace]). The model has its plain name
        in the store.
      - With a namespace all models are looked for in that one, otherwise in their own (C(library) for most).
    type: str
  insecure:
    description: Speak plain HTTP to the mirror or to the registry that O(model) names, and to where they send us.
    type: bool
  username:
    description: Account at the registry, when it does not serve everybody.
    type: str
  password:
    description: Password of O(username). It is sent to the registry and its token server alone, by plain HTTP only with O(insecure).
    type: str
  ca_path:
    description: File with the certificates to trust, instead of the host's own.
    type: path
  path:
    description:
      - GGUF file to make the model of, instead of pulling it. Real Ollama does that, in a container of O(builder_image) that has
        no network and sees nothing of the host but this file.
      - On the controller unless O(remote_src=true). It is brought to the host only when the store lacks the model.
      - A relative path of the controller begins at the current directory, beside the inventory, or in C(files) of the playbook or role.
      - Another file gives another model under the same name, also with O(state=present).
    type: path
  modelfile:
    description:
      - Modelfile to make the model of, with C(FROM), C(TEMPLATE), C(SYSTEM), C(PARAMETER), C(ADAPTER), C(LICENSE), C(MESSAGE).
      - C(FROM) names a GGUF file or a model that the store has; C(ADAPTER) names a GGUF file. Files have to be beside the
        Modelfile or below it, or be named in O(files). Nothing else of the host can be reached.
      - On the controller, with its files, unless O(remote_src=true).
    type: path
  files:
    description: Absolute paths of further files that the Modelfile may name.
    type: list
    elements: path
  archive:
    description:
      - Directory or tar that M(llmops.tenancy.model_export) has made, to take the model from. All its bytes are checked.
      - On the controller unless O(remote_src=true), where only a tar can be.
    type: path
  checksum:
    description:
      - The C(sha256:…) of the file O(path), or the one that M(llmops.tenancy.model_export) returned for O(archive). What has
        another one is refused.
      - With that of O(path), a run that changes nothing does not have to read the file.
    type: str
  agent:
    description:
      - Promote a model that this agent of the host made or pulled for itself, instead of pulling one. That is a copy; the agent keeps its own.
      - Nothing but that model gets in, and of it only blobs whose bytes have the checksums of its manifest, as copies. Whatever else the
        agent's tenant put into its directory is neither followed nor opened.
      - In check mode all of its bytes are read, too.
    type: str
  agent_model:
    description: The name that the model has at O(agent). Defaults to O(model).
    type: str
  replace:
    description:
      - Whether the model of O(agent) takes the place of another version that the store has under that name; otherwise that is an error.
      - Agents keep the version that they see until they are given the new one.
    type: bool
  optional:
    description: A model that its registry does not have is left out with a warning, instead of failing. For models that agents may have themselves.
    type: bool
  file:
    description: What is known of files that are not on the host, or, in check mode, not anywhere yet. The action plugin and the role fill it in.
    type: dict
  models:
    description:
      - Several models, instead of O(model).
      - What is not given here is taken from the option of the same name at the top, O(state) excepted.
      - One that fails does not keep the others from being brought; the module fails at the end and returns them all.
    type: list
    elements: dict
    suboptions:
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
      username:
        description: See O(username).
        type: str
      password:
        description: See O(password).
        type: str
      ca_path:
        description: See O(ca_path).
        type: path
      path:
        description: See O(path).
        type: path
      modelfile:
        description: See O(modelfile).
        type: path
      files:
        description: See O(files).
        type: list
        elements: path
      archive:
        description: See O(archive).
        type: path
      checksum:
        description: See O(checksum).
        type: str
      agent:
        description: See O(agent).
        type: str
      agent_model:
        description: See O(agent_model).
        type: str
      replace:
        description: See O(replace).
        type: bool
      optional:
        description: See O(optional).
        type: bool
      file:
        description: See O(file).
        type: dict
  seeds:
    description:
      - Models directories of agents on this host. Blobs that they have are not pulled a second time.
      - The registry alone says which model it is. A file is taken, as a copy, only for a blob that the registry's manifest names, and only
        when the bytes of the copy have its checksum. Whatever else tenants have there stays out of the store.
    type: list
    elements: path
  remote_src:
    description: Each O(path), O(modelfile) and O(archive) is on the host already.
    type: bool
    default: false
  docker_host:
    description:
      - Socket of the host's Docker Engine, for models that are made of O(path) or O(modelfile), for an O(agent) with a models volume of its
        own, and for O(prune_uppers). Nothing else needs an engine.
      - Defaults to the environment variable E(DOCKER_HOST).
    type: str
    default: unix:///var/run/docker.sock
  builder_image:
    description: Image of Ollama that makes models of files. It has to be on the host.
    type: str
    default: docker.io/ollama/ollama:0.24.0
  builder_memory:
    description: Memory that making a model may use.
    type: str
    default: 2g
  verify:
    description:
      - Read all bytes of the models and compare them with their checksums. What is damaged is pulled anew and written into its
        place, which agents that run see at once.
      - Without O(model) and O(models) it holds for all models that the store has.
    type: bool
    default: false
  prune:
    description:
      - Remove what nobody uses. These are models and views that no agent's view has had for the time of O(grace), blobs that no
        model names, downloads that were broken off, and what a killed run left behind.
      - What an agent uses stays, whether it runs or not, and so do the models that the same call names.
      - While something is on its way into the store, blobs and broken downloads stay.
    type: bool
    default: false
  known_agents:
    description:
      - Names of all agents that the catalog has. With O(prune), what others have left in the store is told as RV(orphans).
    type: list
    elements: str
  prune_uppers:
    description:
      - With O(prune), also erase the models that agents had of their own which neither O(known_agents) nor the engine has any more, once nothing of
        them changed for the time of O(grace). Nothing brings them back.
      - An agent of which the engine has so much as a volume keeps them, whether it runs or not.
    type: bool
    default: false
  grace:
    description: How long something has to be unused before O(prune) removes it, for example V(12h), V(7d) or V(0).
    type: str
    default: 7d
  timeout:
    description: Seconds to wait for a connection to the registry.
    type: int
    default: 30
  stall_timeout:
    description: Seconds without a byte after which a connection is given up and tried again.
    type: int
    default: 60
  retries:
    description: Attempts after the first one that gain nothing before a model counts as failed. The pause doubles from 1 to 30 seconds.
    type: int
    default: 5
  connections:
    description: Parts of a blob that are pulled at the same time.
    type: int
    default: 4
  min_free:
    description: Space that has to stay free on the store's disk, for example C(512m). It is looked at before the first byte comes.
    type: str
    default: 1g
  wait:
    description:
      - Wait until the models are there. If the run is killed, the pull ends within a minute and the next run goes on from there.
      - With V(false) the pull goes on in the background.
    type: bool
    default: true
  job:
    description: Go on with the pull of this name, which an earlier call has started. The action plugin does so.
    type: str
  patience:
    description: Seconds after which the module reports back while it is still at it. Set by the action plugin.
    type: float
seealso:
  - module: llmops.tenancy.model_store_info
  - module: llmops.tenancy.ollama_model
"""

EXAMPLES = r"""
- name: Two models are there before the tenants come
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    models:
      - model: phi4-mini
      - model: nomic-embed-text
        state: latest

- name: From a mirror with an account
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    model: phi4-mini
    mirror: mirror.example.com
    username: agent-hosts
    password: "{{ mirror_password }}"

- name: A model of a file, and one with another system prompt made of it
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    models:
      - model: demo
        path: files/demo.gguf
      - model: assistant
        modelfile: files/assistant/Modelfile

- name: A site without network gets its models
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    model: phi4-mini
    archive: /media/usb/models.tar

- name: A model that a tenant made is there for others, too
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    model: acme-tune:v2
    agent: empresa-corp
    agent_model: acme-tune

- name: All bytes are read, and what is damaged is mended
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    verify: true

- name: What nobody used for a month goes
  llmops.tenancy.model_store:
    store: /var/lib/llmops/models
    prune: true
    grace: 30d
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
    - model: phi4-mini:latest
      status: present
      digest: 78fad5d182a7c33065e153a5f8ba210754207ba9d91973f57dffa7f487363753
      size: 2491876774
      mended: []
      progress: null
      error: null
  contains:
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
      description: Bytes of its blobs; none while that is not known.
      type: int
    mended:
      description: Digests of blobs that were damaged and were pulled anew.
      type: list
      elements: str
    progress:
      description: Phase, bytes, rate in bytes per second, remaining seconds and attempt of a pull that goes on.
      type: dict
    error:
      description: Kind, cause and remedy of a failure.
      type: dict
garbage:
  description: What was removed because nobody used it, or would be in check mode, with the bytes that this frees.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: model
      name: phi4-mini:latest
      size: 2491876774
      unused_seconds: 950400
orphans:
  description:
    - With O(prune) and O(known_agents), what agents that the catalog does not have left in the store, with its bytes on the disk. C(kept) says why it
      stays; it is empty for what O(prune_uppers) erased, or would in check mode.
  returned: always
  type: list
  elements: dict
  sample:
    - agent: acme-chat
      tenant: acme
      size: 2491876774
      unused_seconds: 950400
      kept: prune_uppers is not set
freed:
  description: Bytes that the removal of O(ignore:garbage) freed.
  returned: always
  type: int
  sample: 2491876774
downloaded:
  description: Bytes that came from registries, or would.
  returned: always
  type: int
  sample: 0
seeded:
  description: Bytes that were taken from O(seeds) instead, or from O(agent), or would be.
  returned: always
  type: int
  sample: 2491876774
added:
  description: Bytes that the store takes more than before, apart from what was removed; in check mode what it would take at most.
  returned: always
  type: int
  sample: 2491876774
seconds:
  description: What it took, as seen from the controller.
  returned: except with C(async)
  type: float
  sample: 0.12
actions:
  description: Each thing that was done, or would be in check mode, with its impact.
  returned: always
  type: list
  elements: dict
  sample:
    - action: pull
      kind: model
      name: phi4-mini:latest
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
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ensure import Call
from ansible_collections.llmops.tenancy.plugins.module_utils.options import store
from ansible_collections.llmops.tenancy.plugins.module_utils.options.entities import entities, one_or_list
from ansible_collections.llmops.tenancy.plugins.module_utils.store.care import read_care
from ansible_collections.llmops.tenancy.plugins.module_utils.store.ensure import ensure_store, follow
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.makers import needs, relate, tidy
from ansible_collections.llmops.tenancy.plugins.module_utils.store.wishes import all_archived, all_stored, read_wish


def logic(params, run: Run):
    """Bring the models, or go on with a pull that an earlier call has started."""
    layout = Layout(params["store"])
    call = Call(check=run.check, wait=params["wait"], patience=params["patience"])
    if params["job"]:
        return follow(layout, jobs.find(params["job"]), call)
    if params["model"] or params["models"] is not None:
        items = entities(params, store.MODEL, "models", shared=store.SHARED)
    elif params["archive"]:
        items = all_archived(params)
    else:
        items = all_stored(layout, params) if params["verify"] else []
    wishes = [read_wish(item, params) for item in items]
    relate(wishes)
    needed = [] if run.check else needs(layout, wishes)
    if needed:
        return {"changed": False, "needs": needed}
    if not run.check:
        tidy(layout, params)
    settings = store.read_transfer(params)
    care = read_care(layout, params)
    return ensure_store(layout, wishes, settings, call, care, run.warn)


def main() -> None:
    """Entry point."""
    spec = {**one_or_list(store.MODEL, "models"), **store.TRANSFER, **store.BUILDER, **store.NEAR, **store.CARE}
    run_module(logic, spec, groups=[store.GROUP])


if __name__ == "__main__":
    main()
