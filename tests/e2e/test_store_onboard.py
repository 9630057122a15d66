# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboarding with a model store: the second tenant's model costs nothing, and agents with models of their own are still made."""

from __future__ import annotations

import os
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
    site.onboard("first", model="demo2", memory_limit="256m").ok()
    moved, taken = fetched(fault_proxy), disk(store)
    assert moved > 0
    second = site.onboard("second", model="demo2", memory_limit="256m").ok()
    assert fetched(fault_proxy) == moved
    assert disk(store) - taken < 64 * 1024
    # At most four of its tasks reach the agent host, none of them twice.
    assert len([task for task in second.tasks if task.reached_host]) <= 8
    assert any(line.startswith("Took ") for line in second.result("tenant_report")["lines"])
    assert models(site, "first") == models(site, "second") == {"demo2:latest"}
    assert generate(site.ports()["first"], "demo2") and generate(site.ports()["second"], "demo2")
    assert site.run("onboard_tenant", tenant="second").ok().changed == 0


def test_models_of_their_own_are_still_to_be_had(site: Site) -> None:
    own = {"agent_model_store": "private"}
    predicted = site.onboard("acme", "--check", **own).ok()
    done = site.onboard("acme", **own).ok()
    assert predicted.plan == done.plan
    assert "create model demo:latest on acme" in done.actions and not [a for a in done.actions if "view" in a]
    assert generate(site.ports()["acme"])
    # What is there keeps what it has, also where the default is another.
    assert site.run("onboard_tenant", tenant="acme").ok().changed == 0
    site.run("offboard_tenant", tenant="acme", remove_data=True, confirm="acme").ok()
    assert site.leftovers() == {}
