# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of the model stores: filled before the tenants come, with progress, and shown as a table."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from tests.support.ansible import Playbook
from tests.support.models import stop_on_the_way
from tests.support.registry import Registry, demo_digest, other_weights
from tests.support.settings import ROOT
from tests.support.stores import ModuleProcess, StoreFolder

PLAYBOOKS, INVENTORY = ROOT / "playbooks", ROOT / "inventories" / "local"
SIZE = 1 << 20


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:
    registry.add_big_model("store-play", 16)
    return "store-play"


def test_hosts_are_filled_with_progress_and_shown(tmp_path: Path, registry, big, fault_proxy, run_playbook):
    store = StoreFolder(tmp_path / "models")
    place = ["-i", str(INVENTORY), "-e", f"model_store_path={store.root}"]
    status = ["playbooks/model_store_status.yml", *place]
    wanted = [
        "playbooks/prefetch_models.yml", *place, "-e", f"model_store_models={big},demo", "-e", "model_store_min_free=0",
        "-e", f"model_store_mirror={fault_proxy.address}", "-e", "model_store_insecure=true",
        "-e", "model_store_connections=3", "-e", "model_store_stall_timeout=90", "-e", "model_store_retries=6",
    ]
    predicted = run_playbook([*wanted, "--check"]).ok()
    assert predicted.changed == 1 and "would come" in predicted.stdout and not store.root.exists()
    run = Playbook(wanted)
    # Each of the answers that bring a part of 4 MiB.
    stop_on_the_way(fault_proxy, 4 << 20, lambda: re.findall("of 2 models done, ", run.told()))
    done = run.wait().ok()
    assert done.changed == 1
    assert "of 2 models done, " in done.stdout and " in all, " in done.stdout
    assert f"{big} on the model store: " in done.stdout
    # A blob is damaged, and comes back.
    damaged = store.blob(demo_digest())
    damaged.chmod(0o644)
    damaged.write_bytes(other_weights(damaged.read_bytes()))
    mended = run_playbook([*wanted, "-e", "model_store_verify=true"]).ok()
    assert mended.changed == 1
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
    # What is exported to the controller fills the store of a site without network.
    archive, there = tmp_path / "models.tar", StoreFolder(tmp_path / "there")
    exported = run_playbook([str(PLAYBOOKS / "export_models.yml"), *place, "-e", f"model_export_fetch={archive.name}"], cwd=tmp_path).ok()
    [checksum] = set(re.findall(r"checksum (sha256:[0-9a-f]{64})", exported.stdout))
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    taken = [
        str(PLAYBOOKS / "prefetch_models.yml"), "-i", str(INVENTORY), "-e", f"model_store_path={there.root}", "-e", "model_store_min_free=0",
        "-e", f"model_store_archive={archive.name}", "-e", f"model_store_checksum={checksum}",
    ]
    assert run_playbook([*taken, "--check"], cwd=tmp_path).ok().changed == 1 and not there.root.exists()
    assert run_playbook(taken, cwd=tmp_path).ok().changed == 1 and there.models() == store.models()
    there.assert_sound()
    there.assert_tidy()
    misspelled = run_playbook([*wanted, "-e", "model_store_model=demo"])
    assert misspelled.rc != 0 and "model_store_models" in misspelled.output


def test_an_export_that_is_killed_leaves_no_archive_and_the_next_one_is_whole(tmp_path: Path, run_playbook) -> None:
    store = StoreFolder(tmp_path / "models")
    layout = Layout(str(store.root))
    layout.prepare()
    weights = {f"sha256:{hashlib.sha256(body).hexdigest()}": body for body in (bytes(SIZE), b"x" * SIZE)}
    for digest, body in weights.items():
        store.blob(digest).write_bytes(body)
    manifest = json.dumps({"layers": [{"digest": digest, "size": SIZE} for digest in weights]}).encode()
    commit.commit(layout, "large", content.parse(manifest, "large"))
    archive = tmp_path / "there" / "models.tar"
    archive.parent.mkdir()
    # When nothing of the one is written, when one of two is, and right before the archive gets its name.
    for moment in (*(rf"open \('{store.blob(digest)}'" for digest in weights), r"os\.rename .*/there/\.models\.tar\."):
        run = ModuleProcess("model_export", {"store": str(store.root), "path": str(archive)}, stop_at=moment)
        run.wait_stopped()
        run.kill()
        assert [path.name[:12] for path in archive.parent.iterdir()] == [".models.tar."], moment
    command = [
        "playbooks/export_models.yml", "-i", "inventories/local", "-e", f"model_export_store={store.root}", "-e", f"model_export_path={archive}",
    ]
    run_playbook(command).ok()
    assert os.listdir(archive.parent) == [archive.name] and archive.stat().st_size > 2 * SIZE
    assert run_playbook(command).ok().changed == 0
    archive.unlink()
