#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_store_info
short_description: What an agent host's model store holds, and who uses it
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Lists the models of the store with digest and size, says whether they are complete and which agents use them, what each agent
    sees of the store and has of its own, how much disk that spares, and what nobody uses any more.
  - Runs as root on the agent host. It needs no Docker Engine and no Ollama, and reads no model's bytes.
extends_documentation_fragment:
  - llmops.tenancy.store
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.attributes.info
options:
  grace:
    description: How long something has to be unused to be listed as garbage, for example V(12h), V(7d) or V(0).
    type: str
    default: 7d
  private_limit:
    description: Space that an agent may have of its own, for example V(20g). A warning names those with more.
    type: str
  known_agents:
    description: Names of the agents that the catalog has on this host. Others that have something in the store are told as orphans.
    type: list
    elements: str
seealso:
  - module: llmops.tenancy.model_store
"""

EXAMPLES = r"""
- name: What the store holds
  llmops.tenancy.model_store_info:
    store: /var/lib/llmops/models
  register: store

- name: Complain about a model that is damaged
  ansible.builtin.assert:
    that: store.models | rejectattr('complete') | length == 0
"""

RETURN = r"""
exists:
  description: Whether there is a store.
  returned: always
  type: bool
  sample: true
models:
  description: The models of the store, by name.
  returned: always
  type: list
  elements: dict
  contains:
    model:
      description: Full reference.
      type: str
      sample: phi4-mini:latest
    digest:
      description: Digest of its manifest, as Ollama lists it.
      type: str
    size:
      description: Bytes of its blobs.
      type: int
    origin:
      description: The file that it was made of, or the agent whose own model it was; none for one of a registry or an archive.
      type: str
      sample: acme-tune:latest of agent empresa-corp, promoted
    complete:
      description: Whether all its blobs are there, in their length.
      type: bool
    missing:
      description: Digests of the blobs that are not.
      type: list
      elements: str
    agents:
      description: Agents that see a model of that name, running or not.
      type: list
      elements: str
    older_digests:
      description: Other versions of it that views still have.
      type: list
      elements: str
    own_bytes:
      description: Bytes of the blobs that no other model of the store has.
      type: int
    modified:
      description: When it came, in seconds since 1970.
      type: int
agents:
  description: The agents that have a place in the store, running or not.
  returned: always
  type: list
  elements: dict
  contains:
    agent:
      description: Its name.
      type: str
      sample: empresa-corp
    view:
      description: Id of its view; none when its link leads nowhere.
      type: str
    models:
      description: What it sees of the store.
      type: list
      elements: str
    shared_bytes:
      description: Bytes of that.
      type: int
    private_bytes:
      description: Bytes on the disk of what it has of its own.
      type: int
    over_limit:
      description: Whether this is more than O(private_limit).
      type: bool
    orphan:
      description: Whether it is none of O(known_agents), so that nothing but the operator will ever take away what it has; none without that option.
      type: bool
garbage:
  description: What M(llmops.tenancy.model_store) with O(llmops.tenancy.model_store#module:prune=true) would remove, with the bytes that this would free.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: model
      name: phi4-mini:latest
      size: 2491876774
      unused_seconds: 950400
totals:
  description: Sums.
  returned: always
  type: dict
  contains:
    disk_bytes:
      description: Bytes on the disk of all blobs.
      type: int
    agents_see_bytes:
      description: Bytes that all agents together see of the store, and would take without it.
      type: int
    spared_bytes:
      description: How much less the store takes than that.
      type: int
    dedup_ratio:
      description: How many times over the bytes of the store are seen.
      type: float
    garbage_bytes:
      description: Bytes that removing the garbage would free.
      type: int
    free_bytes:
      description: Bytes that are free on the store's disk.
      type: int
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import store
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_limit
from ansible_collections.llmops.tenancy.plugins.module_utils.store.garbage import parse_grace
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.report import Limits, report


def logic(params, run: Run):
    """Look at the store."""
    private = parse_limit(params["private_limit"], "private_limit")
    limits = Limits(parse_grace(params["grace"]), private, params["known_agents"])
    values, warnings = report(Layout(params["store"]), limits)
    for text in warnings:
        run.warn(text)
    return {"changed": False, **values}


def main() -> None:
    """Entry point."""
    spec = {
        "grace": {"type": "str", "default": "7d"},
        "private_limit": {"type": "str"},
        "known_agents": {"type": "list", "elements": "str"},
    }
    run_module(logic, spec, groups=[store.GROUP])


if __name__ == "__main__":
    main()
