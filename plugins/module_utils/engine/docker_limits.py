# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets the limits of a container that runs, in the spelling that it was made with."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSettings


def set_limits(client: Any, name: str, settings: AgentSettings) -> None:
    """Memory, CPUs and restart policy, in place.

    The engine refuses a quota for a container that was made with ``--cpus``, as those of other tools are, and the SDK's
    own call knows nothing else; so the body is sent as it is.
    """
    wanted: dict[str, Any] = {**shape.limits(settings), "RestartPolicy": shape.RESTART}
    if client.inspect_container(name)["HostConfig"].get("NanoCpus"):
        del wanted["CpuPeriod"], wanted["CpuQuota"]
        wanted["NanoCpus"] = settings.cpu_limit * 1_000_000
    answer = client._post_json(client._url("/containers/{0}/update", name), data=wanted)
    client._raise_for_status(answer)
