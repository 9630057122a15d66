# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboarding with a model store: the second tenant's model costs nothing, and agents with models of their own are still made."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.support.faultproxy import FaultProxy
from tests.support.models import fetched
from tests.support.ollama import generate, request
from tests.support.registry import Registry
from tests.support.site import Site


def disk(folder: str) -> int:
    """Bytes of disk below a folder, each file once."""
    seen = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            found = os.lstat(os.path.join(place, name))
            seen[found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


def models(site: Site, agent: str) -> set[str]:
    """What an agent lists."""
    return {model["name"] for model in request(site.ports()[agent], "GET", "/api/tags")[0]["models"]}


def test_the_second_tenants_model_costs_nothing(site: Site, registry: Registry, fault_proxy: FaultProxy) -> None:
    store = str(Path("/var/lib/llmops") / site.folder.name)
    source = {"agent_model_mirror": fault_proxy.address, "agent_model_insecure": True}
    site.write_inventory({"localhost": {"agent_model_store_path": store, **source}})
    first = site.onboard("first", model="demo2", memory_limit="256m").ok()
    moved, taken = fetched(fault_proxy), disk(store)
    assert moved > 0
    second = site.onboard("second", model="demo2", memory_limit="256m").ok()
    assert fetched(fault_proxy) == moved
    assert disk(store) - taken < 64 * 1024
    # At most four of its tasks reach the agent host, none of them twice.
    assert len([task for task in second.tasks if task.reached_host]) <= 8
    told = [[line for line in outcome.result("tenant_report")["lines"] if line.startswith(("Store ", "Took "))] for outcome in (first, second)]
    assert re.fullmatch(r"Store      localhost: (.+ KiB) shared by 1 agent, \1 came over the wire, \1 more on its disk", told[0][0])
    assert told[1][0].endswith(" KiB shared by 1 agent, 0 B came over the wire, 0 B more on its disk") and len(told[1]) == 2
    assert models(site, "first") == models(site, "second") == {"demo2:latest"}
    assert generate(site.ports()["first"], "demo2") and generate(site.ports()["second"], "demo2")
    assert site.run("onboard_tenant", tenant="second").ok().changed == 0


def test_models_of_their_own_move_to_the_store_and_back(site: Site, registry: Registry, fault_proxy: FaultProxy) -> None:
    store = str(Path("/var/lib/llmops") / site.folder.name)
    source = {"agent_model_mirror": fault_proxy.address, "agent_model_insecure": True}
    site.write_inventory({"localhost": {"agent_model_store_path": store, **source}})
    agents = [{"agent": name, "models": [*models, "demo2"], "memory_limit": "256m"}
              for name, models in {"acme": ["demo"], "acme-idle": []}.items()]
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
    site.run("offboard_tenant", tenant="acme", remove_data=True, confirm="acme").ok()
    assert site.leftovers() == {}
