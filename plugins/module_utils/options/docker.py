# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every module that reaches a Docker Engine. Documented in doc_fragments/docker.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible.module_utils.basic import env_fallback

from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup

SPEC = {
    "docker_host": {
        "type": "str",
        "default": "unix:///var/run/docker.sock",
        "fallback": (env_fallback, ["DOCKER_HOST"]),
    },
    "tls": {"type": "bool", "default": False, "fallback": (env_fallback, ["DOCKER_TLS_VERIFY"])},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "docker_timeout": {"type": "int", "default": 60},
}


@dataclass(frozen=True)
class DockerSettings:
    """How to reach a Docker Engine.

    :param host: URL, for example ``unix:///var/run/docker.sock`` or ``tcp://gpu-01:2376``.
    :param tls: whether the server's certificate is demanded and verified.
    :param timeout: seconds for one call of its API.
    """

    host: str
    tls: bool
    ca_path: str | None
    client_cert: str | None
    client_key: str | None
    timeout: int


def read(params: Mapping[str, Any]) -> DockerSettings:
    """Typed settings of the options."""
    return DockerSettings(
        host=params["docker_host"],
        tls=params["tls"],
        ca_path=params["ca_path"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        timeout=params["docker_timeout"],
    )


GROUP = OptionGroup(spec=SPEC, libraries=("docker",))
