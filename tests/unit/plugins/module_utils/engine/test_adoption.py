# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an adopted agent is known, where its models are, and which of its differences wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import adoption
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, AgentSpec, Deviation
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, resolve
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact

ADOPTED = {"acme": "acme-corp"}
NAMES = [
    ("ollama-agent-acme", {"tenant_id": "acme-corp"}, "acme"),
    ("ollama-agent-acme", {"tenant_id": "other"}, ""),
    ("ollama-agent-acme", {}, ""),
    ("ollama-agent-other", {"tenant_id": "acme-corp"}, ""),
    ("acme", {"tenant_id": "acme-corp"}, ""),
    ("ollama-agent-other", {"tenant_id": ""}, ""),
]


@pytest.mark.parametrize(("name", "labels", "agent"), NAMES)
def test_agent_of(name: str, labels: dict[str, str], agent: str) -> None:
    assert adoption.agent_of(name, labels, ADOPTED) == agent


MOUNTS = [
    ([], {}, ""),
    ([("volume", "/var/lib/docker/volumes/v/_data", "/root/.ollama")], {}, "/var/lib/docker/volumes/v/_data/models"),
    ([("bind", "/srv/acme", "/data")], {"OLLAMA_MODELS": "/data"}, "/srv/acme"),
    ([("bind", "/srv/acme", "/data")], {}, ""),
    ([("tmpfs", "", "/root")], {}, ""),
    ([("bind", "/a", "/root"), ("bind", "/b", "/root/.ollama/models")], {}, "/b"),
    ([("bind", "/a", "/root/.oll")], {}, ""),
    # What is in memory hides what is below.
    ([("bind", "/a", "/root"), ("tmpfs", "", "/root/.ollama")], {}, ""),
]


@pytest.mark.parametrize(("mounts", "variables", "source"), MOUNTS)
def test_models_source(mounts: list[tuple[str, str, str]], variables: dict[str, str], source: str) -> None:
    found = [{"Type": kind, "Source": path, "Destination": inside} for kind, path, inside in mounts]
    assert adoption.models_source({"Mounts": found}, variables) == source


def test_memory_of_a_container_hides_its_mounts() -> None:
    mounts = [{"Type": "bind", "Source": "/a", "Destination": "/root"}]
    assert adoption.models_source({"Mounts": mounts, "HostConfig": {"Tmpfs": {"/root/.ollama": ""}}}, {}) == ""


VOLUME = {"Type": "volume", "Name": "v", "Source": "/volumes/v/_data"}
BIND = {"Type": "bind", "Source": "/srv/acme"}


@pytest.mark.parametrize(
    ("mount", "folder", "other", "shares"),
    [
        # What it writes is above the models, is the models only, is below another folder, or is only read.
        (VOLUME, "models", {"Name": "v", "RW": True}, True),
        (VOLUME, ".", {"Name": "v", "RW": True}, False),
        (VOLUME, "models", {"Name": "w", "RW": True}, False),
        (VOLUME, "models", {"Name": "v", "RW": False}, False),
        (BIND, "models", {"Source": "/srv/acme", "RW": True}, True),
        (BIND, "models", {"Source": "/srv/acme/models", "RW": True}, False),
        (BIND, ".", {"Source": "/srv", "RW": True}, True),
        (BIND, ".", {"Source": "/srv/ac", "RW": True}, False),
    ],
)
def test_who_can_write_around_the_models(mount: dict[str, Any], folder: str, other: dict[str, Any], shares: bool) -> None:
    listed = {"Names": ["/ollama-agent-lab"], "Labels": {}, "Mounts": [other]}
    assert adoption.sharer({**mount, "Folder": folder}, [listed]) == ("ollama-agent-lab" if shares else "")
    # What is no tenant's may have the whole disk, as a backup does.
    assert adoption.sharer({**mount, "Folder": folder}, [{**listed, "Names": ["/backup"]}]) == ""


@pytest.mark.parametrize(("folder", "names"), [(".", []), ("models", ["models"]), ("a/b/models", ["a", "a/b", "a/b/models"])])
def test_folders(folder: str, names: list[str]) -> None:
    assert adoption.folders({"Folder": folder}) == names


OLD = replace(DEFAULTS, image="old:1", port=11500, context_length=0, num_parallel=0, keep_alive="", model="demo")
DEVIATIONS = (
    Deviation(Change("mounts", "old", "new"), Impact.RECREATE), Deviation(Change("RestartPolicy", "no", "unless-stopped"), Impact.IN_PLACE),
)
DEFAULT_WISH = {"context_length": 4096, "num_parallel": 1, "keep_alive": "5m", "model": "demo", "port": 11500}
SETTLED = [
    ({}, False),
    (DEFAULT_WISH, False),
    ({**DEFAULT_WISH, "memory_limit": 8 * 1024**3, "cpu_limit": 500}, False),
    ({**DEFAULT_WISH, "context_length": 8192}, True),
    ({**DEFAULT_WISH, "keep_alive": "1h"}, True),
    ({"port": 11600}, True),
    ({"image": "new:1"}, True),
    ({"environment": {"X": "1"}}, True),
    ({"renew": True}, True),
    ({"state": "stopped"}, False),
]


def actual(**more: Any) -> ActualAgent:
    """An adopted agent as the engine has it."""
    return ActualAgent(
        agent="acme", tenant="acme-corp", name="ollama-agent-acme", id="1", state="running", settings=OLD, image_id="sha256:1",
        deviations=DEVIATIONS, adopted=True, **{"source": "/srv/acme", **more},
    )


@pytest.mark.parametrize(("wish", "renewed"), SETTLED)
def test_settle(wish: dict[str, Any], renewed: bool) -> None:
    """What an old container leaves open is no wish; once it is made anew, all comes with it."""
    spec = AgentSpec("acme", "acme-corp", adopted=True, **wish)
    found, settings = adoption.settle(spec, actual(), resolve(spec, OLD), {"old:1": "sha256:1", "new:1": "sha256:2"})
    assert (found.renewed, adoption.stays(found)) == (renewed, not renewed)
    assert len(found.deviations) == (2 if renewed else 1)
    assert renewed or (settings.context_length, settings.num_parallel, settings.keep_alive) == (0, 0, "")


def test_models_inside_are_not_lost_by_the_way() -> None:
    spec = AgentSpec("acme", "acme-corp", adopted=True, port=11600)
    with pytest.raises(TenancyError, match="can't be made anew for port") as error:
        adoption.settle(spec, actual(source=""), resolve(spec, OLD), {"old:1": "sha256:1"})
    assert error.value.kind == "models_inside"
    renewed, _settings = adoption.settle(replace(spec, renew=True), actual(source=""), resolve(spec, OLD), {"old:1": "sha256:1"})
    assert renewed.renewed and not adoption.keeps_models(renewed)


def test_others_are_as_they_were() -> None:
    spec, mine = AgentSpec("acme", "acme-corp", port=11600), replace(actual(), adopted=False)
    assert adoption.settle(spec, mine, OLD, {}) == (mine, OLD)
    assert adoption.settle(spec, None, OLD, {}) == (None, OLD)
