# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles that prepare a host have to know about it, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Tell what a host already has of what the collection needs
version_added: 0.1.0
description:
  - Tells in one call which of the programs, packages, Python libraries, Docker Engine and PostgreSQL clusters that the collection
    needs are there, so that the roles which prepare a host act only on what is missing.
  - Needs nothing but Python on the host, so it runs before anything is installed there.
author:
  - llmops.tenancy contributors (@llmops)
options:
  executables:
    description: Programs to look for, in C(PATH) and in the folders for daemons.
    type: list
    elements: str
    default: []
  packages:
    description: Packages of the distribution; RV(new_packages) tells what installing them would add.
    type: list
    elements: str
    default: []
  python:
    description: Interpreter to look for O(requirements) in. Defaults to the one that runs this module.
    type: path
  base_python:
    description: Interpreter that a virtual environment would be made with; C(can_make_venv) in RV(python) tells whether it can.
    type: path
  requirements:
    description: Python libraries, as requirement specifiers such as V(docker>=7.1).
    type: list
    elements: str
    default: []
  docker_host:
    description:
      - URL of the Docker Engine to look for. Only V(unix://) URLs are asked.
      - If not set, the environment variable E(DOCKER_HOST) is used.
    type: str
    default: unix:///var/run/docker.sock
  pidfile:
    description: File with the process id of that engine.
    type: path
    default: /var/run/docker.pid
  config_file:
    description: The file daemon.json of that engine.
    type: path
    default: /etc/docker/daemon.json
  paths:
    description: Files and folders; RV(paths) tells which of them are there, and what the files hold.
    type: list
    elements: path
    default: []
  record:
    description: A JSON file in which a role keeps what it added to the host; RV(record) returns it.
    type: path
extends_documentation_fragment:
  - llmops.tenancy.attributes
  - llmops.tenancy.attributes.actiongroup
  - llmops.tenancy.attributes.info
"""

EXAMPLES = r"""
- name: Look for an engine and its libraries
  llmops.tenancy.host_info:
    executables: [dockerd, iptables]
    packages: [docker.io, iptables]
    requirements: [docker>=7.1]
  register: host
"""

RETURN = r"""
distribution:
  description: Id, family, version and name of the distribution.
  returned: success
  type: dict
  sample: {"id": "debian", "family": "debian", "version": "12", "name": "Debian GNU/Linux 12 (bookworm)"}
systemd:
  description: Whether systemd runs the host.
  returned: success
  type: bool
user:
  description: Who the module runs as (C(name), C(uid)), and who called sudo for it (C(login)).
  returned: success
  type: dict
  sample: {"name": "root", "uid": 0, "login": "ana"}
executables:
  description: Path of each program, null when it is not there.
  returned: success
  type: dict
  sample: {"dockerd": "/usr/sbin/dockerd"}
unfinished_packages:
  description: Whether an installation of packages was cut off, on Debian.
  returned: success
  type: bool
new_packages:
  description: All packages that installing O(packages) would add, on Debian; null when apt can't tell.
  returned: success
  type: list
  elements: str
python:
  description: The interpreter, whether it is there, the requirements that it does not satisfy, and whether O(base_python) can make
    a virtual environment (null when that was not asked).
  returned: success
  type: dict
  sample: {"path": "/opt/llmops-tenancy/venv/bin/python", "exists": true, "missing": [], "can_make_venv": true}
engine:
  description:
    - The Docker Engine. C(stale_config) tells that O(config_file) is newer than the engine's process.
    - C(containers) and C(volumes) are null when it does not answer.
  returned: success
  type: dict
  sample:
    url: unix:///var/run/docker.sock
    answers: true
    version: 20.10.24
    containers: 2
    volumes: 2
    error:
    pid: 4711
    stale_config: false
postgresql:
  description: Versions of the PostgreSQL server that are installed, newest first, on Debian.
  returned: success
  type: list
  elements: str
  sample: ["15"]
clusters:
  description: PostgreSQL clusters, on Debian. C(files) gives the SHA-256 of each configuration file, null when it can't be read.
  returned: success
  type: list
  elements: dict
  sample:
    - version: "15"
      name: llmops
      port: 5442
      running: true
      owner: postgres
      data: /var/lib/postgresql/15/llmops
      files: {"pg_hba.conf": null}
paths:
  description: For each of O(paths) the SHA-256 of a file, V(directory), or null when nothing is there.
  returned: success
  type: dict
  sample: {"/etc/docker": directory, "/etc/docker/daemon.json": null}
record:
  description: Content of the file O(record), empty when there is none.
  returned: success
  type: dict
"""

import sys
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.host import dockerd, record, requirements, system
from ansible_collections.llmops.tenancy.plugins.module_utils.module import Run, run_module
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker

SPEC = {
    "executables": {"type": "list", "elements": "str", "default": []},
    "packages": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "path"},
    "base_python": {"type": "path"},
    "requirements": {"type": "list", "elements": "str", "default": []},
    "docker_host": docker.SPEC["docker_host"],
    "pidfile": {"type": "path", "default": "/var/run/docker.pid"},
    "config_file": {"type": "path", "default": "/etc/docker/daemon.json"},
    "paths": {"type": "list", "elements": "path", "default": []},
    "record": {"type": "path"},
}


def python_info(path: str | None, base: str | None, wanted: list[str], read: system.Read) -> dict[str, Any]:
    """The interpreter and what it lacks."""
    python = path or sys.executable
    libraries = requirements.installed(python, read) if wanted else {}
    return {
        "path": python,
        "exists": libraries is not None,
        "missing": requirements.missing(wanted, libraries or {}),
        "can_make_venv": requirements.can_make_venv(base, read) if base else None,
    }


def engine_info(params: Mapping[str, Any]) -> dict[str, Any]:
    """The engine, asked when it is one of this machine."""
    url = params["docker_host"]
    pid = dockerd.daemon_pid(params["pidfile"])
    return {
        "url": url,
        **(dockerd.probe(url) if url.startswith("unix://") else dockerd.UNKNOWN),
        "pid": pid,
        "stale_config": pid is not None and dockerd.started_before(pid, params["config_file"]),
    }


def logic(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Everything in one result."""
    distribution = system.distribution(system.read_text("/etc/os-release"))
    debian = distribution["family"] == "debian"
    return {
        "changed": False,
        "distribution": distribution,
        "systemd": system.has_systemd(),
        "user": system.user(),
        "executables": system.find_executables(params["executables"]),
        "unfinished_packages": debian and system.unfinished_packages(run.read),
        "new_packages": system.new_packages(params["packages"], run.read) if debian else [],
        "python": python_info(params["python"], params["base_python"], params["requirements"], run.read),
        "engine": engine_info(params),
        "postgresql": system.postgresql_versions(),
        "clusters": system.clusters(run.read),
        "paths": {path: system.fingerprint(path) for path in params["paths"]},
        "record": record.read(params["record"]) if params["record"] else {},
    }


def main() -> None:
    """Entry point."""
    run_module(logic, SPEC)


if __name__ == "__main__":
    main()
