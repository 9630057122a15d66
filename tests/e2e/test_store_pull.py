# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model store is filled: exact in check mode, idempotent, once for two runs, and never with half a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.models import BLOBS, fetched
from tests.support.process import wait_until
from tests.support.registry import Registry
from tests.support.stores import ModuleProcess, StoreFolder

SIZE_MB = 16
TOTAL = SIZE_MB << 20
BIG_MB = 128
LIBRARY = "registry.ollama.ai/library"


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:
    registry.add_big_model("store-big", SIZE_MB)
    return "store-big"


@pytest.fixture
def store(tmp_path: Path) -> StoreFolder:
    return StoreFolder(tmp_path / "models")


def without_invocation(result: dict) -> dict:
    return {key: value for key, value in result.items() if key != "invocation"}


def four_times(run_module, params: dict, *verbs: str) -> dict:
    """Check, real, check, real: the second two change nothing. The result of the real one."""
    predicted = run_module("model_store", params, check=True, diff=True).ok()
    done = run_module("model_store", params, diff=True).ok()
    assert without_invocation(done) == without_invocation(predicted)
    assert [action["action"] for action in done["actions"]] == list(verbs)
    for check in (True, False):
        again = run_module("model_store", params, check=check, diff=True).ok()
        assert not again["changed"] and again["actions"] == [] and again["downloaded"] == 0
        assert again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]
    return done


def test_check_names_exactly_what_the_run_does(store, registry, run_module):
    wanted = store.params(registry.address, models=[{"model": "demo"}, {"model": "demo2", "state": "latest"}])
    done = four_times(run_module, wanted, "create", "pull", "pull")
    assert list(store.models()) == [f"{LIBRARY}/demo/latest", f"{LIBRARY}/demo2/latest"]
    assert done["downloaded"] == sum(path.stat().st_size for path in (store.root / "blobs").iterdir())
    four_times(run_module, store.params(registry.address, model="demo", state="absent"), "remove")
    assert list(store.models()) == [f"{LIBRARY}/demo2/latest"]
    store.assert_sound()
    store.assert_tidy()


def test_latest_moves_on_and_a_tag_of_the_same_weights_costs_nothing(store, registry, fault_proxy, run_module):
    registry.add_big_model("store-moving", 1)
    four_times(run_module, store.params(registry.address, model="store-moving"), "create", "pull")
    manifest = registry.manifest("store-moving")
    registry.put_manifest("store-moving", manifest, tag="same")
    same = run_module("model_store", store.params(fault_proxy, model="store-moving:same")).ok()
    assert (same["downloaded"], fetched(fault_proxy)) == (0, 0)
    registry.add_big_model("store-moved", 2)
    newer = registry.manifest("store-moved")
    for layer in newer["layers"]:
        registry._mount("store-moving", layer["digest"])
    registry.put_manifest("store-moving", newer)
    assert not run_module("model_store", store.params(registry.address, model="store-moving")).ok()["changed"]
    done = four_times(run_module, store.params(registry.address, model="store-moving", state="latest"), "update")
    [action] = done["actions"]
    assert action["fields"]["digest"]["after"] == store.models()[f"{LIBRARY}/store-moving/latest"]
    store.assert_sound()


def test_names_with_registry_namespace_and_tag(store, registry, run_module):
    manifest = registry.manifest("demo")
    for blob in [manifest["config"], *manifest["layers"]]:
        registry._request("POST", f"/v2/team/fine-tune/blobs/uploads/?mount={blob['digest']}&from=library/demo")
    registry._request(
        "PUT", "/v2/team/fine-tune/manifests/q4_K", json.dumps(manifest).encode(),
        {"Content-Type": manifest["mediaType"]},
    )
    name = f"{registry.address}/team/fine-tune:q4_K"
    done = four_times(run_module, store.params(model=name, insecure=True), "create", "pull")
    assert done["models"][0]["model"] == name
    assert list(store.models()) == [f"{registry.address}/team/fine-tune/q4_K"]
    # A registry that was named is never asked by plain HTTP unless that is said.
    refused = run_module("model_store", store.params(model=name.replace("q4_K", "q5")))
    assert refused.result["error"]["kind"] == "mirror_speaks_http"


def test_two_runs_at_once_download_once_and_the_second_says_that_it_waits(store, big, fault_proxy, run_module):
    hold = fault_proxy.add(path=BLOBS, hold_after=1 << 20)
    first = ModuleProcess("model_store", store.params(fault_proxy, model=big))
    wait_until(lambda: fetched(fault_proxy) >= 1 << 20, "the first run's first megabyte")
    second = run_module("model_store", store.params(fault_proxy, model=big, patience=1.0)).ok()
    seen = second["models"][0]["progress"]["phase"]
    while second.get("job"):
        seen = second["models"][0]["progress"]["phase"] if "wait" not in seen else seen
        hold.held = "wait" not in seen
        following = store.params(fault_proxy, model=big, job=second["job"]["name"], patience=1.0)
        second = run_module("model_store", following).ok()
    assert seen == "waiting for another run that pulls it"
    assert first.result()["models"][0]["status"] == second["models"][0]["status"] == "present"
    assert fetched(fault_proxy) < TOTAL * 1.1
    store.assert_sound()
    store.assert_tidy()


def test_what_was_damaged_by_hand_is_found_and_mended(store, registry, big, fault_proxy, run_module):
    params = store.params(fault_proxy, models=[{"model": big}, {"model": "demo"}])
    run_module("model_store", params).ok()
    weights = max((store.root / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    inode = weights.stat().st_ino
    with weights.open("r+b") as file:
        file.seek(TOTAL // 2)
        file.write(b"damage")
    assert not run_module("model_store", params).ok()["changed"]
    fault_proxy.requests.clear()
    done = four_times(run_module, store.params(fault_proxy, verify=True), "repair")
    assert [len(model["mended"]) for model in sorted(done["models"], key=lambda one: one["model"])] == [0, 1]
    # In its place, so that agents which have it open and views that link it are mended, too.
    assert weights.stat().st_ino == inode
    store.assert_sound()
    weights.unlink()
    four_times(run_module, params, "repair")
    store.assert_sound()
    store.assert_tidy()


def test_what_an_agent_has_is_taken_instead_of_pulled_also_after_a_kill(store, registry, fault_proxy, run_module, tmp_path):
    registry.add_big_model("store-seed", BIG_MB)
    volume = StoreFolder(tmp_path / "volume")
    run_module("model_store", volume.params(registry.address, model="store-seed")).ok()
    params = store.params(fault_proxy, model="store-seed", seeds=[str(tmp_path / "nowhere"), str(volume.root)])
    run = ModuleProcess("model_store", params)
    wait_until(lambda: list(store.root.glob("partial/*/seed")) or not run.running(), "the copy")
    run.kill()
    store.assert_sound()
    predicted = run_module("model_store", params, check=True).ok()
    done = run_module("model_store", params).ok()
    assert done["actions"] == predicted["actions"] and done["downloaded"] == predicted["downloaded"] == 0
    assert done["seeded"] == predicted["seeded"] and store.models() == volume.models()
    assert fetched(fault_proxy) == 0
    store.assert_sound()
    store.assert_tidy()
