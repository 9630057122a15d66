# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan as a table: desired and actual state in, actions out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agent_plan import plan_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentSpec,
    Deviation,
    Foreign,
    Network,
    Observation,
    PortUse,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import HostFacts, Listener
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, GIB
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact

C, V, N = "ollama-agent-a1", "ollama-agent-a1", "ollama-tenant-acme"
SETTINGS = replace(DEFAULTS, port=11500, memory_limit=2 * GIB, memory_reservation=GIB)
RUNNING = ActualAgent("a1", "acme", C, "id1", "running", SETTINGS, "sha256:1")
NETWORK = Network(N, ("10.201.0.0/28",), "acme", (C,))
VOLUME = Volume(V, "a1", "acme", "/data/a1")
IMAGES = {DEFAULTS.image: "sha256:1"}


def observed(agent=RUNNING, **others):
    parts = {
        "agents": {"a1": agent} if agent else {},
        "networks": {N: NETWORK if agent else replace(NETWORK, members=())},
        "volumes": {V: VOLUME},
        "images": IMAGES,
        "ports": (PortUse("127.0.0.1", 11500, C, "a1"),) if agent and agent.state == "running" else (),
    }
    return Observation(**{**parts, **others})


EMPTY = Observation(images=IMAGES)


def plan(spec, state, host=HostFacts(), pool=PoolOptions()):
    return plan_agents([spec], state, host, pool)


def wanted(**given):
    return AgentSpec("a1", "acme", **given)


def steps(result):
    return [f"{action.verb} {action.kind} {action.impact.value}" for action in result.actions]


CREATE = ["create network in_place", "create volume in_place", "create container in_place"]
START = "start container in_place"
RECREATE = "recreate container recreate"
UPDATE = "update container in_place"
STOPPED = replace(RUNNING, state="exited")
IN_PLACE = Deviation(Change("RestartPolicy", "no", "unless-stopped"), Impact.IN_PLACE)
BY_HAND = Deviation(Change("CapDrop", None, ["ALL"]), Impact.RECREATE)
ADOPTED = replace(RUNNING, adopted=True, deviations=(BY_HAND,))


@pytest.mark.parametrize(
    ("spec", "state", "expected", "after"),
    [
        # creation
        (wanted(), EMPTY, [*CREATE, START], "running"),
        (wanted(state="present"), EMPTY, CREATE, "created"),
        (wanted(state="stopped"), EMPTY, CREATE, "created"),
        (wanted(), observed(None), ["create container in_place", START], "running"),
        (wanted(image="x:1"), replace(EMPTY, images={"x:1": None}), ["pull image in_place", *CREATE, START], "running"),
        # nothing to do
        (wanted(), observed(), [], "running"),
        (wanted(state="present"), observed(), [], "running"),
        (wanted(state="present"), observed(STOPPED), [], "exited"),
        (wanted(state="stopped"), observed(STOPPED), [], "exited"),
        (wanted(state="stopped"), observed(replace(RUNNING, state="created")), [], "created"),
        (wanted(port=11500, memory_limit=2 * GIB, cpu_limit=2000), observed(), [], "running"),
        (wanted(), observed(images={DEFAULTS.image: None}), [], "running"),
        (wanted(image="same:1"), observed(images={**IMAGES, "same:1": "sha256:1"}), [], "running"),
        (wanted(), observed(replace(RUNNING, state="restarting")), [], "running"),
        # start and stop
        (wanted(), observed(STOPPED), [START], "running"),
        (wanted(), observed(replace(RUNNING, state="created")), [START], "running"),
        (wanted(), observed(replace(RUNNING, state="paused")), [START], "running"),
        (wanted(state="stopped"), observed(), ["stop container restart"], "exited"),
        (wanted(state="stopped"), observed(replace(RUNNING, state="paused")), ["stop container restart"], "exited"),
        # in place
        (wanted(memory_limit=9 * GIB), observed(), [UPDATE], "running"),
        (wanted(memory_limit=GIB), observed(), [UPDATE], "running"),
        (wanted(memory_reservation=2 * GIB), observed(), [UPDATE], "running"),
        (wanted(cpu_limit=500), observed(), [UPDATE], "running"),
        (wanted(cpu_limit=500), observed(STOPPED), [UPDATE, START], "running"),
        (wanted(cpu_limit=500, state="stopped"), observed(), ["stop container restart", UPDATE], "exited"),
        (wanted(), observed(replace(RUNNING, deviations=(IN_PLACE,))), [UPDATE], "running"),
        (wanted(), observed(replace(RUNNING, attached=False)), [UPDATE], "running"),
        (wanted(), observed(replace(RUNNING, leftovers=(C + ".new",))), [UPDATE], "running"),
        (wanted(), observed(replace(STOPPED, name=C + ".new")), [UPDATE, START], "running"),
        # recreation
        (wanted(port=11501), observed(), [RECREATE, START], "running"),
        (wanted(port=0), observed(), [RECREATE, START], "running"),
        (wanted(bind_address="0.0.0.0"), observed(), [RECREATE, START], "running"),
        (wanted(context_length=8192), observed(), [RECREATE, START], "running"),
        (wanted(environment={"A": "1"}), observed(), [RECREATE, START], "running"),
        (wanted(model="phi4-mini"), observed(), [RECREATE, START], "running"),
        (wanted(port=11501, state="present"), observed(), [RECREATE, START], "running"),
        (wanted(port=11501, state="present"), observed(STOPPED), [RECREATE], "created"),
        (wanted(port=11501, state="stopped"), observed(), [RECREATE], "created"),
        (wanted(), observed(replace(RUNNING, deviations=(BY_HAND, IN_PLACE))), [RECREATE, START], "running"),
        (wanted(), observed(replace(RUNNING, tenant="")), [RECREATE, START], "running"),
        (wanted(), observed(replace(RUNNING, state="dead")), [RECREATE, START], "running"),
        (wanted(), observed(images={DEFAULTS.image: "sha256:2"}), [RECREATE, START], "running"),
        (wanted(image="x:1"), observed(images={**IMAGES, "x:1": None}), ["pull image in_place", RECREATE, START], "running"),
        (wanted(image="x:1"), observed(images={**IMAGES, "x:1": "sha256:3"}), [RECREATE, START], "running"),
        # an adopted one made anew, with its models on the host, and with them inside of its container
        (
            wanted(adopted=True, renew=True), observed(replace(ADOPTED, source="/srv/a1"), volumes={}),
            [CREATE[1], RECREATE, START], "running",
        ),
        (wanted(adopted=True, renew=True), observed(ADOPTED, volumes={}), [CREATE[1], "recreate container data_loss", START], "running"),
        # lost network and volume
        (wanted(), observed(replace(STOPPED, attached=False), networks={}), [CREATE[0], UPDATE, START], "running"),
        (wanted(), observed(volumes={}), ["create volume in_place"], "running"),
        # removal
        (wanted(state="absent"), EMPTY, [], "absent"),
        (wanted(state="absent"), observed(), ["remove container recreate", "remove network in_place"], "absent"),
        (
            wanted(state="absent", remove_volume=True), observed(),
            ["remove container recreate", "remove volume data_loss", "remove network in_place"], "absent",
        ),
        (wanted(state="absent", remove_volume=True), observed(None), ["remove volume data_loss", "remove network in_place"], "absent"),
        (wanted(state="absent"), observed(None, volumes={}), ["remove network in_place"], "absent"),
        (
            wanted(state="absent"), observed(networks={N: replace(NETWORK, members=(C, "ollama-agent-b2"))}),
            ["remove container recreate"], "absent",
        ),
    ],
)
def test_plan(spec, state, expected, after):
    result = plan(spec, state)
    assert steps(result) == expected
    assert result.after["a1"]["state"] == after
    assert result.changed is bool(expected)
    assert result.before["a1"]["state"] == (state.agents["a1"].state if state.agents else "absent")


@pytest.mark.parametrize(
    ("spec", "state", "kind", "word"),
    [
        (wanted(), replace(EMPTY, foreign={("container", C): Foreign("container", C, "image redis:7, by x")}), "name_taken", "redis:7"),
        (wanted(), replace(EMPTY, foreign={("volume", V): Foreign("volume", V, "data in /d")}), "name_taken", "/d"),
        (wanted(), replace(EMPTY, foreign={("network", N): Foreign("network", N, "driver bridge")}), "name_taken", N),
        (replace(wanted(), tenant="other"), observed(), "name_taken", "acme"),
        (replace(wanted(state="absent"), tenant="other"), observed(), "name_taken", "acme"),
        (replace(wanted(), tenant="other"), observed(None), "name_taken", "volume"),
        (replace(wanted(state="absent", remove_volume=True), tenant="other"), observed(None), "name_taken", "acme"),
        (wanted(port=1), replace(EMPTY, ports=(PortUse("0.0.0.0", 1, "web"),)), "port_in_use", "container web"),
        (wanted(port=1), replace(EMPTY, ports=(PortUse("127.0.0.1", 1, "ollama-agent-b2", "b2"),)), "port_in_use", "b2"),
        (wanted(port=1, memory_limit=1), EMPTY, "invalid_memory", "1 B"),
    ],
)
def test_conflict(spec, state, kind, word):
    with pytest.raises(TenancyError) as error:
        plan(spec, state)
    assert error.value.kind == kind
    assert word in str(error.value)


def test_port_of_a_process_is_named_with_the_next_free_one():
    host = HostFacts((Listener("0.0.0.0", 1, 9), Listener("127.0.0.1", 2)), (), lambda inode: f"process {inode} (nginx)")
    with pytest.raises(TenancyError) as error:
        plan(wanted(port=1), EMPTY, host)
    assert "process 9 (nginx)" in error.value.cause
    assert error.value.details["next_free_port"] == 3


@pytest.mark.parametrize(
    ("spec", "state", "host"),
    [
        # Its own port, seen as its container's and as a socket of the engine.
        (wanted(cpu_limit=1000), observed(), HostFacts((Listener("127.0.0.1", 11500),))),
        (wanted(context_length=1), observed(), HostFacts((Listener("127.0.0.1", 11500),))),
        # Another address, an agent that does not run in the end, a port that is not published.
        (wanted(port=1), replace(EMPTY, ports=(PortUse("10.0.0.1", 1, "web"),)), HostFacts()),
        (wanted(port=1, state="stopped"), EMPTY, HostFacts((Listener("0.0.0.0", 1),))),
        (wanted(), EMPTY, HostFacts((Listener("0.0.0.0", 11434),))),
        # the engine's own socket for one that restarts, or that did when the list was made
        (wanted(), observed(replace(RUNNING, state="restarting")), HostFacts((Listener("127.0.0.1", 11500),))),
        (wanted(image="x:1"), observed(ports=(), images={"x:1": "sha256:2"}), HostFacts((Listener("127.0.0.1", 11500),))),
    ],
)
def test_port_is_no_conflict(spec, state, host):
    assert plan(spec, state, host).after["a1"]


def test_port_of_an_agent_that_goes_is_free():
    use = PortUse("127.0.0.1", 11500, C, "a1")
    specs = [wanted(state="absent"), AgentSpec("b2", "acme", port=11500)]
    result = plan_agents(specs, observed(ports=(use,)), HostFacts((Listener("127.0.0.1", 11500),)), PoolOptions())
    assert steps(result)[0] == "remove container recreate"
    assert [action for action in result.actions if action.kind == "network"] == []


def test_two_agents_of_a_call_can_not_share_a_port():
    specs = [AgentSpec("b1", "acme", port=9), AgentSpec("b2", "acme", port=9)]
    with pytest.raises(TenancyError) as error:
        plan_agents(specs, EMPTY, HostFacts(), PoolOptions())
    assert (error.value.kind, error.value.details["agent"]) == ("port_in_use", "b2")


def test_all_that_is_wrong_is_told_at_once():
    foreign = {("container", f"ollama-agent-{name}"): Foreign("container", f"ollama-agent-{name}", "x") for name in ("b1", "b2")}
    with pytest.raises(TenancyError) as error:
        plan_agents([AgentSpec("b1", "acme"), AgentSpec("b2", "acme")], replace(EMPTY, foreign=foreign), HostFacts(), PoolOptions())
    assert error.value.kind == "name_taken"
    assert [one["agent"] for one in error.value.details["errors"]] == ["b1", "b2"]


def test_agent_is_described_once():
    with pytest.raises(TenancyError) as error:
        plan_agents([wanted(), wanted()], EMPTY, HostFacts(), PoolOptions())
    assert error.value.kind == "duplicate_agent"


def test_fleet_of_a_thousand_tenants_gets_a_thousand_subnets():
    specs = [AgentSpec(f"t{number}", f"t{number}", port=20000 + number) for number in range(1000)]
    result = plan_agents(specs, EMPTY, HostFacts(), PoolOptions())
    assert len({view["subnet"] for view in result.after.values()}) == 1000
    assert len(result.actions) == 4000


def test_network_has_room_for_thirteen_agents():
    specs = [AgentSpec(f"b{number}", "acme") for number in range(14)]
    plan_agents(specs[:13], EMPTY, HostFacts(), PoolOptions())
    with pytest.raises(TenancyError) as error:
        plan_agents(specs, EMPTY, HostFacts(), PoolOptions())
    assert error.value.kind == "network_full"


def test_values_of_variables_are_in_no_result():
    before = observed(replace(RUNNING, settings=replace(SETTINGS, environment={"GONE": "old-secret", "KEPT": "one-secret"})))
    result = plan(wanted(environment={"KEPT": "two-secret", "NEW": "new-secret"}), before)
    text = str(result.as_result())
    assert "secret" not in text
    assert result.as_result()["actions"][0]["fields"] == {
        "environment GONE": {"before": "set", "after": "not set"},
        "environment KEPT": {"before": "set", "after": "set to another value"},
        "environment NEW": {"before": "not set", "after": "set"},
    }


def test_strangers_are_left_alone_and_named():
    state = observed(
        None, foreign={("container", C): Foreign("container", C, "image redis:7")},
        networks={N: replace(NETWORK, members=("debug-shell",))},
    )
    result = plan(wanted(state="absent"), state)
    assert not result.changed
    assert "redis:7" in result.warnings[0] and "debug-shell" in result.warnings[1]


def test_volume_that_lost_its_labels_is_kept_and_named():
    result = plan(wanted(), observed(volumes={V: replace(VOLUME, labelled=False)}))
    assert not result.changed
    assert "labels" in result.warnings[0]


def test_absent_agent_tells_where_its_data_is():
    result = plan(wanted(state="absent"), observed())
    assert result.after["a1"] == {
        "agent": "a1", "tenant": "acme", "state": "absent", "volume": V, "volume_path": "/data/a1", "erased": None,
    }
