#!/usr/bin/python
# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_server
short_description: A server of a machine that systemd does not run
version_added: 0.1.0
author:
  - llmops.tenancy contributors (@llmops)
description:
  - Starts a program in a session of its own that outlives Ansible, and ends it again.
  - For containers and minimal machines without systemd, as roles need it there; elsewhere use M(ansible.builtin.service).
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(state=restarted) it restarts each time.
options:
  name:
    description: How to call it in messages.
    type: str
    required: true
  command:
    description: The program with its arguments. It has to stay in the foreground.
    type: list
    elements: str
    required: true
  state:
    description: V(restarted) also starts it when it does not run.
    type: str
    choices: [started, restarted, stopped]
    default: started
  listens:
    description: Address and port, C(host:port), at which it answers once it is up.
    type: str
    required: true
  pidfile:
    description: File for its process id. A number in it that another program has by now counts as none.
    type: path
    required: true
  log_file:
    description: File for its output.
    type: path
    required: true
  user:
    description: User who runs it, by default the one who runs the module.
    type: str
  environment:
    description: Variables that it gets besides those of the module.
    type: dict
    default: {}
  timeout:
    description: Seconds to wait until it answers, or has ended.
    type: int
    default: 30
seealso:
  - module: llmops.tenancy.docker_engine
"""

EXAMPLES = r"""
- name: A registry runs where there is no systemd
  llmops.tenancy.host_server:
    name: Model registry
    command: [docker-registry, serve, /etc/docker/registry/config.yml]
    listens: 127.0.0.1:5000
    pidfile: /var/run/docker-registry.pid
    log_file: /var/log/docker-registry.log
    user: docker-registry
"""

RETURN = r"""
server:
  description: Name and state after the run; in check mode, as it would be.
  returned: success
  type: dict
  sample: {"name": "Model registry", "state": "started"}
pid:
  description: Its process id, if it runs.
  returned: success
  type: int
actions:
  description: What was done, or in check mode would be done.
  returned: success
  type: list
  elements: dict
"""

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.host import process, service
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module

SPEC = {
    "name": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": list(service.STATES), "default": "started"},
    "listens": {"type": "str", "required": True},
    "pidfile": {"type": "path", "required": True},
    "log_file": {"type": "path", "required": True},
    "user": {"type": "str"},
    "environment": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 30},
}


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Plan, then apply unless in check mode."""
    values = {**params, "command": tuple(params["command"]), "user": params["user"] or ""}
    values["environment"] = {name: str(value) for name, value in params["environment"].items()}
    server = process.Server(**{name: value for name, value in values.items() if name != "state"})
    todo = service.plan("server", server.name, server.name, params["state"], server.pid() is not None)
    for action in todo.actions:
        if not run.check:
            {"stop": process.stop, "start": process.start}[action.verb](server)
    return {
        **todo.as_result(),
        "server": {"name": server.name, "state": todo.after[server.name]},
        "pid": server.pid(),
    }


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC)


if __name__ == "__main__":
    main()
