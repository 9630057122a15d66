# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboarding with a model store: the second tenant's model costs nothing, and agents with models of their own are still made."""

from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path

from tests.support.ansible import run_module
from tests.support.big_model import chunks, write_big_model
from tests.support.disk import taken
from tests.support.door import REMOVES_VOLUME, RENAMES, STARTS, Door
from tests.support.faultproxy import FaultProxy
from tests.support.models import fetched
from tests.support.ollama import generate, request
from tests.support.page_cache import evict, out_of_memory, read_to_answer, unload
from tests.support.process import wait_until
from tests.support.registry import Registry
from tests.support.site import Site
from tests.support.stores import StoreFolder


def models(site: Site, agent: str) -> set[str]:
    """What an agent lists."""
    return {model["name"] for model in request(site.ports()[agent], "GET", "/api/tags")[0]["models"]}


def test_the_second_tenants_model_costs_nothing(site: Site, registry: Registry, fault_proxy: FaultProxy) -> None:
    store, file = Path("/var/lib/llmops") / site.folder.name, site.folder / "weighty.gguf"
    source = {"agent_model_mirror": fault_proxy.address, "agent_model_insecure": True}
    # Half an account would be refused; it is another mirror's, though, and not for this one.
    others = {"model_store_mirror": "mirror.example.com", "model_store_username": "hosts", "model_store_ca_path": "/nowhere/ca.crt"}
    site.write_inventory({"localhost": {"agent_model_store_path": str(store), **source, **others}})
    write_big_model(file, 5)
    weights = store / "blobs" / registry.add_model("weighty", chunks(file)).replace(":", "-")
    first = site.onboard("first", model="weighty", memory_limit="256m").ok()
    moved, sent, taken_by_one = fetched(fault_proxy), registry.sent(), taken(store)
    assert moved > file.stat().st_size
    # A model is one however it is spelled.
    second = site.onboard("second", model="registry.ollama.ai/library/weighty", memory_limit="256m").ok()
    assert fetched(fault_proxy) == moved and registry.sent() == sent
    assert taken(store) - taken_by_one < 64 * 1024
    # At most four of its tasks reach the agent host, none of them twice.
    assert len([task for task in second.tasks if task.reached_host]) <= 8
    told = [[line for line in outcome.result("tenant_report")["lines"] if line.startswith(("Store ", "Took "))] for outcome in (first, second)]
    came, took = r"Store      localhost: (.+ MiB) shared by 1 agent, {0} came over the wire, {0} more on its disk, in ", r"\d+\.\d\d s"
    assert re.fullmatch(came.format(r"\1") + took, told[0][0])
    assert re.fullmatch(came.format("0 B") + took, told[1][0]) and len(told[1]) == 2
    assert models(site, "first") == models(site, "second") == {"weighty:latest"}
    reads_once(site, weights)
    assert site.run("onboard_tenant", tenant="second").ok().changed == 0


def reads_once(site: Site, weights: Path) -> None:
    """What the first agent has read from the disk is in memory for the second one; else that one reads it, too."""
    ports, size = site.ports(), weights.stat().st_size

    def read(agent: str) -> int:
        return read_to_answer(site.engine, f"ollama-agent-{agent}", ports[agent], "weighty")

    evict(weights)
    assert read("first") > size // 2
    # A machine may let go of some megabytes by itself meanwhile.
    lost = out_of_memory(weights)
    assert lost < size // 2 and read("second") < lost + size // 2
    for agent in ("first", "second"):
        unload(ports[agent], "weighty")
    evict(weights)
    assert read("second") > size // 2


def test_models_of_their_own_move_to_the_store_and_back(site: Site, registry: Registry, fault_proxy: FaultProxy) -> None:
    store = str(Path("/var/lib/llmops") / site.folder.name)
    source = {"agent_model_mirror": fault_proxy.address, "agent_model_insecure": True}
    site.write_inventory({"localhost": {"agent_model_store_path": store, **source}})
    agents = [{"agent": name, "models": models, "memory_limit": "256m"}
              for name, models in {"acme": ["demo", "registry.ollama.ai/library/demo2"], "acme-idle": ["library/demo2"]}.items()]
    own = {"agent_model_store": "private"}
    predicted = site.onboard("acme", "--check", agents=agents, **own).ok()
    done = site.onboard("acme", agents=agents, **own).ok()
    assert predicted.plan == done.plan
    assert "create model demo:latest on acme" in done.actions and not [a for a in done.actions if "view" in a]
    port = site.ports()["acme"]
    # What is there keeps what it has, also where the default is another.
    assert site.run("onboard_tenant", tenant="acme").ok().changed == 0
    request(port, "POST", "/api/create", {"model": "mine", "from": "demo2", "system": "You are mine."})
    # Of its models that the record names, one that no registry has.
    site.onboard("acme", agents=[{**agents[0], "models": [*agents[0]["models"], "mine"]}, agents[1]], **own).ok()
    site.run("stop_agent", tenant="acme", agent="acme-idle").ok()
    # What is in a volume of the agent's own can be promoted, too; the blobs of its base are copied with it.
    other = StoreFolder(Path(f"{store}-other"))
    promotion = other.params(model="tune", agent="acme", agent_model="mine", docker_host=site.engine.url)
    promised, promoted = (run_module("model_store", promotion, check=check).ok() for check in (True, False))
    assert promised["actions"] == promoted["actions"] and promised["seeded"] == promoted["seeded"] == promoted["models"][0]["size"]
    other.assert_sound()
    other.assert_tidy()
    moved = fetched(fault_proxy)
    predicted = site.run("migrate_to_store", "--check", tenant="acme").ok()
    assert predicted.changed and not os.path.isdir(store)
    done = site.run("migrate_to_store", tenant="acme").ok()
    assert predicted.plan == done.plan
    # Not a byte of a model came a second time, and what the tenant made is its own.
    assert fetched(fault_proxy) == moved
    assert models(site, "acme") == {"demo:latest", "demo2:latest", "mine:latest"}
    assert generate(port, "mine") and generate(port, "demo2")
    lines = done.result("tenant_report")["lines"]
    assert any("acme-idle to shared models: " in line and "0 B its own (demo2:latest)" in line for line in lines), lines
    assert site.engine.inspect("ollama-agent-acme-idle")["State"]["Running"] is False
    assert site.run("migrate_to_store").ok().changed == 0
    # And back.
    predicted = site.run("migrate_to_store", "--check", tenant="acme", agent="acme", migrate="private").ok()
    done = site.run("migrate_to_store", tenant="acme", agent="acme", migrate="private").ok()
    assert predicted.plan == done.plan
    assert fetched(fault_proxy) == moved and models(site, "acme") == {"demo:latest", "demo2:latest", "mine:latest"}
    assert generate(port, "mine")
    assert site.run("migrate_to_store", agent="acme", migrate="private").ok().changed == 0
    # What the inventory lets it have of its own is less than it has: no further model, not even one of its record.
    site.write_inventory({"localhost": {
        "agent_model_store_path": store, "model_store_path": store, "model_store_private_limit": "8k", **source,
    }})
    request(port, "DELETE", "/api/delete", {"model": "demo2"})
    refused = site.run("pull_model", tenant="acme", agent="acme", model="demo2")
    assert "demo2" in refused.error and "8.0 KiB" in refused.error and fetched(fault_proxy) == moved
    # Killed while it moves them: when the agent is stopped, when its volume is another one, when it has its view.
    name, engine = "ollama-agent-acme", site.engine
    moments = {
        REMOVES_VOLUME: lambda: name not in engine.docker("ps", "--format", "{{.Names}}").split(),
        RENAMES: lambda: "overlay" in engine.docker("volume", "inspect", name),
        STARTS: Path(store, "agents", "acme", "view").is_symlink,
    }
    with closing(Door(engine.socket)) as door:
        for asked, reached in moments.items():
            hold = door.hold(asked)
            run = site.start("migrate_to_store", env={"DOCKER_HOST": door.url}, tenant="acme", agent="acme")
            wait_until(lambda hold=hold, run=run: hold.reached or run.process.poll() is not None, "the moment")
            assert hold.reached and reached(), run.told()
            run.kill()
            hold.end(passes=False)
    site.run("migrate_to_store", tenant="acme", agent="acme").ok()
    assert models(site, "acme") == {"demo:latest", "demo2:latest", "mine:latest"} and fetched(fault_proxy) == moved
    assert generate(port, "mine") and generate(port, "demo2")
    # The table names who uses a model, and who has more of its own than it may.
    shown = site.run("model_store_status").ok().run.stdout
    [row] = [line for line in shown.splitlines() if line.startswith("localhost") and "demo2:latest" in line]
    assert "acme, acme-idle" in row and "over their limit: acme" in shown and "over their limit: acme," not in shown
    site.run("offboard_tenant", tenant="acme", remove_data=True, confirm="acme").ok()
    assert site.leftovers() == {}
