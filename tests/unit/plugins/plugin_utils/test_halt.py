# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A word that all hosts of a task hear, and nobody else."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.llmops.tenancy.plugins.plugin_utils.halt import Halt


def test_who_hears_it(tmp_path: Path) -> None:
    run, another = tmp_path / "run", tmp_path / "another"
    run.mkdir()
    another.mkdir()
    mine, peer = Halt(str(run), "task"), Halt(str(run), "task")
    assert peer.heard() is None
    mine.call({"host": "gpu-01", "wave": 1, "agents": ["acme"]})
    assert peer.heard() == mine.heard() == {"host": "gpu-01", "wave": 1, "agents": ["acme"]}
    # Another task of this run, and the same playbook in another run.
    assert Halt(str(run), "other").heard() is None and Halt(str(another), "task").heard() is None
    peer.call({"host": "gpu-02", "wave": 3, "agents": []})
    assert mine.heard() == {"host": "gpu-02", "wave": 3, "agents": []}
    assert [path.name for path in run.iterdir()] == ["halt-task.json"], "nothing else is left in the folder"
