# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of the model stores: filled before the tenants come, with progress, and shown as a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.models import BLOBS
from tests.support.registry import Registry
from tests.support.stores import StoreFolder


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:
    registry.add_big_model("store-play", 16)
    return "store-play"


def test_hosts_are_filled_with_progress_and_shown(tmp_path: Path, registry, big, fault_proxy, run_playbook):
    store = StoreFolder(tmp_path / "models")
    fault_proxy.add(path=BLOBS, rate=2 << 20)
    place = ["-i", "inventories/local", "-e", f"model_store_path={store.root}"]
    status = ["playbooks/model_store_status.yml", *place]
    wanted = [
        "playbooks/prefetch_models.yml", *place, "-e", f"model_store_models={big},demo", "-e", "model_store_min_free=0",
        "-e", f"model_store_mirror={fault_proxy.address}", "-e", "model_store_insecure=true",
    ]
    predicted = run_playbook([*wanted, "--check"]).ok()
    assert predicted.changed == 1 and "would come" in predicted.stdout and not store.root.exists()
    done = run_playbook(wanted).ok()
    assert done.changed == 1
    assert "of 2 models done, " in done.stdout and " in all, " in done.stdout
    assert f"{big} on the model store: " in done.stdout
    assert run_playbook(wanted).ok().changed == 0
    store.assert_sound()
    store.assert_tidy()
    shown = run_playbook(status).ok().stdout
    [row] = [line.split() for line in shown.splitlines() if f"{big}:latest" in line and line.startswith("localhost")]
    assert row[:2] == ["localhost", f"{big}:latest"] and row[5] == "complete"
    assert "0 agents see 0 B" in shown
    written = tmp_path / "stores.json"
    run_playbook([*status, "-e", "output=json", "-e", f"output_file={written}"]).ok()
    models = json.loads(written.read_text())["stores"]["localhost"]["models"]
    assert [model["model"] for model in models] == ["demo:latest", f"{big}:latest"]
    misspelled = run_playbook([*wanted, "-e", "model_store_model=demo"])
    assert misspelled.rc != 0 and "model_store_models" in misspelled.output
