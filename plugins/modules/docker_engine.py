# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start and stop a Docker Engine on a machine without systemd."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine
short_description: Start or stop a Docker Engine without a service manager
version_added: 0.1.0
description:
  - Starts C(dockerd) in a session of its own, with its output in a file, and waits until it answers. It outlives the run of Ansible.
  - For containers and small machines without systemd, and for a second engine beside the first. Where systemd runs, use its service.
  - An engine that already answers is left as it is, whoever started it.
author:
  - llmops.tenancy contributors (@llmops)
options:
  state:
    description:
      - V(started) starts the engine when none answers.
      - V(restarted) ends the engine that O(pidfile) names and starts it again.
      - V(stopped) ends the engine that O(pidfile) names, and no other.
    type: str
    choices: [started, restarted, stopped]
    default: started
  docker_host:
    description:
      - V(unix://) URL that the engine listens on.
      - If not set, the environment variable E(DOCKER_HOST) is used.
    type: str
    default: unix:///var/run/docker.sock
  executable:
    description: Name or path of C(dockerd).
    type: str
    default: dockerd
  data_root:
    description: Folder of images, volumes and containers. Defaults to that of C(dockerd).
    type: path
  exec_root:
    description: Folder for the state of what runs. Defaults to that of C(dockerd).
    type: path
  pidfile:
    description: File with the process id of the engine.
    type: path
    default: /var/run/docker.pid
  bridge:
    description: Default bridge network; V(none) for none at all.
    type: str
  config_file:
    description: The engine's file daemon.json. Defaults to that of C(dockerd).
    type: path
  log_file:
    description: File for the engine's output.
    type: path
    default: /var/log/dockerd.log
  arguments:
    description: Further arguments of C(dockerd).
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait until the engine answers, or has ended.
    type: int
    default: 60
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
    details: O(state=restarted) restarts each time.
"""

EXAMPLES = r"""
- name: Start the engine of this machine
  llmops.tenancy.docker_engine:

- name: Start a second engine beside it
  llmops.tenancy.docker_engine:
    docker_host: unix:///run/second/docker.sock
    data_root: /var/lib/second
    exec_root: /run/second/exec
    pidfile: /run/second/docker.pid
    log_file: /var/log/second.log
    bridge: none
"""

RETURN = r"""
engine:
  description: The engine after the run; in check mode, as it would be.
  returned: success
  type: dict
  sample: {"url": "unix:///var/run/docker.sock", "state": "started"}
pid:
  description: Process id of the engine that O(pidfile) names, if any.
  returned: success
  type: int
actions:
  description: What was done, or in check mode would be done.
  returned: success
  type: list
  elements: dict
"""

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import dockerd, service
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker

SPEC = {
    "state": {"type": "str", "choices": list(service.STATES), "default": "started"},
    "docker_host": docker.SPEC["docker_host"],
    "executable": {"type": "str", "default": "dockerd"},
    "data_root": {"type": "path"},
    "exec_root": {"type": "path"},
    "pidfile": {"type": "path", "default": "/var/run/docker.pid"},
    "bridge": {"type": "str"},
    "config_file": {"type": "path"},
    "log_file": {"type": "path", "default": "/var/log/dockerd.log"},
    "arguments": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 60},
}


def read(params: Mapping[str, Any]) -> dockerd.Daemon:
    """The engine that the options describe."""
    if not params["docker_host"].startswith("unix://"):
        raise TenancyError(
            f"An engine at {params['docker_host']} can't be started or stopped from here",
            cause="only an engine on a Unix socket is one of this machine",
            remedy="Give docker_host as unix:///path, or manage that engine on its own machine",
            kind="invalid_options",
        )
    names = ("executable", "data_root", "exec_root", "pidfile", "bridge", "config_file", "log_file", "timeout")
    values = {name: params[name] for name in names if params[name] is not None}
    return dockerd.Daemon(url=params["docker_host"], arguments=tuple(params["arguments"]), **values)


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Plan, then apply unless in check mode."""
    daemon = read(params)
    ours = dockerd.daemon_pid(daemon.pidfile) is not None
    running = dockerd.probe(daemon.url)["answers"] if params["state"] == "started" else ours
    todo = service.plan("engine", daemon.url, "engine", params["state"], running)
    for action in todo.actions:
        if not run.check:
            {"stop": dockerd.stop, "start": dockerd.start}[action.verb](daemon)
    return {
        **todo.as_result(),
        "engine": {"url": daemon.url, "state": todo.after["engine"]},
        "pid": dockerd.daemon_pid(daemon.pidfile),
    }


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC)


if __name__ == "__main__":
    main()
