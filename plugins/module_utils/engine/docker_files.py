# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as a local engine's own files have them, so that a fleet where nothing changed costs no call for each agent.

A listing leaves out limits, environment and restart policy. The engine writes them to two files before it answers whoever
changed them, and its API would tell the same. The files are its own business all the same: what is read here may only say
that an agent is as it should be. Whoever finds anything else asks the engine before anything is done.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Mapping

_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")


def read_container(root: str, listed: Mapping[str, Any]) -> dict[str, Any] | None:
    """A container as ``GET /containers/…/json`` would tell, as far as agents need it; None when the engine has to be asked.

    :param root: the engine's data folder. :param listed: the container in the engine's listing: it has what changes often.
    """
    folder = os.path.join(root, "containers", listed["Id"])
    try:
        known, host = _read(os.path.join(folder, "config.v2.json")), _read(os.path.join(folder, "hostconfig.json"))
        if known["ID"] != listed["Id"] or known["Image"] != listed["ImageID"]:
            return None
        return {
            "Id": known["ID"],
            "Name": known["Name"],
            "Image": known["Image"],
            "RestartCount": known["RestartCount"],
            "Config": {**known["Config"], "Labels": listed["Labels"]},
            "HostConfig": host,
            "Mounts": listed["Mounts"],
            "NetworkSettings": listed["NetworkSettings"],
            "State": _state(known["State"], listed),
        }
    except (OSError, ValueError, KeyError, TypeError):
        # Of another user, of an engine elsewhere that this socket leads to, or of one that keeps other files.
        return None


def _read(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _state(written: Mapping[str, Any], listed: Mapping[str, Any]) -> dict[str, Any]:
    found = _HEALTH.search(listed["Status"])
    state = {
        "Status": listed["State"], "StartedAt": written["StartedAt"], "Paused": listed["State"] == "paused",
        "OOMKilled": written["OOMKilled"],
    }
    return {**state, "Health": {"Status": found[1]}} if found else state
