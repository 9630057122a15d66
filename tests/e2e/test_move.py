# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents move between real engines with their data: in one run, killed anywhere, and many at once off a host."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ansible import run_module
from tests.support.catalog import Catalog
from tests.support.engine import Engine
from tests.support.fixtures import Database
from tests.support.hosts import AgentHost, agent_hosts
from tests.support.kills import Running, locked
from tests.support.registry import Registry
from tests.support.settings import OLLAMA_IMAGE
from tests.support.site import Outcome, Site

SMALL = {"memory_limit": "512m", "model": "demo"}
OPAQUE = "trusted.overlay.opaque"
SAMPLES = r"GET \S*/containers/\S+/stats"
# Asked from inside the host.
ASKS = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}/api/tags').read().decode())"

GENERATES = """
import json, urllib.request as r
body = json.dumps({{'model': 'demo', 'prompt': 'Hello', 'stream': False}}).encode()
print(json.load(r.urlopen(r.Request('http://127.0.0.1:{port}/api/generate', body)))['done'])
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, AgentHost]]:
    """Three agent hosts with engines of their own."""
    with agent_hosts("gpu-01", "gpu-02", "gpu-03", disks={"gpu-03": 600}) as started:
        yield {host.name: host for host in started}


@pytest.fixture
def site(tmp_path: Path, database: Database, engine: Engine, hosts: dict[str, AgentHost]) -> Iterator[Site]:
    """A site of these hosts."""
    run_module("catalog", {"catalog_dsn": database.dsn}).ok()
    made = Site(tmp_path, database, engine)
    write_inventory(made, hosts)
    yield made
    for host in hosts.values():
        host.engine.clean()


def write_inventory(site: Site, hosts: dict[str, AgentHost], private: str = "", **variables: str) -> None:
    """Write the inventory. What is fetched must be in a folder that the hosts share with the test: they are no machines.

    :param private: the host where agents that are new share no models.
    """
    members = {
        name: {**host.variables, "move_host_folder": str(host.folder / "moves"), **variables} for name, host in hosts.items()
    }
    if private:
        members[private]["agent_model_store"] = "private"
    site.write_inventory(members, move_folder=str(site.folder / "moves"), agent_model_store_min_free="1m")


def data(host: AgentHost, agent: str) -> Path:
    """Where an agent's data is: what is its own over a model store, or its whole volume."""
    upper = host.path(f"/var/lib/llmops/models/agents/{agent}/upper")
    return upper if upper.is_dir() else host.engine.folder / "docker" / "volumes" / f"ollama-agent-{agent}" / "_data"


def secret(host: AgentHost, agent: str, text: str = "") -> str:
    """A file among an agent's data, which is written with a text."""
    path = data(host, agent) / "mine"
    if text:
        path.write_text(text)
    return path.read_text()


def where(site: Site) -> dict[str, str]:
    """The hosts of the agents by the catalog."""
    return dict(tuple(row) for row in site.rows("SELECT agent, host FROM llmops.agents ORDER BY agent"))


def containers(hosts: dict[str, AgentHost]) -> dict[str, set[str]]:
    """Agents with containers or data on each host."""
    return {
        name: {one.removeprefix("ollama-agent-") for kind in ("containers", "volumes") for one in host.engine.objects()[kind]}
        for name, host in hosts.items()
    }


def answers(host: AgentHost, site: Site, agent: str) -> bool:
    """Whether an agent has its model, asked at its port on a host."""
    [[port]] = site.rows(f"SELECT port FROM llmops.agents WHERE agent = '{agent}'")
    return "demo" in host.run("python3", "-c", ASKS.format(port=port))


def planned(outcome: Outcome) -> list[str]:
    """All actions of a run with what they do to what runs.

    That an agent was seen where it is now is recorded besides; it is no part of the plan.
    """
    return sorted(
        f"{action['action']} {action['kind']} {action['name']} {action['impact']}"
        for task, _host, _changed, actions in outcome.plan for action in actions if not task.endswith("Record what runs")
    )


def nothing_left(site: Site, hosts: dict[str, AgentHost]) -> bool:
    """Whether no move, archive or copy is left."""
    archives = [path for host in hosts.values() for path in host.folder.glob("moves/*")]
    return not archives and not list((site.folder / "moves").glob("*")) and not site.rows("SELECT * FROM llmops.moves")


def test_an_agent_moves_with_its_data_and_only_once(site: Site, hosts: dict[str, AgentHost]) -> None:
    site.onboard("acme", **SMALL, agent_host="gpu-01").ok()
    secret(hosts["gpu-01"], "acme", "of acme alone")
    # A model of its own, one of the store's that it deleted, and a directory that hides one of the store's.
    for command in (["cp", "demo", "own"], ["cp", "demo", "gone"], ["rm", "gone"]):
        hosts["gpu-01"].engine.docker("exec", "ollama-agent-acme", "ollama", *command)
    own = data(hosts["gpu-01"], "acme")
    os.mknod(own / "deleted", stat.S_IFCHR, 0)
    (own / "anew").mkdir()
    os.setxattr(own / "anew", OPAQUE, b"y")
    # Its record names the model of its own, which nobody else has. It keeps what it shares also where that is not the default.
    Catalog(site.database).ok("tenant_agent", tenant="acme", agent="acme", models=["demo", "own"])
    write_inventory(site, hosts, private="gpu-02")
    move = {"tenant": "acme", "to_host": "gpu-02"}
    predicted = site.run("move_agent", "--check", **move).ok()
    assert where(site) == {"acme": "gpu-01"} and answers(hosts["gpu-01"], site, "acme")
    assert {"move move acme", "stop container ollama-agent-acme", "pack data acme", "unpack data acme"} <= set(
        predicted.actions
    )
    assert "create container ollama-agent-acme" in predicted.actions and "update agent acme" in predicted.actions
    assert "remove container ollama-agent-acme" in predicted.actions and "finish move acme" in predicted.actions
    done = site.run("move_agent", **move).ok()
    assert planned(done) == planned(predicted)
    assert where(site) == {"acme": "gpu-02"} and answers(hosts["gpu-02"], site, "acme")
    assert secret(hosts["gpu-02"], "acme") == "of acme alone"
    assert "own" in hosts["gpu-02"].engine.docker("exec", "ollama-agent-acme", "ollama", "list")
    own = data(hosts["gpu-02"], "acme")
    assert os.stat(own / "deleted").st_rdev == 0 and stat.S_ISCHR(os.stat(own / "deleted").st_mode)
    assert os.getxattr(own / "anew", OPAQUE) == b"y"
    assert containers(hosts) == {"gpu-01": set(), "gpu-02": {"acme"}, "gpu-03": set()}
    assert nothing_left(site, hosts)
    again = site.run("move_agent", **move).ok()
    assert again.changed == 0 and again.actions == []
    # Without room nothing is touched.
    write_inventory(site, hosts, agent_host_memory="511m")
    refused = site.run("move_agent", tenant="acme")
    assert "gpu-01: memory 0b used + 512m asked > 511m; gpu-03: memory 0b used + 512m asked > 511m" in refused.error
    assert refused.actions == [] and answers(hosts["gpu-02"], site, "acme") and nothing_left(site, hosts)


def moving(site: Site) -> Running:
    """A move of the agent on its way."""
    return Running(site, "move_agent", tenant="corp", to_host="gpu-02")


def lose_target(site: Site, hosts: dict[str, AgentHost]) -> None:
    """Move the agent while it answers, and have the engine that it goes to end before that."""
    source, target = hosts["gpu-01"], hosts["gpu-02"]
    drains = source.open_door().hold(SAMPLES)
    write_inventory(site, hosts)
    [[port]] = site.rows("SELECT port FROM llmops.agents WHERE agent = 'corp'")
    pid = source.engine.inspect("ollama-agent-corp")["State"]["Pid"]
    os.kill(pid, signal.SIGSTOP)
    asking = subprocess.Popen([*source.engine.inside, "python3", "-c", GENERATES.format(port=port)], stdout=subprocess.PIPE, text=True)
    running = Running(site, "move_agent", tenant="corp", to_host="gpu-02", move_drain_timeout=300)
    running.until(lambda: drains.reached, "it waits for what the agent answers")
    target.engine.stop()
    os.kill(pid, signal.SIGCONT)
    drains.end(passes=True)
    broken = site.outcome(running.run, running.log)
    assert asking.communicate(timeout=60)[0].strip() == "True", "what it was asked before it is stopped is answered"
    assert broken.run.rc != 0 and "corp: gpu-01 -> gpu-02" in broken.run.output and "is not finished. gpu-02: " in broken.run.output
    source.slow_down(0)
    target.engine.start()
    write_inventory(site, hosts)


def test_a_move_that_is_killed_anywhere_is_finished_by_the_next(site: Site, hosts: dict[str, AgentHost]) -> None:
    # With models of its own only, which it keeps where sharing is the default.
    site.onboard("corp", **SMALL, agent_host="gpu-01", agent_model_store="private").ok()
    # As export_tenants writes it: every file names the host.
    site.write_tenant("corp", {**SMALL, "agent_host": "gpu-01"})
    secret(hosts["gpu-01"], "corp", "never lost")
    archive = hosts["gpu-02"].folder / "moves" / "corp.tar"
    # While the copy is on its way. Then it shall stay, and nothing of it is left where it was to go.
    running = moving(site)
    running.until(lambda: site.rows("SELECT * FROM llmops.moves"), "its beginning")
    # However late the kill comes: the record can't be switched meanwhile.
    with locked(site, "moves"):
        running.until(archive.exists, "the copy on its way")
        running.run.kill()
    assert "corp" in host_data(hosts["gpu-01"]) and "corp" in containers(hosts)["gpu-02"]
    left_to_its_move(site, hosts)
    elsewhere = site.run("move_agent", tenant="corp", to_host="gpu-03")
    assert "is on its way to gpu-02" in elsewhere.error and "to_host=gpu-01" in elsewhere.error
    predicted = site.run("move_agent", "--check", tenant="corp", to_host="gpu-01").ok()
    cancelled = site.run("move_agent", tenant="corp", to_host="gpu-01").ok()
    assert planned(cancelled) == planned(predicted) and "start container ollama-agent-corp" in cancelled.actions
    assert answers(hosts["gpu-01"], site, "corp") and secret(hosts["gpu-01"], "corp") == "never lost"
    assert containers(hosts)["gpu-02"] == set() and nothing_left(site, hosts)
    lose_target(site, hosts)
    assert where(site) == {"corp": "gpu-01"} and answers(hosts["gpu-01"], site, "corp")
    # Once the record names the new host, when it is about to be started there.
    hold = hosts["gpu-02"].open_door().hold(r"POST \S*/containers/ollama-agent-corp/start")
    write_inventory(site, hosts)
    running = moving(site)
    running.until(lambda: hold.reached, "its start where it goes")
    running.run.kill()
    hold.end(passes=False)
    hosts["gpu-02"].slow_down(0)
    write_inventory(site, hosts)
    assert site.rows("SELECT agent FROM llmops.moves WHERE switched") == [["corp"]]
    assert "corp" in host_data(hosts["gpu-01"]), "the source stays until the agent is well elsewhere"
    assert "corp" in host_data(hosts["gpu-02"]) and where(site) == {"corp": "gpu-02"}
    left_to_its_move(site, hosts)
    # What was started behind the move's back may have what the copy lacks.
    hosts["gpu-01"].engine.docker("start", "ollama-agent-corp")
    refused = site.run("move_agent", tenant="corp", to_host="gpu-02")
    assert refused.run.rc != 0 and "it runs here, where it should have been stopped" in refused.error
    assert "corp" in host_data(hosts["gpu-01"])
    hosts["gpu-01"].engine.docker("stop", "ollama-agent-corp")
    site.run("move_agent", tenant="corp", to_host="gpu-02").ok()
    assert secret(hosts["gpu-02"], "corp") == "never lost" and answers(hosts["gpu-02"], site, "corp")
    assert data(hosts["gpu-02"], "corp").name == "_data"
    assert containers(hosts)["gpu-01"] == set() and nothing_left(site, hosts)


def left_to_its_move(site: Site, hosts: dict[str, AgentHost]) -> None:
    """Nothing but its move touches an agent on its way: no run over the fleet, and nobody who wants it started."""
    def seen() -> list[str]:
        return [host.engine.docker("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.State}}") for host in hosts.values()]

    before, moves = seen(), site.rows("SELECT host, switched FROM llmops.moves")
    run = site.run("reconcile")
    told = run.result("fleet_report")
    assert told["moving"] == [{"tenant": "corp", "agent": "corp", "from": "gpu-01", "to": "gpu-02"}]
    assert "gpu-01 -> gpu-02. It is left to its move" in run.run.stdout
    kinds = [failure["error"]["kind"] for tenant in told["tenants_failed"] for failure in tenant["failures"]]
    # Once its record names the other host, its file does not any more.
    assert kinds == ["agent_moves"] * (moves[0][1] == "t") and run.run.rc == 2 * len(kinds)
    if not kinds:
        assert "move_agent.yml -e tenant=corp -e agent=corp" in site.run("start_agent", tenant="corp").error
    assert not [orphan for orphan in told["orphans"] if orphan["agent"] == "corp"] and run.changed == 0
    assert seen() == before and site.rows("SELECT host, switched FROM llmops.moves") == moves


def host_data(host: AgentHost) -> set[str]:
    """Agents whose file is on a host."""
    agents = {volume.removeprefix("ollama-agent-") for volume in host.engine.objects()["volumes"]}
    return {agent for agent in agents if (data(host, agent) / "mine").exists()}


def drained(site: Site, *args: str, **variables: Any) -> Outcome:
    """A drain of the first host."""
    return site.run("drain_host", *args, agent_host="gpu-01", **variables)


def adopt_old_agent(site: Site, host: AgentHost) -> None:
    """Have an agent in a container of an older system."""
    host.engine.docker(
        "run", "--detach", "--name", "ollama-agent-old", "--label", "tenant_id=acme", "--label", "model=demo", OLLAMA_IMAGE
    )
    Catalog(site.database).ok("tenant_agent", tenant="acme", agent="old", host=host.name, adopted=True, memory_limit="512m", models=["demo"])


def remove_old_agent(site: Site, host: AgentHost) -> None:
    """Have it no more."""
    host.engine.docker("rm", "--force", "ollama-agent-old")
    Catalog(site.database).ok("tenant_agent", tenant="acme", agent="old", state="absent")


def started(host: AgentHost, *agents: str) -> list[str]:
    """Since when agents run."""
    return [host.engine.inspect(f"ollama-agent-{agent}")["State"]["StartedAt"] for agent in agents]


def test_a_host_is_emptied_past_agents_that_can_not_go(
    site: Site, hosts: dict[str, AgentHost], registry: Registry
) -> None:
    source, target, small = hosts.values()
    states = {"a3": "stopped"}
    agents = [{"agent": f"a{n}", "host": "gpu-01", "desired_state": states.get(f"a{n}", "started"), **SMALL} for n in range(5)]
    site.onboard("acme", agents=agents).ok()
    adopt_old_agent(site, source)
    catalog = Catalog(site.database)
    # Of these, no host has what the first asks for, and no registry what the second does. The third has more than fits.
    catalog.ok("tenant_agent", tenant="acme", agent="a1", affinity=["gpu=h200"])
    catalog.ok("tenant_agent", tenant="acme", agent="a4", models=["demo", "ghost"])
    (data(source, "a2") / "much").write_bytes(bytes(64 << 20))
    mirror = {"agent_model_mirror": registry.address, "agent_model_insecure": True}
    write_inventory(site, hosts, agent_host_memory="2g", **mirror)
    filler = small.fill_disk(leave=48 << 20)
    alone = started(source, "a1", "a4", "old")
    first = drained(site, move_drain_timeout=7)
    assert first.run.rc != 0
    for told in ("it lacks the label gpu=h200", "a4: Agent 'a4' can't have the model ghost:latest", "agent_renew=old"):
        assert told in first.run.output, told
    assert where(site) == {"a0": "gpu-02", "a1": "gpu-01", "a2": "gpu-01", "a3": "gpu-02", "a4": "gpu-01", "old": "gpu-01"}
    assert started(source, "a1", "a4", "old") == alone, "what can't go is left alone"
    assert answers(target, site, "a0") and containers(hosts)["gpu-02"] == {"a0", "a3"}
    # What could not be copied runs where it was.
    assert {"stop container ollama-agent-a2", "start container ollama-agent-a2"} <= set(first.actions) and answers(source, site, "a2")
    filler.unlink()
    catalog.ok("tenant_agent", tenant="acme", agent="a1", affinity=[])
    catalog.ok("tenant_agent", tenant="acme", agent="a4", models=["demo"])
    remove_old_agent(site, source)
    predicted = drained(site, "--check", to_host="gpu-03").ok()
    assert started(source, "a1", "a4") == alone[:2]
    done = drained(site, to_host="gpu-03").ok()
    assert planned(done) == planned(predicted)
    assert {"a1", "a2", "a4"} == {agent for agent, host in where(site).items() if host == "gpu-03"}
    assert "gpu-01" not in where(site).values() and containers(hosts)["gpu-01"] == set()
    for agent in ("a1", "a2", "a4"):
        assert answers(small, site, agent)
    assert nothing_left(site, hosts)
    assert drained(site).ok().changed == 0
