# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a wanted view does to an agent, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.agent_plan import plan_agents
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import ActualAgent, AgentSpec, Observation, Volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import HostFacts
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.network_plan import PoolOptions
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import (
    Linked,
    ModelMount,
    ModelView,
    SharedModel,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.view_plan import missing_models, view_step, volume_change
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

MOUNT = ModelMount("/s/agents/a1/view", "/s/agents/a1/upper", "/s/agents/a1/work")
OLD, NEW, MORE = SharedModel("a" * 64, 10), SharedModel("b" * 64, 10), SharedModel("c" * 64, 5)
ONE = ModelView("id1", {"demo:latest": OLD})
NEWER = ModelView("id2", {"demo:latest": NEW})
TWO = ModelView("id3", {"demo:latest": OLD, "more:latest": MORE})
LINKED = Linked(MOUNT, "acme", ONE)
V = "ollama-agent-a1"
OVERLAY, PLAIN = Volume(V, "a1", "acme", "/s", mount=MOUNT), Volume(V, "a1", "acme", "/d")
RUNS = ActualAgent("a1", "acme", V, "id", "running", DEFAULTS, "sha256:1")
RESTS = replace(RUNS, state="exited")


def spec(view=ONE, **given):
    return AgentSpec("a1", "acme", mount=MOUNT, view=view, **given)


@pytest.mark.parametrize(
    ("wanted", "volume", "linked", "actual", "restarts", "expected"),
    [
        (spec(), OVERLAY, LINKED, RUNS, False, None),
        (spec(), None, None, None, False, ("create", "in_place", ["models"])),
        # A plain volume stays plain, and an agent whose models are not told stays as it is.
        (spec(TWO), PLAIN, None, RUNS, False, None),
        (AgentSpec("a1", "acme"), OVERLAY, LINKED, RUNS, False, None),
        # another list
        (spec(TWO), OVERLAY, LINKED, RUNS, False, ("switch", "restart", ["models"])),
        (spec(TWO), OVERLAY, LINKED, RESTS, False, ("switch", "in_place", ["models"])),
        (spec(TWO), OVERLAY, LINKED, RUNS, True, ("switch", "in_place", ["models"])),
        (spec(TWO, update="next_restart"), OVERLAY, LINKED, RUNS, False, ("switch", "restart", ["models"])),
        # newer versions
        (spec(NEWER), OVERLAY, LINKED, RUNS, False, ("switch", "restart", ["demo:latest"])),
        (spec(NEWER, update="next_restart"), OVERLAY, LINKED, RUNS, False, ("switch", "in_place", ["demo:latest"])),
        (spec(update="next_restart"), OVERLAY, replace(LINKED, pending=True), RUNS, False, None),
        (spec(), OVERLAY, replace(LINKED, pending=True), RUNS, False, ("switch", "restart", ["mounted"])),
        # what is put right
        (spec(), OVERLAY, replace(LINKED, damage="damaged or gone"), RUNS, False, ("switch", "restart", ["view"])),
        (spec(), OVERLAY, replace(LINKED, hidden=("demo:latest",)), RESTS, False, ("switch", "in_place", ["deleted by the tenant"])),
        (spec(), OVERLAY, None, RUNS, False, ("create", "restart", ["models"])),
    ],
)
def test_steps(wanted, volume, linked, actual, restarts, expected):
    step = view_step(wanted, volume, linked, actual, restarts)
    assert (step and (step.verb, step.impact.value, [change.field for change in step.changes])) == expected


@pytest.mark.parametrize(
    ("wanted", "volume", "linked", "expected"),
    [
        (spec(), None, None, None),
        (spec(), PLAIN, None, None),
        (spec(migrate="shared"), PLAIN, None, ("models", "private", "shared")),
        (spec(migrate="shared"), OVERLAY, LINKED, None),
        (AgentSpec("a1", "acme"), OVERLAY, LINKED, None),
        (AgentSpec("a1", "acme", migrate="private"), OVERLAY, LINKED, ("models", "shared", "private")),
        # A move back that was cut off: the volume is plain, and not all has arrived.
        (AgentSpec("a1", "acme", migrate="private"), PLAIN, LINKED, ("models", "shared", "private")),
        (AgentSpec("a1", "acme", migrate="private"), PLAIN, None, None),
        # The store has another path by now.
        (spec(), replace(OVERLAY, mount=ModelMount("/o/view", "/o/upper", "/o/work")), LINKED, ("path", "/o/upper", MOUNT.upper)),
    ],
)
def test_volumes_that_are_made_anew(wanted, volume, linked, expected):
    change = volume_change(wanted, volume, linked)
    assert (change and (change.field, change.before, change.after)) == expected


def plan(wanted, **parts):
    observed = Observation(**{"images": {DEFAULTS.image: "sha256:1"}, **parts})
    return plan_agents([wanted], observed, HostFacts(), PoolOptions())


def test_a_new_agent_with_models_is_told_with_them():
    result = plan(spec())
    assert [f"{action.verb} {action.kind}" for action in result.actions] == [
        "create network", "create view", "create volume", "create container", "start container",
    ]
    assert result.actions[2].mount == MOUNT
    assert result.after["a1"]["store"] == {
        "models": "shared", "view": "id1", "shared": ["demo:latest"], "pending": False,
    }
    assert result.visible["a1"] == [{"name": "demo:latest", "digest": OLD.digest, "size": 10}]


def test_a_move_back_goes_on_when_its_volume_is_removed_already():
    lost = {"agents": {"a1": RESTS}, "views": {"a1": LINKED}}
    result = plan(AgentSpec("a1", "acme", migrate="private"), **lost)
    [step] = [action for action in result.actions if action.kind == "volume"]
    assert (step.verb, step.mount, step.volume.mount, result.fresh) == ("replace", None, MOUNT, frozenset())
    # Any other run gives it a volume over the store again.
    assert [action.mount for action in plan(spec(), **lost).actions if (action.verb, action.kind) == ("create", "volume")] == [MOUNT]


def test_removal_erases_what_is_the_agents_own_before_its_volume_is_forgotten():
    own = replace(LINKED, private={"mine:latest": MORE}, private_bytes=4096)
    result = plan(AgentSpec("a1", "acme", "absent", remove_volume=True), volumes={V: OVERLAY}, views={"a1": own})
    assert [(action.verb, action.kind, action.impact.value) for action in result.actions] == [
        ("remove", "upper", "data_loss"), ("remove", "volume", "data_loss"),
    ]
    assert result.after["a1"]["erased"] == {"path": MOUNT.upper, "bytes": 4096, "models": ["mine:latest"]}
    kept = plan(AgentSpec("a1", "acme", "absent"), volumes={V: OVERLAY}, views={"a1": own})
    assert not kept.changed and kept.after["a1"]["erased"] is None


def test_what_another_tenant_left_is_not_handed_on():
    with pytest.raises(TenancyError) as error:
        plan(spec(), views={"a1": replace(LINKED, tenant="other")})
    assert error.value.kind == "name_taken" and MOUNT.upper in error.value.cause


def test_models_that_nobody_has_are_told_for_agents_that_would_share_them():
    wanted = spec(replace(ONE, missing=("nowhere:latest",)))
    [error] = missing_models([wanted], Observation())
    assert error.kind == "model_not_in_store" and "nowhere:latest" in error.what
    assert missing_models([wanted], Observation(volumes={V: PLAIN})) == []


@pytest.mark.parametrize(
    ("wanted", "linked", "told"),
    [
        (TWO, LINKED, True), (ONE, None, True), (ONE, LINKED, False),
        # A plain volume has no view, and keeps all that it has.
        (TWO, "plain", False),
    ],
)
def test_a_view_that_ends_models_of_the_tenants_own_is_told_once(wanted, linked, told):
    broken = spec(replace(wanted, broken=tuple(f"alias{number}:latest" for number in range(7))))
    parts = {"volumes": {V: PLAIN}} if linked == "plain" else {"volumes": {V: OVERLAY}, "views": {"a1": linked} if linked else {}}
    warnings = plan(broken, agents={"a1": RUNS}, **parts).warnings
    assert ["alias4:latest and 2 more:" in warning for warning in warnings] == ([True] if told else [])


def test_what_ollama_does_not_list_is_not_predicted():
    own = replace(LINKED, private={"alias:latest": MORE, "mine:latest": MORE})
    result = plan(spec(replace(TWO, broken=("alias:latest", "mine:latest"), unlisted=("alias:latest",))), volumes={V: OVERLAY}, views={"a1": own})
    assert [model["name"] for model in result.visible["a1"]] == ["demo:latest", "mine:latest", "more:latest"]
