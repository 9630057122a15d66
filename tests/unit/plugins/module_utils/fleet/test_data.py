# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of agents that run while a check looks at it, whatever their tenants do meanwhile."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import Observation, Volume
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import data

AGENTS = ("one", "two")


class Local:
    """An engine of this machine with a volume of each agent."""

    local = True

    def __init__(self, folder: Path) -> None:
        self.folders = {name: folder / name for name in AGENTS}
        for path in self.folders.values():
            path.mkdir()
            (path / "kept").write_text("kept")

    def observe(self, _names: list[str]) -> Observation:
        """What it has."""
        return Observation(volumes={name: Volume(name, name, "acme", str(path)) for name, path in self.folders.items()})

    def pack(self, folder: Path, check: bool) -> dict[str, Any]:
        """Pack the data of all."""
        wanted = [{"agent": name, "checksum": None, "made": False} for name in AGENTS]
        return data.ensure(self, "packed", wanted, str(folder / "archives" / "here"), check=check)


@pytest.mark.parametrize("check", [True, False])
def test_a_file_of_holes_is_refused_before_it_is_read(tmp_path: Path, check: bool) -> None:
    engine = Local(tmp_path)
    with open(engine.folders["one"] / "sparse", "wb") as file:
        file.truncate(8 * 1024**4)
    found = engine.pack(tmp_path, check)
    [failure] = found["failures"]
    assert (failure["agent"], failure["error"]["kind"]) == ("one", "disk_full")
    assert [each["agent"] for each in found["agents"]] == ["two"]


def test_what_comes_and_goes_fails_no_check(tmp_path: Path) -> None:
    engine = Local(tmp_path)
    ends = threading.Event()

    def busy() -> None:
        while not ends.is_set():
            for number in range(200):
                place = engine.folders["one"] / f"{number}"
                place.mkdir()
                (place / "file").write_text("x")
                os.rename(place, engine.folders["one"] / f"moved-{number}")
            for number in range(200):
                place = engine.folders["one"] / f"moved-{number}"
                (place / "file").unlink()
                place.rmdir()

    tenant = threading.Thread(target=busy)
    tenant.start()
    try:
        for _time in range(20):
            found = engine.pack(tmp_path, True)
            assert found["failures"] == [] and len(found["agents"]) == 2
    finally:
        ends.set()
        tenant.join()


def test_a_disk_that_fails_is_the_failure_of_its_agent(tmp_path: Path) -> None:
    engine = Local(tmp_path)
    # In the place of the archive's note, so that it can't be written.
    (tmp_path / "archives" / "here" / "one.tar.json").mkdir(parents=True)
    found = engine.pack(tmp_path, False)
    assert [(each["agent"], each["error"]["kind"]) for each in found["failures"]] == [("one", "data_unreadable")]
    assert [each["agent"] for each in found["agents"]] == ["two"]
