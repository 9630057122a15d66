# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the models of an adopted agent may become its volume.

The engine mounts a folder of its host by name, and the kernel follows links on the way. The old container usually has more
of the host than the models, so its tenant could put a link in their place and get whatever it names. So the engine is asked
about each folder on the way, without following links and also on a host elsewhere: before anything is done, and again once
the old container has stopped. From then on nobody but root of that host can turn it elsewhere.
"""

from __future__ import annotations

import base64
import json
from pathlib import PurePosixPath
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import adoption, docker_volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# Of Go's FileMode, as the engine tells it.
_DIRECTORY, _LINK = 1 << 31, 1 << 27
_STAT = "X-Docker-Container-Path-Stat"


def require_safe(client: Any, action: AgentAction) -> None:
    """Nothing, when only root of the engine's host can say where the models are.

    :param action: that makes the adopted agent anew.
    :raises TenancyError: ``models_unsafe``.
    """
    inspected = client.inspect_container(action.current)
    mount = adoption.models_mount(inspected, shape.environment(inspected["Config"]))
    if mount is None:
        raise _refusal(action, "it is no longer mounted into the old container", "Run again")
    others = [listed for listed in client.containers(all=True) if listed["Id"] != inspected["Id"]]
    if shared := adoption.sharer(mount, others):
        raise _refusal(
            action, f"container {shared} can write around it, and so put a link in its place at any time",
            f"Copy the models of one of them to a volume of its own, or take {shared} away first",
        )
    if not mount["RW"]:
        raise _refusal(
            action, "the old container may only read it, and the new one could write there",
            "Make the old container with models of its own first",
        )
    for folder in adoption.folders(mount):
        _require_folder(client, inspected["Id"], PurePosixPath(mount["Destination"]) / folder, action, folder)


def remove_bound(client: Any, name: str) -> None:
    """Remove the volume that a renewal made as a name for a folder of the host, and none of that name that has data of its own."""
    if docker_volume.read_bound(client.inspect_volume(name).get("Options")):
        client.remove_volume(name)


def _require_folder(client: Any, container: str, path: PurePosixPath, action: AgentAction, folder: str) -> None:
    found = _stat(client, container, path)
    if found.get("mode", 0) & _LINK:
        raise _refusal(
            action, f"'{folder}' on the way there is a link to {found.get('linkTarget')}, and the engine's host would follow it",
            "Put the folder with the models itself in the link's place, then run again",
        )
    if not found.get("mode", 0) & _DIRECTORY:
        raise _refusal(action, f"there is no folder '{folder}'", "Put the folder with the models there, then run again")


def _stat(client: Any, container: str, path: PurePosixPath) -> Mapping[str, Any]:
    """What a path of a container is itself; empty when it is not there."""
    url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
    answer = client.head(url, params={"path": str(path)}, timeout=client.timeout)
    told = answer.headers.get(_STAT) if answer.ok else None
    found: Mapping[str, Any] = json.loads(base64.b64decode(told)) if told else {}
    return found


def _refusal(action: AgentAction, cause: str, remedy: str) -> TenancyError:
    return TenancyError(
        f"Agent '{action.agent}' can't be made anew with its models in {action.source}; its old container goes on",
        cause=cause, remedy=remedy, kind="models_unsafe", agent=action.agent, path=action.source,
    )
