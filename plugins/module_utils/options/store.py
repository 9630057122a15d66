# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules for the model store of an agent host. Documented in doc_fragments/store.py."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import SPEC
from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_size

# One model of the store, as model_store takes it.
MODEL = {
    "model": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "mirror": {"type": "str"},
    "insecure": {"type": "bool"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "path": {"type": "path"},
    "modelfile": {"type": "path"},
    "files": {"type": "list", "elements": "path"},
    "archive": {"type": "path"},
    "checksum": {"type": "str"},
    "agent": {"type": "str"},
    "agent_model": {"type": "str"},
    "replace": {"type": "bool"},
    "optional": {"type": "bool"},
    # Filled in by the action plugin: what it knows of files that are on the controller still.
    "file": {"type": "dict"},
}
SHARED = ("mirror", "insecure", "username", "password", "ca_path", "archive", "checksum")

TRANSFER = {
    "timeout": {"type": "int", "default": 30},
    "stall_timeout": {"type": "int", "default": 60},
    "retries": {"type": "int", "default": 5},
    "connections": {"type": "int", "default": 4},
    "min_free": {"type": "str", "default": "1g"},
    "wait": {"type": "bool", "default": True},
    # How the action plugin follows a pull: the job to go on with, and the seconds to wait before it reports back.
    "job": {"type": "str"},
    "patience": {"type": "float"},
}
# Where models are made of files: by the Ollama of an image, in a container of its own.
BUILDER = {
    "remote_src": {"type": "bool", "default": False},
    "docker_host": SPEC["docker_host"],
    "builder_image": {"type": "str", "default": "docker.io/ollama/ollama:0.24.0"},
    "builder_memory": {"type": "str", "default": "2g"},
}
# Where bytes may be that need not come over the wire.
NEAR = {"seeds": {"type": "list", "elements": "path"}}
CARE = {
    "verify": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": False},
    "grace": {"type": "str", "default": "7d"},
    "known_agents": {"type": "list", "elements": "str"},
    "prune_uppers": {"type": "bool", "default": False},
}


def _secrets(params: Mapping[str, Any]) -> list[str]:
    """Passwords that ``no_log`` alone does not cover: a URL with one is refused, and the refusal must not show it."""
    entities = [params, *(each for each in params.get("models") or () if isinstance(each, dict))]
    urls = [str(entity.get(name) or "") for entity in entities for name in ("mirror", "registry")]
    return [secret for url in urls if (secret := url.rpartition("@")[0].rpartition(":")[2])]


GROUP = OptionGroup(
    spec={"store": {"type": "path", "required": True}}, secrets=_secrets, libraries=("requests",)
)


def read_transfer(params: Mapping[str, Any]) -> TransferSettings:
    """Typed settings of the options. Models of a store come one after the other.

    :raises TenancyError: ``invalid_size``.
    """
    return TransferSettings(
        timeout=params["timeout"],
        stall_timeout=params["stall_timeout"],
        retries=params["retries"],
        parallel=1,
        min_free=parse_size(params["min_free"], "min_free"),
    )
