# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of agents on its way to another host: packed here, unpacked there, compared in between."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import Engine, Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import files, tree
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_slug
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action

STATES = ("packed", "unpacked", "absent")
_NOTHING = tree.Tree("", 0, 0)


def ensure(
    engine: Engine, state: str, wanted: Sequence[Mapping[str, Any]], folder: str, owner: str = "", *, check: bool
) -> dict[str, Any]:
    """Bring the data of agents into a state, one after the other; one that fails leaves the others alone.

    :param wanted: ``agent``, ``checksum``, and whether an archive of it counts as ``made`` in check mode. :param folder: of the archives.
    :param owner: user who gets what was packed; empty for root.
    :raises TenancyError: ``not_local``, ``invalid_slug`` or ``unknown_owner``.
    """
    names = [check_slug(each["agent"], "agent") for each in wanted]
    removal = state == "absent"
    if removal and not os.path.isdir(folder) and not any(check and each["made"] for each in wanted):
        # Nothing was ever packed here, as on a host whose engine is reached from elsewhere.
        return {"changed": False, "agents": [_result(name, _archive(folder, name), "", _NOTHING) for name in names], "failures": [], "actions": []}
    if os.geteuid() != 0 or not (engine.local or removal):
        raise TenancyError(
            "The data of agents can't be reached",
            cause="only root on the engine's own host may read it",
            remedy="Run on that host with become: true, against the engine's socket",
            kind="not_local",
        )
    # Archives are no concern of an engine.
    observed = Observation() if removal else engine.observe(names)
    if not check:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if owner:
            files.let_through(folder, owner)
    agents, failures, actions = [], [], []
    for each in wanted:
        try:
            found, verb = _STEPS[state](observed, each, folder, check)
            if owner and not check:
                files.give(found["archive"], owner)
        except (TenancyError, OSError) as error:
            failures.append({"agent": each["agent"], **_told(each["agent"], error).as_result()})
            continue
        agents.append(found)
        if verb:
            actions.append(Action(verb, "data", each["agent"]).as_result())
    return {"changed": bool(actions), "agents": agents, "failures": failures, "actions": actions}


def _told(agent: str, error: TenancyError | OSError) -> TenancyError:
    return error if isinstance(error, TenancyError) else TenancyError(
        f"The data of agent {agent} can't be read or written",
        cause=error.strerror or str(error),
        remedy="Look at the disk there, then run it again",
        kind="data_unreadable",
    )


def _archive(folder: str, agent: str) -> str:
    return os.path.join(folder, f"{agent}.tar")


def _path(observed: Observation, agent: str, check: bool) -> str:
    """Where the agent's data is.

    :raises TenancyError: ``data_missing`` or ``agent_running``.
    """
    actual = observed.agents.get(agent)
    if actual and actual.running and not check:
        raise TenancyError(
            f"The data of agent {agent} can't be copied", cause="it runs", remedy="Stop it first", kind="agent_running"
        )
    return next((volume.path for volume in observed.volumes.values() if volume.agent == agent), "")


def _missing(agent: str) -> TenancyError:
    return TenancyError(
        f"Agent {agent} has no data here",
        cause="the engine has no volume of it",
        remedy="Look whether the catalog names the right host (drift)",
        kind="data_missing",
    )


Step = tuple[dict[str, Any], str]


def _pack(observed: Observation, wanted: Mapping[str, Any], folder: str, check: bool) -> Step:
    agent = wanted["agent"]
    path, archive = _path(observed, agent, check), _archive(folder, agent)
    if not os.path.isdir(path):
        raise _missing(agent)
    noted = _noted(archive) if os.path.isfile(archive) else ""
    # Before the first byte is read: it can be a file of terabytes that is all holes.
    tree.require_space(path, archive, os.path.getsize(archive) if noted else 0)
    now = tree.look(path)
    if noted == now.checksum:
        return _result(agent, archive, path, now), ""
    if check:
        tree.require_space(path, archive)
    else:
        now = tree.pack(path, archive)
        with open(f"{archive}.json", "w", encoding="utf-8") as note:
            json.dump({"checksum": now.checksum}, note)
    return _result(agent, archive, path, now), "pack"


def _noted(archive: str) -> str:
    """The checksum of what is in an archive; empty when nobody knows."""
    try:
        with open(f"{archive}.json", encoding="utf-8") as note:
            return str(json.load(note)["checksum"])
    except (OSError, ValueError, KeyError):
        return ""


def _unpack(observed: Observation, wanted: Mapping[str, Any], folder: str, check: bool) -> Step:
    agent, checksum = wanted["agent"], wanted["checksum"] or ""
    path, archive = _path(observed, agent, check), _archive(folder, agent)
    # In check mode what an agent that is to be made begins with: one without data of its own needs none.
    nothing = tree.empty() if check else _NOTHING
    there = tree.look(path) if os.path.isdir(path) else nothing
    if checksum and there.checksum == checksum:
        return _result(agent, archive, path, there), ""
    if check:
        return _result(agent, archive, path, tree.Tree(checksum, 0, 0)), "unpack"
    if not path or not checksum:
        raise _missing(agent)
    return _result(agent, archive, path, tree.unpack(archive, path, checksum)), "unpack"


def _remove(observed: Observation, wanted: Mapping[str, Any], folder: str, check: bool) -> Step:
    archive = _archive(folder, wanted["agent"])
    there = [path for path in (archive, f"{archive}.json", f"{archive}.part") if os.path.lexists(path)]
    if not check:
        for path in there:
            os.unlink(path)
    return _result(wanted["agent"], archive, "", _NOTHING), "remove" if there or check and wanted["made"] else ""


def _result(agent: str, archive: str, path: str, found: tree.Tree) -> dict[str, Any]:
    return {
        "agent": agent,
        "archive": archive,
        "path": path,
        "checksum": found.checksum,
        "files": found.files,
        "size": found.size,
    }


_STEPS = {"packed": _pack, "unpacked": _unpack, "absent": _remove}
