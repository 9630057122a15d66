# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A newer version of a model: who gets it when, who keeps the older one, and what comes back after the engine was killed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.support.ollama import generate, request
from tests.support.process import wait_until
from tests.support.registry import Registry
from tests.support.site import Site


def put_version(registry: Registry, version: int) -> None:
    """A model of the registry with the weights of demo, and a digest of its own."""
    manifest = registry.manifest("demo")
    for blob in [manifest["config"], *manifest["layers"]]:
        registry._mount("policed", blob["digest"])
    registry.put_manifest("policed", {**manifest, "annotations": {"version": str(version)}})


def test_a_newer_version_comes_by_policy(site: Site, registry: Registry) -> None:
    store = str(Path("/var/lib/llmops") / site.folder.name)
    site.write_inventory({"localhost": {
        "agent_model_store_path": store, "model_store_path": store, "model_store_min_free": "0",
        "model_store_mirror": registry.address, "model_store_insecure": True,
    }})
    put_version(registry, 1)
    site.onboard("acme", model="policed", memory_limit="256m").ok()

    def listed() -> str:
        [model] = request(site.ports()["acme"], "GET", "/api/tags")[0]["models"]
        return model["digest"]

    old = listed()
    put_version(registry, 2)
    newer = site.run("prefetch_models", model_store_models="policed", model_store_latest=True).ok()
    [new] = [model["digest"] for model in newer.result("model_store")["models"]]
    assert newer.actions == ["update model policed:latest"] and listed() == old != new
    assert site.run("onboard_tenant", tenant="acme", agent_model_update="pinned").ok().changed == 0
    waits = site.run("onboard_tenant", tenant="acme", agent_model_update="next_restart").ok()
    [step] = [action for _task, _host, _changed, actions in waits.plan for action in actions if action["kind"] == "view"]
    assert step["impact"] == "in_place" and listed() == old
    # What still runs with the old version keeps it, however long ago that was replaced.
    prune = {"model_store_prune": True, "model_store_grace": "0", "model_store_models": "policed"}
    left = Path(store, "agents", "gone", "upper")
    left.mkdir(parents=True)
    kept = site.run("prefetch_models", **prune).ok()
    assert kept.changed == 0 and generate(site.ports()["acme"], "policed")
    assert "gone (0 B, kept: prune_uppers is not set)" in kept.run.stdout
    # The plan says what restarts, and then it does.
    go = {"max_disruption": 100, "max_disruption_percent": 100, "agent_model_update": "at_once"}
    site.run("reconcile", "--check", output="json", output_file=str(site.folder / "report.json"), **go)
    [tenant] = json.loads((site.folder / "report.json").read_text())["tenants"]
    assert {(each["field"], each["impact"]) for each in tenant["differences"]} == {("mounted", "restart")} and listed() == old
    site.run("reconcile", **go).ok()
    assert listed() == new and generate(site.ports()["acme"], "policed")
    # So does what is left of an agent that neither the catalog nor the engine knows, and of none that they do.
    pruned = site.run("prefetch_models", **prune, model_store_prune_uppers=True).ok()
    assert [action.split()[1] for action in pruned.actions] == ["upper", "view"] and "prune upper gone" in pruned.actions
    assert os.listdir(left.parent.parent) == ["acme"]
    # The engine is killed, agents and all: what shall run comes back with its models.
    site.engine.kill()
    site.engine.start()
    site.run("reconcile", **go).ok()
    # The engine may be about to start it, too.
    wait_until(lambda: listed() == new, "the agent with its models")
    assert listed() == new and generate(site.ports()["acme"], "policed")
    # The run that brings a newer version itself tells the restart before, and gives the agent no copy of its own.
    put_version(registry, 3)
    predicted, done = (site.run("pull_model", *check, tenant="acme", model="policed", latest=True).ok() for check in (["--check"], []))
    assert predicted.plan == done.plan and done.actions == ["update model policed:latest", "switch view ollama-agent-acme"]
    assert listed() != new and not list(Path(store, "agents", "acme", "upper", "manifests").rglob("policed"))
