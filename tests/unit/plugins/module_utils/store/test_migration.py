# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the copies for agents that leave a store, or come to one on another disk, fit: all of them together, where they go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from shutil import disk_usage

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, Observation, Volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import Linked, ModelMount, ModelView
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store.migration import (
    read_plain,
    require_room,
    require_room_in_store,
)

SHARED_DIGEST, OWN_DIGEST, GONE_DIGEST = ("sha256:" + letter * 64 for letter in "abc")
# A file system on which nothing is free, on every machine.
FULL = "/proc"


def observed(store: str, volumes: str, own: dict[str, int], plain: tuple[str, ...] = ()) -> Observation:
    """Agents with as many bytes of their own, each with a volume over the store unless it is ``plain``."""
    mounts = {name: ModelMount(f"{store}/agents/{name}/view", f"{store}/agents/{name}/upper", "") for name in own}
    return Observation(
        volumes={
            f"ollama-agent-{name}": Volume(
                f"ollama-agent-{name}", name, "acme", mounts[name].upper, mount=None if name in plain else mounts[name],
                mountpoint=f"{volumes}/ollama-agent-{name}/_data",
            )
            for name in own
        },
        views={name: Linked(mounts[name], "acme", private_bytes=size) for name, size in own.items()},
    )


@pytest.mark.parametrize(
    ("shares", "plain", "refused"),
    [
        ({"a1": 0.6}, (), False), ({"a1": 0.6, "a2": 0.6}, (), True), ({"a1": 0.6, "a2": 0.6}, ("a2",), False),
        ({"a1": 1.0}, (), True), ({}, (), False),
    ],
)
def test_all_copies_fit_together(tmp_path: Path, shares: dict[str, float], plain: tuple[str, ...], refused: bool) -> None:
    free = disk_usage(tmp_path).free
    own = {name: int(share * free) for name, share in shares.items()}
    found = observed("/store", str(tmp_path), own, plain)
    try:
        require_room([*own, "unknown"], found)
    except TenancyError as error:
        assert refused and error.kind == "disk_full" and all(name in str(error) for name in own)
    else:
        assert not refused


@pytest.mark.parametrize(("on_store", "beside_engine", "refused"), [(FULL, "", False), ("", FULL, True)])
def test_the_disk_is_that_of_the_volumes(tmp_path: Path, on_store: str, beside_engine: str, refused: bool) -> None:
    found = observed(on_store or str(tmp_path), beside_engine or str(tmp_path), {"a1": 1})
    try:
        require_room(["a1"], found)
    except TenancyError as error:
        assert refused and FULL in error.cause
    else:
        assert not refused


@pytest.mark.parametrize(("plain", "own", "refused"), [(False, 0, True), (True, 1, True), (True, 0, False)])
def test_what_comes_from_another_disk_has_to_fit(tmp_path: Path, plain: bool, own: int, refused: bool) -> None:
    upper = tmp_path / "agents" / "a1" / "upper"
    upper.mkdir(parents=True)
    (upper / "mine").write_bytes(bytes(4096))
    mount = ModelMount("", str(upper), "")
    there = ModelMount("", f"{FULL}/models/agents/a1/upper", "")
    volume = Volume("ollama-agent-a1", "a1", "acme", str(upper), mount=None if plain else mount)
    view = ModelView(own_bytes=own)
    action = AgentAction("replace", "volume", "ollama-agent-a1", agent="a1", mount=there, volume=volume, view=view)
    try:
        require_room_in_store([action])
    except TenancyError as error:
        assert refused and error.kind == "disk_full" and "a1" in str(error) and "nothing was taken away" in error.remedy
    else:
        assert not refused
    # On the disk that it is on already, it is linked.
    require_room_in_store([AgentAction("replace", "volume", "ollama-agent-a1", agent="a1", mount=mount, volume=volume, view=view)])


def test_what_stays_an_agents_own_is_what_is_on_its_disk(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    for digest, size in ((SHARED_DIGEST, 4096), (OWN_DIGEST, 8192)):
        (tmp_path / "blobs" / digest.replace(":", "-")).write_bytes(b"x" * size)
    with open(tmp_path / "blobs" / OWN_DIGEST.replace(":", "-"), "r+b") as file:
        file.truncate(2**42)
    (tmp_path / "blobs" / GONE_DIGEST.replace(":", "-")).symlink_to("/proc/kcore")
    for name, digests in {"demo": [SHARED_DIGEST], "mine": [SHARED_DIGEST, OWN_DIGEST, GONE_DIGEST], "\x1b[2J\n": [OWN_DIGEST]}.items():
        place = tmp_path / "manifests/registry.ollama.ai/library" / name
        place.mkdir(parents=True)
        (place / "latest").write_text(json.dumps({"layers": [{"digest": digest, "size": 2**59} for digest in digests]}))
    (place / os.fsdecode(b"\xff")).write_text('{"layers": []}')
    plain = read_plain(Volume("ollama-agent-a1", "a1", "acme", str(tmp_path)))
    assert set(plain.models) == {"demo:latest", "mine:latest"} and plain.unnamed == 2
    assert plain.own_bytes({"demo:latest": plain.models["demo:latest"].digest}) == 8192
    assert plain.own_bytes({}) == 4096 + 8192
