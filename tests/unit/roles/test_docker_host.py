# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role docker_host, what it writes and what state absent may erase: the role's variables, on what it found and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).resolve().parents[3] / "roles" / "docker_host"
DOCKER, CONTAINERD = "/var/lib/docker", "/var/lib/containerd"
DOWN = {"answers": False, "containers": None, "volumes": None, "error": "No such file or directory"}
IDLE = {"answers": True, "containers": 0, "volumes": 0, "error": None}
OURS = {"packages": ["containerd", "docker.io", "iptables"], "engine": True, "data_roots": [CONTAINERD, DOCKER]}


def value(name: str, **given: Any) -> Any:
    """A variable of the role, where the module found what ``given`` says; its variables may be given, too."""
    loader = DataLoader()
    variables: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        variables.update(loader.load_from_file(str(ROLE / part / "main.yml"), trusted_as_template=True))
    found = {
        "engine": given.pop("engine", IDLE),
        "record": given.pop("record", {}),
        "paths": {DOCKER: "directory", CONTAINERD: "directory", **given.pop("paths", {})},
        "executables": {"dockerd": given.pop("dockerd", "/usr/sbin/dockerd"), "iptables": None},
        "distribution": {"family": "debian"},
        "python": {"missing": [], "exists": True},
        "systemd": True,
    }
    variables.update(_docker_host_found=found, **given)
    return Templar(loader, variables=variables).template(variables[name])


@pytest.mark.parametrize(
    ("record", "erased", "purged"),
    [
        (OURS, [CONTAINERD, DOCKER], True),
        ({"packages": ["iptables"], "engine": True, "data_roots": [DOCKER]}, [], True),
        ({"packages": ["containerd"], "data_roots": [CONTAINERD]}, [], True),
        ({"packages": ["docker.io"], "data_roots": [DOCKER]}, [DOCKER], True),
        ({"packages": ["docker.io", "iptables"], "engine": True}, [], False),
        ({"packages": ["docker.io"], "data_roots": [CONTAINERD]}, [CONTAINERD], False),
        ({}, [], True),
    ],
)
def test_only_data_that_came_with_our_engine_is_erased(record: dict[str, Any], erased: list[str], purged: bool) -> None:
    """iptables alone is no engine, and a folder of which nothing is known stays; the purge of docker.io erases one, too."""
    assert value("_docker_host_ours_to_erase", record=record) == erased
    assert value("_docker_host_may_purge", record=record) is purged


@pytest.mark.parametrize(
    ("packages", "paths", "roots"),
    [
        (["docker.io", "containerd"], {DOCKER: None, CONTAINERD: None}, [CONTAINERD, DOCKER]),
        (["docker.io", "containerd"], {CONTAINERD: None}, [CONTAINERD]),
        (["docker.io"], {DOCKER: None, CONTAINERD: None}, [DOCKER]),
        (["iptables"], {DOCKER: None, CONTAINERD: None}, []),
        ([], {DOCKER: None, CONTAINERD: None}, []),
        (["docker.io"], {}, []),
    ],
)
def test_data_that_was_there_before_is_not_recorded(packages: list[str], paths: dict[str, None], roots: list[str]) -> None:
    """A folder is recorded when its package is new and it was not there."""
    assert value("_docker_host_record_after", paths=paths, _docker_host_new_packages=packages)["data_roots"] == roots


def test_a_cut_off_installation_keeps_what_was_recorded() -> None:
    """The run that completes it finds the folders, and knows from the first that they are its own."""
    after = value("_docker_host_record_after", record={**OURS, "ending": True}, engine=DOWN)
    assert after["data_roots"] == [CONTAINERD, DOCKER]
    assert "ending" not in after


@pytest.mark.parametrize(
    ("record", "engine", "found", "refused"),
    [
        (OURS, DOWN, {}, True),
        (OURS, IDLE, {}, False),
        ({"packages": ["iptables"]}, DOWN, {}, True),
        (OURS, DOWN, {"paths": {DOCKER: None}}, False),
        ({"engine": True}, DOWN, {}, False),
        ({**OURS, "ending": True}, DOWN, {}, True),
        ({**OURS, "ending": True}, DOWN, {"dockerd": None}, False),
        ({}, DOWN, {}, False),
    ],
)
def test_an_engine_that_is_down_is_not_taken_away(
    record: dict[str, Any], engine: dict[str, Any], found: dict[str, Any], refused: bool
) -> None:
    """Nobody knows what it holds, unless the role took its packages away after having asked it."""
    assert value("_docker_host_unknown_data", record=record, engine=engine, **found) is refused


@pytest.mark.parametrize(("containers", "volumes", "others"), [(0, 0, False), (1, 0, True), (0, 2, True), (None, None, False)])
def test_an_engine_that_holds_something_stays(containers: int | None, volumes: int | None, others: bool) -> None:
    """Containers or volumes are of others by the time that the role is taken away."""
    assert value("_docker_host_others", engine={**IDLE, "containers": containers, "volumes": volumes}) is others


@pytest.mark.parametrize(
    ("config", "options", "added"),
    [
        ({}, {}, None),
        ({"live-restore": True}, {}, {"max-size": "10m", "max-file": "3"}),
        ({"log-driver": "local"}, {}, {"max-size": "10m", "max-file": "3"}),
        ({"live-restore": True}, {"docker_host_log_opts": {"max-size": "1m"}}, {"max-size": "1m"}),
        ({"live-restore": True}, {"docker_host_log_opts": {}}, None),
        ({"log-opts": {"max-size": "1g"}}, {}, None),
        ({"log-opts": {}}, {}, None),
        ({"log-driver": "journald"}, {}, None),
        ({"live-restore": True}, {"docker_host_arguments": ["--iptables=false", "--log-opt", "max-size=1g"]}, None),
    ],
)
def test_logs_of_containers_have_a_limit_in_what_the_role_writes(config: dict[str, Any], options: dict[str, Any], added: dict[str, str] | None) -> None:
    """Not where the operator says something of them, nor for a driver that would keep the engine from its start."""
    assert value("_docker_host_config", docker_host_config=config, **options) == {**config, **({"log-opts": added} if added else {})}
