# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several agent hosts of the bench: machines of their own, of which one is slow, full or down."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from tests.support.ansible import run_module
from tests.support.fixtures import Database
from tests.support.hosts import AgentHost, agent_hosts
from tests.support.site import Site
from tests.support.store import Store

WRITES = ["sh", "-c", "head -c 1048576 /dev/zero > /var/lib/llmops/file && echo written"]
# What the agent itself answers on its port of 127.0.0.1, asked from inside the host.
ASKS = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:11435/').read().decode())"


def test_agents_on_two_engines_one_slow_then_one_full_then_one_down(tmp_path: Path, database: Database) -> None:
    run_module("catalog", {"catalog_dsn": database.dsn}).ok()
    with agent_hosts("gpu-01", "gpu-02", disks={"gpu-02": 400}) as (first, second):
        site = Site(tmp_path, database, first.engine)
        first.slow_down(0.05)
        site.write_inventory({host.name: host.variables for host in (first, second)}, agent_model_store_min_free="1m")
        agents = [
            {"agent": f"on-{host.name}", "host": host.name, "memory_limit": "512m", "model": "demo"}
            for host in (first, second)
        ]
        site.onboard("empresa-corp", agents=agents).ok()
        for host in (first, second):
            assert host.engine.objects()["containers"] == {f"ollama-agent-on-{host.name}"}
            assert "Ollama is running" in host.run("python3", "-c", ASKS)
        both_ports = [port for [port] in site.rows("SELECT port FROM llmops.agents")]
        assert both_ports == ["11435", "11435"], "each has ports of its own"
        copy_models(site, first, second)
        check_disk(second)
        second.engine.kill()
        assert not second.engine.server.pid and first.engine.answers()
        site.write_inventory({first.name: first.variables, second.name: second.unreachable})
        looked = site.run("tenant_status")
        assert [task.host for task in looked.tasks if task.status == "unreachable"] == [second.name]


def copy_models(site: Site, here: AgentHost, there: AgentHost) -> None:
    """A model that one host alone has goes to the other one's disk, and no registry is asked."""
    source, target = (Store(host.path("/var/lib/llmops/models")) for host in (here, there))
    digest = source.add("policed", "demo2")
    assert content.find(target.layout, "policed:latest") is None
    archive = str(site.folder / "copy.tar")
    site.run("copy_models", copy_from=here.name, copy_to=there.name, copy_models=["policed"], copy_archive=archive, model_store_min_free="1m").ok()
    found = content.find(target.layout, "policed:latest")
    assert found and found.digest == digest and found.complete


def check_disk(host: AgentHost) -> None:
    """A full disk of one host is its own."""
    filler = host.fill_disk()
    assert "written" not in host.run(*WRITES, check=False)
    filler.unlink()
    assert "written" in host.run(*WRITES)
    assert host.path("/var/lib/llmops/file").stat().st_size == 1 << 20
