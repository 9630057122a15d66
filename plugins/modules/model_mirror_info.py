#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_mirror_info
short_description: Health, models and disk of a mirror of the model registry
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Tells whether a mirror answers, which models it has, when its certificate ends, and how much room its disk has.
  - Never changes anything. A mirror that does not answer is told as such and is no failure.
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  url:
    description: The mirror, as C(https://host:port).
    type: str
    required: true
  username:
    description: Account that may read.
    type: str
  password:
    description: Its password.
    type: str
  ca_path:
    description: File with the certificates to trust, instead of the host's own.
    type: path
  storage:
    description: The mirror's folder of models, when the module runs on its host; without it the disk is not looked at.
    type: path
  timeout:
    description: Seconds to wait for an answer.
    type: int
    default: 30
requirements:
  - Python library C(requests)
seealso:
  - module: llmops.tenancy.model_export
"""

EXAMPLES = r"""
- name: How the mirror is
  llmops.tenancy.model_mirror_info:
    url: https://mirror.example.com:5000
    username: reader
    password: "{{ vault_mirror_reader }}"
    ca_path: /etc/llmops-tenancy/model_mirror/ca.crt
    storage: /var/lib/llmops/mirror
  register: found

- name: Complain about one that is full or silent
  ansible.builtin.assert:
    that: found.mirror.answers and found.mirror.disk.free > 10 * 1024 ** 3
"""

RETURN = r"""
mirror:
  description: The mirror.
  returned: always
  type: dict
  contains:
    url:
      description: Where it was asked.
      type: str
    answers:
      description: Whether it gave all that is told here.
      type: bool
    error:
      description: Why not.
      type: str
    models:
      description: What it has, each with C(model), C(digest) and C(size).
      type: list
      elements: dict
    certificate_expires:
      description: When its certificate ends; none without TLS.
      type: str
      sample: '2036-11-22T15:18:52Z'
    disk:
      description: C(path), C(models_bytes), C(size) and C(free), in bytes; none without O(storage).
      type: dict
"""

from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup
from ansible_collections.llmops.tenancy.plugins.module_utils.store.mirror_status import Mirror, inspect

SPEC = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "storage": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}


def logic(params, run: Run):
    """Look."""
    mirror = Mirror(**{name: params[name] or "" for name in SPEC if name != "timeout"}, timeout=params["timeout"])
    return {"changed": False, "mirror": inspect(mirror)}


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC, groups=[OptionGroup(spec={}, libraries=("requests",))], required_together=[("username", "password")])


if __name__ == "__main__":
    main()
