# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that are executed directly: where that is the same as elsewhere, with the same results, and nowhere else."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ansible import PlaybookRun
from tests.support.fixtures import Database

SECRET = "geheim-4711"
# A secret that is part of a warning.
WARNED = "counts a tenant"
DIRECT = re.compile(r"^<(\S+)> Running llmops\.tenancy\.(\S+) in this process", re.M)
# Ways to say that the module is to run as somebody else, elsewhere, or otherwise.
PACKED: dict[str, dict[str, Any]] = {
    "environment": {"environment": {"PGCONNECT_TIMEOUT": "9"}},
    "switch": {"vars": {"ansible_llmops_direct_execution": "no"}},
    "become": {"become": True, "become_method": "ansible.builtin.su"},
    "async": {"async": 600, "poll": 1},
}


@pytest.fixture
def run(
    tmp_path: Path, database: Database, run_module: Callable[..., Any], run_playbook: Callable[..., PlaybookRun]
) -> Callable[..., tuple[PlaybookRun, dict[str, Any]]]:
    """Runs tasks with -vvv and gives what they registered, by the name of the task."""
    run_module("catalog", {"catalog_dsn": database.dsn}).ok()

    def play(tasks: list[dict[str, Any]], *args: str, hosts: str = "localhost") -> tuple[PlaybookRun, dict[str, Any]]:
        report, book = tmp_path / "report.json", tmp_path / "play.yml"
        kept = [{"register": task["name"], "ignore_errors": True, **task} for task in tasks]
        names = ", ".join(f"'{task['name']}': {task['name']}" for task in tasks)
        write = {
            "ansible.builtin.copy": {"content": "{{ {" + names + "} | to_json }}", "dest": str(report)},
            "check_mode": False,
            "delegate_to": "localhost",
        }
        defaults = {"group/llmops.tenancy.catalog": {"catalog_dsn": database.dsn}}
        book.write_text(yaml.safe_dump([
            {"hosts": hosts, "gather_facts": False, "module_defaults": defaults, "tasks": [*kept, write]}
        ]))
        done = run_playbook([str(book), "-vvv", *args]).ok()
        return done, json.loads(report.read_text())

    return play


def test_the_same_result_as_in_a_process_of_its_own(run) -> None:
    """A change, in check mode, for real and again; an error; a misspelled option; a secret that is shown nowhere."""
    def both(name: str, module: str, options: dict[str, Any], **keywords: Any) -> list[dict[str, Any]]:
        task = {f"llmops.tenancy.{module}": options, **keywords}
        return [{"name": f"{name}_direct", **task}, {"name": f"{name}_packed", **task, **PACKED["switch"]}]

    tenant = {"tenant": "direct", "name": "Direct"}
    tasks = [
        *both("check", "tenant", tenant, check_mode=True, diff=True),
        {"name": "made", "llmops.tenancy.tenant": tenant},
        *both("again", "tenant", tenant),
        *both("info", "tenant_info", {}),
        *both("error", "tenant", {"tenant": "Not A Slug"}),
        *both("typo", "tenant", {"tenant": "direct", "nmae": "x"}),
        *both("password", "tenant_info", {"catalog_password": SECRET}),
        *both("warned", "tenant_user", {"tenant": "other", "email": "a@b.example", "catalog_password": WARNED}, check_mode=True),
        {"name": "looped", "llmops.tenancy.tenant": {"tenant": "{{ item }}"}, "loop": ["direct", "other", "other"]},
    ]
    done, found = run(tasks)
    assert [item["changed"] for item in found["looped"]["results"]] == [False, True, False]
    assert found["made"]["changed"] and not found["again_direct"]["changed"] and found["check_direct"]["changed"]
    assert found["error_direct"]["failed"] and found["typo_direct"]["failed"]
    for checked in (found["check_direct"], found["check_packed"]):
        checked.pop("tenants")  # a record that was rolled back has another time each time
    for name in ("check", "again", "info", "error", "typo", "password"):
        assert found[f"{name}_direct"] == found[f"{name}_packed"], name
    for warned in (found["warned_direct"], found["warned_packed"]):
        assert warned["warnings"] == ["Check mode ******** that the catalog does not have as made by an earlier task"]
    assert SECRET not in done.output
    assert len(DIRECT.findall(done.output)) == 11


def test_only_what_is_the_same_runs_here(run, tmp_path: Path) -> None:
    """Another environment, user or interpreter, or a module in the background: a process of its own."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    ways = {**PACKED, "interpreter": {"vars": {"ansible_python_interpreter": str(python)}}}
    tasks = [{"name": f"by_{name}", "llmops.tenancy.tenant_info": {}, **keywords} for name, keywords in ways.items()]
    # Its worker would go on with this run's command line and variables.
    left = {"name": "left", "llmops.tenancy.model_store": {"store": str(tmp_path / "store"), "models": [], "wait": False}}
    done, found = run([*tasks, left, {"name": "here", "llmops.tenancy.tenant_info": {}}])
    assert "changed" in found.pop("left")
    assert [entry["tenants"] for entry in found.values()] == [[]] * 6
    assert DIRECT.findall(done.output) == [("localhost", "tenant_info")]


def test_delegation(run) -> None:
    """A task of another host that is delegated to the controller is the controller's."""
    tasks = [{"name": "there", "llmops.tenancy.tenant_info": {}, "delegate_to": "localhost"}]
    done, found = run(tasks, "-i", "elsewhere,", "-i", "inventories/local", hosts="elsewhere")
    assert found["there"]["tenants"] == []
    assert len(DIRECT.findall(done.output)) == 1
