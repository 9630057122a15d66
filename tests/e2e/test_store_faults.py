# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model store when pulls go wrong: lines that break, stall or lie, registries that refuse, full disks, killed runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.disk import fill, small_disk
from tests.support.models import BLOBS, fetched
from tests.support.process import wait_until
from tests.support.registry import Registry
from tests.support.stores import ModuleProcess, StoreFolder

SIZE_MB = 16
TOTAL = SIZE_MB << 20


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:
    registry.add_big_model("store-fault", SIZE_MB)
    return "store-fault"


@pytest.fixture
def store(tmp_path: Path) -> StoreFolder:
    return StoreFolder(tmp_path / "models")


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_after": 3 << 20, "times": 3},
        {"stall_after": 1 << 20, "times": 4},
        {"corrupt_at": 1 << 20, "times": 1},
        {"status": 503, "times": 2},
        {"status": 429, "times": 2, "headers": {"Retry-After": "1"}},
        {"refuse": True, "times": 2},
    ],
    ids=["cut", "stall", "corrupt", "503", "429", "refused"],
)
def test_a_fault_that_passes_is_overcome_within_the_run(store, big, fault_proxy, run_module, fault):
    fault_proxy.add(path=BLOBS, method="GET", **fault)
    done = run_module("model_store", store.params(fault_proxy, model=big, stall_timeout=5)).ok()
    assert done["models"][0]["status"] == "present"
    store.assert_sound()
    store.assert_tidy()
    # Wrong bytes cost the whole blob once more; all else only what was on its way in the connection that failed.
    assert fetched(fault_proxy) < TOTAL * (2.3 if "corrupt_at" in fault else 1.6)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ({"path": BLOBS, "cut_after": 0}, "registry_unreachable", "given up after"),
        ({"path": BLOBS, "stall_after": 0}, "stalled", "no byte came"),
        ({"path": BLOBS, "corrupt_at": 1 << 20}, "digest_mismatch", "twice"),
        ({"path": BLOBS, "status": 404}, "layer_not_in_registry", "push the model"),
        ({"path": "manifests", "status": 404}, "model_not_in_registry", "store-fault"),
        ({"path": "manifests", "status": 401}, "registry_denied", "username and password"),
        ({"path": "manifests", "status": 429}, "registry_busy", "limits"),
        ({"path": BLOBS, "status": 200, "body": b"x" * 1000}, "wrong_length", "1000"),
    ],
    ids=["cut", "stall", "corrupt", "no blob", "no model", "401", "429", "wrong length"],
)
def test_a_fault_that_stays_is_named_and_nothing_is_visible(store, big, fault_proxy, run_module, fault, kind, words):
    fault_proxy.add(**fault)
    params = store.params(fault_proxy, model=big, stall_timeout=1 if kind == "stalled" else 30, retries=1)
    failed = run_module("model_store", params)
    assert failed.failed and failed.result["error"]["kind"] == kind, failed.result
    assert words.lower() in failed.msg.lower()
    assert failed.result["models"][0]["status"] == "failed"
    assert [action["action"] for action in failed.result["actions"]] == ["create"]
    assert store.models() == {}
    fault_proxy.clear()
    assert run_module("model_store", {**params, "stall_timeout": 30}).ok()["changed"]
    store.assert_sound()
    store.assert_tidy()


def test_one_model_that_fails_keeps_no_other_from_coming(store, registry, run_module):
    params = store.params(registry.address, models=[{"model": "demonstration"}, {"model": "demo"}])
    predicted = run_module("model_store", params, check=True)
    failed = run_module("model_store", params)
    assert predicted.result["error"] == failed.result["error"]
    assert [model["status"] for model in failed.result["models"]] == ["failed", "present"]
    assert "Did you mean 'library/demo" in failed.msg
    assert len(store.models()) == 1


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(big, fault_proxy, run_module):
    with small_disk(8, "ext4") as folder:
        store = StoreFolder(folder / "models")
        for check in (True, False):
            failed = run_module("model_store", store.params(fault_proxy, model=big), check=check)
            assert failed.result["error"]["kind"] == "disk_full"
            assert "16.2 MiB are still to come" in failed.msg and f"{folder / 'models'} has " in failed.msg
        assert fetched(fault_proxy) == 0


def remembered(store: StoreFolder) -> int:
    """Bytes of downloads that were cut off which the next run won't fetch again."""
    states = [json.loads(path.read_text()) for path in (store.root / "partial").glob("*/state.json")]
    return sum(end - start for state in states for start, end in state["done"])


def test_a_disk_that_fills_up_half_way_is_told_and_the_next_run_goes_on(big, fault_proxy, run_module):
    with small_disk(24, "ext4") as folder:
        store = StoreFolder(folder / "models")
        # Each of the answers that bring a part of 4 MiB.
        hold = fault_proxy.add(path=BLOBS, hold_after=3 << 20)
        run = ModuleProcess("model_store", store.params(fault_proxy, model=big))
        wait_until(lambda: remembered(store) >= TOTAL // 4, "what the next run goes on from")
        filler = fill(folder)
        hold.held = False
        failed = run.result()
        assert failed["error"]["kind"] == "disk_full" and "are still to come" in failed["msg"], failed["msg"]
        assert store.models() == {}
        filler.unlink()
        before = fetched(fault_proxy)
        run_module("model_store", store.params(fault_proxy, model=big)).ok()
        assert fetched(fault_proxy) - before < 0.9 * TOTAL
        store.assert_sound()
        store.assert_tidy()


# What a run is about to do when it is killed, by the audit events of Python: file systems give no moment as short as these.
PULLS, STEP = 12, 256 << 10
OF_A_PULL = (
    # Noting which bytes are there; a blob whose checksum was found right; its rename; what is left of its download.
    r"os\.rename .*/partial/[^']*/state\.json'",
    r"os\.chmod .*/partial/[^']*/data'",
    r"os\.rename .*/partial/[^']*/data', '[^']*/blobs/",
    r"shutil\.rmtree .*/partial/",
    # All blobs are there: the manifest aside, and its rename.
    r"os\.chmod .*/staging/[0-9a-f]+'",
    r"os\.rename .*/staging/[0-9a-f]+', '[^']*/manifests/",
)
# Reading what is there, and writing right bytes over wrong ones.
OF_A_CHECK = (r"open \('[^']*/blobs/[^']*', 'rb?'", r"open \('[^']*/blobs/[^']*', 'r\+b?'")


def test_a_run_that_is_killed_at_twenty_moments_converges(store, big, fault_proxy, run_module):
    params = store.params(fault_proxy, models=[{"model": big}, {"model": "demo"}])
    # Each of the answers that bring a part of 4 MiB stops there, so that no run is through before it is killed.
    hold = fault_proxy.add(path=BLOBS, hold_after=STEP)
    for moment in range(PULLS):
        run, before = ModuleProcess("model_store", params), fetched(fault_proxy)
        wait_until(lambda: fetched(fault_proxy) - before >= STEP * (moment % 3 + 1) or not run.running(), "bytes")
        assert run.running()
        run.kill()
        assert store.models() == {}
        if moment % 5 == 0:
            store.assert_sound()
    fault_proxy.faults.remove(hold)
    hold.held = False
    for moment in OF_A_PULL:
        killed_at(moment, params)
        assert store.models() == {}, moment
        store.assert_sound()
    done = run_module("model_store", params).ok()
    assert [model["status"] for model in done["models"]] == ["present", "present"]
    assert not run_module("model_store", params).ok()["changed"]
    # What a run leaves that is killed after a rename, or before the last one, is garbage.
    pruned = run_module("model_store", {**params, "prune": True, "grace": "0"}).ok()
    assert {each["kind"] for each in pruned["garbage"]} == {"partial", "staging"}
    assert not run_module("model_store", {**params, "prune": True, "grace": "0"}).ok()["changed"]
    store.assert_sound()
    store.assert_tidy()
    # What each attempt had in flight when it was killed came again, and no more; a slow machine has more of it.
    assert fetched(fault_proxy) < 4 * TOTAL

    blob = max((store.root / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    with blob.open("r+b") as file:
        file.seek(-64, 2)
        file.write(b"damaged!")
    before = store.models()
    for moment in OF_A_CHECK:
        killed_at(moment, {**params, "verify": True})
        assert store.models() == before
    healed = run_module("model_store", {**params, "verify": True}).ok()
    assert [each for model in healed["models"] for each in model["mended"]] == [blob.name.replace("-", ":")]
    assert not run_module("model_store", {**params, "verify": True}).ok()["changed"]
    store.assert_sound()
    store.assert_tidy()


def killed_at(moment: str, params: dict[str, Any]) -> None:
    """A run that is killed the first time that it is about to do something."""
    run = ModuleProcess("model_store", params, stop_at=moment)
    run.wait_stopped()
    run.kill()
