# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made is what is read back, and whatever differs is a deviation."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine import docker_shape as shape
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS, GIB
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Impact

IMAGE = {
    "Env": ["PATH=/bin", "OLLAMA_HOST=0.0.0.0:11434", "NVIDIA_VISIBLE_DEVICES=all"],
    "Labels": {"maintainer": "ollama"},
    "Cmd": ["serve"],
    "Entrypoint": ["/bin/ollama"],
    "User": "",
}
SETTINGS = replace(
    DEFAULTS, port=11500, memory_limit=2 * GIB, memory_reservation=GIB, cpu_limit=1500, model="phi4-mini",
    environment={"HTTPS_PROXY": "http://u:p@proxy", "OLLAMA_DEBUG": "1"},
)


def inspected(settings=SETTINGS):
    """What the engine says of a container after creating it: its image's configuration merged in."""
    made = copy.deepcopy(shape.container("a1", "acme", settings, "2026-11-22T07:00:00Z"))
    variables = {**shape.environment(IMAGE), **shape.environment(made)}
    host = {"NanoCpus": 0, "CapAdd": None, "Privileged": False, "ExtraHosts": [], **made["HostConfig"]}
    return {
        "Config": {
            "Image": made["Image"], "Env": [f"{name}={value}" for name, value in variables.items()],
            "Labels": {**IMAGE["Labels"], **made["Labels"]}, "Healthcheck": made["Healthcheck"],
            "Cmd": IMAGE["Cmd"], "Entrypoint": IMAGE["Entrypoint"], "User": "",
        },
        "HostConfig": host,
        "Mounts": [{"Type": "volume", "Name": "ollama-agent-a1", "Destination": "/models", "RW": True}],
    }


def put(tree, path, value):
    *folders, last = path
    for folder in folders:
        tree = tree[folder]
    tree[last] = value


@pytest.mark.parametrize(
    "settings",
    [
        DEFAULTS,
        SETTINGS,
        replace(SETTINGS, bind_address="0.0.0.0"),
        replace(SETTINGS, bind_address="::1", cpu_limit=10, keep_alive="-1"),
        # A variable with the image's own value is the operator's still: it is recorded by name.
        replace(SETTINGS, environment={"PATH": "/bin"}),
    ],
)
def test_made_is_read_back(settings):
    state = inspected(settings)
    assert shape.read_settings(state, IMAGE) == settings
    assert shape.read_settings(state, None) == settings
    assert shape.read_deviations("a1", "acme", state, IMAGE) == ()
    assert shape.read_deviations("a1", "acme", state, None) == ()


@pytest.mark.parametrize(
    ("path", "value", "field", "impact"),
    [
        (("HostConfig", "CapDrop"), None, "CapDrop", Impact.RECREATE),
        (("HostConfig", "CapAdd"), ["SYS_ADMIN"], "CapAdd", Impact.RECREATE),
        (("HostConfig", "Privileged"), True, "Privileged", Impact.RECREATE),
        (("HostConfig", "SecurityOpt"), None, "SecurityOpt", Impact.RECREATE),
        (("HostConfig", "ReadonlyRootfs"), False, "ReadonlyRootfs", Impact.RECREATE),
        (("HostConfig", "Tmpfs"), {"/tmp": ""}, "Tmpfs", Impact.RECREATE),
        (("HostConfig", "PidsLimit"), 0, "PidsLimit", Impact.RECREATE),
        (("HostConfig", "NanoCpus"), 10**9, "NanoCpus", Impact.RECREATE),
        (("HostConfig", "NetworkMode"), "host", "NetworkMode", Impact.RECREATE),
        (("HostConfig", "CpusetCpus"), "0", "CpusetCpus", Impact.RECREATE),
        (("HostConfig", "ExtraHosts"), ["evil:10.0.0.1"], "ExtraHosts", Impact.RECREATE),
        (("HostConfig", "DeviceRequests"), [{"Count": -1}], "DeviceRequests", Impact.RECREATE),
        (("HostConfig", "RestartPolicy"), {"Name": "no", "MaximumRetryCount": 0}, "RestartPolicy", Impact.IN_PLACE),
        (("HostConfig", "MemorySwap"), 4 * GIB, "MemorySwap", Impact.IN_PLACE),
        (("HostConfig", "PortBindings", "22/tcp"), [{"HostIp": "", "HostPort": "2222"}], "PortBindings", Impact.RECREATE),
        (("Mounts",), [], "mounts", Impact.RECREATE),
        (("Mounts", 0, "Name"), "other", "mounts", Impact.RECREATE),
        (("Mounts", 0, "RW"), False, "mounts", Impact.RECREATE),
        (("Config", "User"), "1000", "User", Impact.RECREATE),
        (("Config", "Cmd"), ["sleep"], "Cmd", Impact.RECREATE),
        (("Config", "Entrypoint"), None, "Entrypoint", Impact.RECREATE),
        (("Config", "Healthcheck"), None, "Healthcheck", Impact.RECREATE),
        (("Config", "Labels", "llmops.tenancy.model"), "other", "label model", Impact.RECREATE),
        (("Config", "Labels", "llmops.tenancy.created_at"), "", "label created_at", Impact.RECREATE),
        (("Config", "Labels", "llmops.tenancy.memory_limit"), "9g", "label memory_limit", Impact.RECREATE),
        (("Config", "Labels", "llmops.tenancy.spec"), "{}", "label spec", Impact.RECREATE),
        (("Config", "Labels", "added"), "by hand", "label added", Impact.RECREATE),
    ],
)
def test_change_by_hand_is_seen(path, value, field, impact):
    state = inspected()
    put(state, path, value)
    deviations = shape.read_deviations("a1", "acme", state, IMAGE)
    assert [(deviation.change.field, deviation.impact) for deviation in deviations] == [(field, impact)]


def variables_of(state, change):
    variables = shape.environment(state["Config"])
    change(variables)
    state["Config"]["Env"] = [f"{name}={value}" for name, value in variables.items()]
    return state


@pytest.mark.parametrize(
    ("change", "deviations", "settings"),
    [
        (lambda env: env.update(ADDED="secret"), ["environment ADDED"], {}),
        (lambda env: env.update(PATH="/evil"), ["environment PATH"], {}),
        (lambda env: env.update(OLLAMA_NOPRUNE="0"), ["environment OLLAMA_NOPRUNE"], {}),
        (lambda env: env.pop("NVIDIA_VISIBLE_DEVICES"), ["environment NVIDIA_VISIBLE_DEVICES"], {}),
        (lambda env: env.pop("OLLAMA_DEBUG"), ["environment OLLAMA_DEBUG"], {"environment": {"HTTPS_PROXY": "http://u:p@proxy"}}),
        (lambda env: env.update(OLLAMA_CONTEXT_LENGTH="many"), [], {"context_length": 0}),
        (lambda env: env.pop("OLLAMA_KEEP_ALIVE"), [], {"keep_alive": ""}),
    ],
)
def test_variable_changed_by_hand_is_seen_and_its_value_is_not(change, deviations, settings):
    state = variables_of(inspected(), change)
    found = shape.read_deviations("a1", "acme", state, IMAGE)
    assert [deviation.change.field for deviation in found] == deviations
    assert "secret" not in str(found)
    assert shape.read_settings(state, IMAGE) == replace(SETTINGS, **settings)


def test_without_spec_every_strange_variable_is_the_operators():
    state = inspected()
    state["Config"]["Labels"]["llmops.tenancy.spec"] = "not json"
    assert shape.read_settings(state, IMAGE).environment == SETTINGS.environment


def test_unlimited_swap_is_a_deviation_only_where_swap_is_counted():
    state = inspected()
    state["HostConfig"]["MemorySwap"] = -1
    assert [one.change.field for one in shape.read_deviations("a1", "acme", state, IMAGE)] == ["MemorySwap"]
    assert shape.read_deviations("a1", "acme", state, IMAGE, swap_limited=False) == ()


def test_labels_hold_names_of_variables_and_no_values():
    labels = shape.labels("a1", "acme", SETTINGS, "2026-11-22T07:00:00Z")
    assert {name.removeprefix(shape.LABEL) for name in labels} == set(shape.LABELS)
    assert "proxy" not in str(labels)
    assert json.loads(labels["llmops.tenancy.spec"])["environment"] == ["HTTPS_PROXY", "OLLAMA_DEBUG"]


def test_swap_is_sent_with_memory():
    assert shape.limits(SETTINGS) == {
        "Memory": 2 * GIB, "MemorySwap": 2 * GIB, "MemoryReservation": GIB, "CpuPeriod": 100_000, "CpuQuota": 150_000,
    }
