# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model that a tenant made for itself is promoted for others, and nothing else of that tenant gets into the store."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.ansible import ModuleRun
from tests.support.faultproxy import FaultProxy
from tests.support.models import fetched
from tests.support.ollama import generate, request
from tests.support.registry import Registry
from tests.support.site import Outcome, Site
from tests.support.store import Store
from tests.support.stores import ModuleProcess, StoreFolder

LIBRARY = "manifests/registry.ollama.ai/library"
# What a run is about to do when it is killed: a copy takes its place, what is left of it goes, its origin and its name.
MOMENTS = (
    r"os\.rename .*/partial/[^']*/seed', '[^']*/blobs/",
    r"shutil\.rmtree .*/partial/",
    r"os\.rename .*/staging/[0-9a-f]+', '[^']*/origins/",
    r"os\.rename .*/staging/[0-9a-f]+', '[^']*/manifests/",
)


def listed(port: int) -> dict[str, str]:
    """Digest by name, as an agent lists its models."""
    return {model["name"]: model["digest"] for model in request(port, "GET", "/api/tags")[0]["models"]}


def tune(port: int, system: str) -> str:
    """Have a tenant make a model of its own; its digest."""
    request(port, "POST", "/api/create", {"model": "acme-tune", "from": "demo", "system": system})
    return listed(port)["acme-tune:latest"]


def test_a_tenants_own_model_is_promoted_for_another(
    site: Site, registry: Registry, fault_proxy: FaultProxy, run_module: Callable[..., ModuleRun]
) -> None:
    store = StoreFolder(Path("/var/lib/llmops") / site.folder.name)
    site.write_inventory({"localhost": {
        "agent_model_store_path": str(store.root), "model_store_min_free": "0", "agent_model_mirror": fault_proxy.address,
        "agent_model_insecure": True,
    }})
    site.onboard("acme", model="demo", memory_limit="256m").ok()
    acme = site.ports()["acme"]
    first, blobs, came = tune(acme, "You are acme."), store.blobs(), fetched(fault_proxy)
    promotion = {"agent": "acme", "promote": "acme-tune", "promote_as": "tune:v2"}

    def promote(*args: str, **more: Any) -> Outcome:
        return site.run("promote_model", *args, **promotion, **more)

    predicted = promote("--check").ok()
    assert store.blobs() == blobs
    done = promote().ok()
    assert predicted.plan == done.plan and done.actions == ["promote model tune:v2"]
    told = done.result("model_store")
    assert 0 < told["seeded"] == told["added"] < told["models"][0]["size"] and told["downloaded"] == 0
    # Another tenant that is entitled to it has it at once; nothing came over the wire, and the first one goes on.
    blue_agent = [{"agent": "blue", "models": ["demo", "tune:v2"], "memory_limit": "256m"}]
    site.onboard("blue", agents=blue_agent).ok()
    blue = site.ports()["blue"]
    assert listed(blue)["tune:v2"] == first and set(listed(blue)) == {"demo:latest", "tune:v2"}
    assert request(blue, "POST", "/api/show", {"model": "tune:v2"})[0]["system"] == "You are acme."
    assert generate(blue, "tune:v2") and generate(acme, "acme-tune") and fetched(fault_proxy) == came
    # The tenant makes another one: that does not get under the same name by itself, and who sees the old one is told.
    second = tune(acme, "You are another acme.")
    assert second != first
    refused = promote()
    assert refused.run.rc != 0 and "blue sees" in refused.error and "promote_replace=true" in refused.error
    replaced = promote(promote_replace=True).ok()
    assert replaced.actions == ["update model tune:v2"] and "tune:v2 of the store was" in replaced.run.output
    assert listed(blue)["tune:v2"] == first
    updated = site.run("onboard_tenant", tenant="blue").ok()
    assert "switch view ollama-agent-blue" in updated.actions and listed(blue)["tune:v2"] == second and generate(blue, "tune:v2")
    store.assert_sound()
    store.assert_tidy()
    stored = run_module("model_store_info", {"store": str(store.root)}).ok()["models"]
    origins = {model["model"]: model["origin"] for model in stored}
    assert origins["tune:v2"] == "acme-tune:latest of agent acme, promoted" and "demo.gguf" in origins["demo:latest"]


def own_models(store: Store, **names: str) -> Path:
    """A directory of an agent that has copies of models of the store, under names of its own; they leave the store."""
    upper = Path(store.layout.agent("acme").upper)
    (upper / "blobs").mkdir(parents=True)
    for own, name in names.items():
        place = upper / LIBRARY / own / "latest"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(store.layout.manifest(name), place)
    for blob in Path(store.layout.blobs).iterdir():
        shutil.move(blob, upper / "blobs")
    return upper


def test_a_hostile_directory_gives_nothing_away(bench: Any, registry: Registry, run_module: Callable[..., ModuleRun]) -> None:
    store = Store(bench.folder / f"store-{time.monotonic_ns()}")
    store.add("mine")
    store.add("secret", "demo2")
    upper = own_models(store, mine="mine", wanted="secret")
    # What another tenant has of the store, as it is without this agent.
    secret = (upper / LIBRARY / "wanted" / "latest").read_bytes()
    store.add("secret", "demo2")
    sound = StoreFolder(store.root)
    for blob in (path for path in (upper / "blobs").iterdir() if Path(store.layout.blobs, path.name).exists()):
        with blob.open("r+b") as file:
            file.write(bytes(blob.stat().st_size))
    assert (upper / LIBRARY / "wanted" / "latest").read_bytes() == secret
    for name in ("linked", "piped", "device", "deep"):
        (upper / LIBRARY / name).mkdir()
    (upper / LIBRARY / "linked" / "latest").symlink_to(store.layout.manifest("secret"))
    os.mkfifo(upper / LIBRARY / "piped" / "latest")
    os.mknod(upper / LIBRARY / "device" / "latest", 0o20666, os.makedev(1, 5))
    (upper / LIBRARY / "deep" / "latest").write_bytes(b"[" * 500_000)
    (upper / LIBRARY / "aside").symlink_to(store.root / LIBRARY / "secret")
    before, blobs = store.checksums("acme"), sound.blobs()
    names = ["wanted", "linked", "piped", "device", "deep", "aside"]
    params = sound.params(models=[{"model": f"new-{name}", "agent": "acme", "agent_model": name} for name in names])
    for check in (True, False):
        refused = run_module("model_store", params, check=check)
        assert [model["status"] for model in refused.result["models"]] == ["failed"] * len(names)
        kinds = [model["error"]["kind"] for model in refused.result["models"]]
        assert kinds == ["model_unsound", *["model_not_own"] * 3, "bad_manifest", "model_not_own"]
        assert store.checksums("acme") == before and sound.blobs() == blobs


def test_a_promotion_that_is_killed_converges(bench: Any, registry: Registry, run_module: Callable[..., ModuleRun]) -> None:
    store = Store(bench.folder / f"store-{time.monotonic_ns()}")
    store.add("mine")
    own_models(store, mine="mine")
    sound = StoreFolder(store.root)
    params = sound.params(model="tune", agent="acme", agent_model="mine")
    for moment in MOMENTS:
        run = ModuleProcess("model_store", params, stop_at=moment)
        run.wait_stopped()
        run.kill()
        assert sound.models() == {}, moment
        sound.assert_sound()
    predicted = run_module("model_store", params, check=True).ok()
    done = run_module("model_store", params).ok()
    assert done["actions"] == predicted["actions"] and done["seeded"] == predicted["seeded"] == 0
    run_module("model_store", {**params, "prune": True, "grace": "0"}).ok()
    sound.assert_sound()
    sound.assert_tidy()
