# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house, roles and playbooks: defaults, argument specs and READMEs agree; playbooks are thin and documented."""

from __future__ import annotations

import re
from pathlib import Path

import house
import pytest
import reference

ROLES = house.roles()
by_role = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
by_playbook = pytest.mark.parametrize("playbook", house.playbooks(), ids=lambda path: path.stem)
# What the keys of a play may be: which hosts, which roles, how. The only task is to import a role (by an entry point of it).
PLAY = {"name", "hosts", "gather_facts", "vars", "roles", "tasks", "become", "connection", "any_errors_fatal",
        "ignore_unreachable", "max_fail_percentage", "serial", "strategy", "tags", "module_defaults", "environment"}
TASK = {"name", "ansible.builtin.import_role", "vars", "tags", "when"}
TABLE = re.compile(r"^\| *(?:option|variable) *\|.*\n\|[-| :]+\n(?P<rows>(?:\|.*\n)*)", re.MULTILINE)
ROW = re.compile(r"^\| *`(?P<name>[a-z0-9_]+)` *\|", re.MULTILINE)
PROGRAMS = ("ansible.builtin.shell", "ansible.builtin.raw", "ansible.builtin.script")


def options(role: Path) -> dict:
    """All options of a role, of all its entry points."""
    specs = house.load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: option for spec in specs.values() for name, option in (spec.get("options") or {}).items()}


def defaults(role: Path) -> dict:
    """A role's defaults."""
    path = role / "defaults" / "main.yml"
    return house.load(path) or {} if path.is_file() else {}


@by_role
def test_shape(role: Path) -> None:
    """Every role has the same parts."""
    for part in ("tasks/main.yml", "tasks/preflight.yml", "meta/argument_specs.yml", "README.md"):
        assert (role / part).is_file(), part


@by_role
def test_defaults_are_those_of_the_argument_specs(role: Path) -> None:
    """What defaults/main.yml gives is what the argument specs document."""
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert defaults(role) == documented


@by_role
def test_names_begin_with_the_role(role: Path) -> None:
    """A default of a role can't be mistaken for one of another."""
    assert [name for name in defaults(role) if not name.startswith(f"{role.name}_")] == []


@by_role
def test_readme_lists_the_options(role: Path) -> None:
    """The table of the README has every option, and none that is gone."""
    tables = [match["rows"] for match in TABLE.finditer((role / "README.md").read_text() + "\n")]
    rows = {match["name"] for table in tables for match in ROW.finditer(table)}
    assert rows == set(options(role))


@by_role
def test_no_shell(role: Path) -> None:
    """No step is a shell command, and no task of the hot path loops over a module of ours."""
    for path in (role / "tasks").glob("*.yml"):
        for task in house.load(path) or []:
            assert not set(PROGRAMS) & set(task), f"{path.name}: {task.get('name')}"
            ours = [key for key in task if key.startswith("llmops.tenancy.")]
            assert not (ours and ("loop" in task or any(key.startswith("with_") for key in task))), task.get("name")


@by_playbook
def test_playbook_is_thin(playbook: Path) -> None:
    """Hosts, roles and variables, nothing else; no gathering of facts."""
    for play in house.load(playbook):
        if set(play) - {"name", "vars"} == {"ansible.builtin.import_playbook"}:
            continue
        assert set(play) <= PLAY, sorted(set(play) - PLAY)
        assert play["gather_facts"] is False
        for task in play.get("tasks", []):
            assert set(task) <= TASK, sorted(set(task) - TASK)


@by_playbook
def test_no_argument_of_a_module_is_in_a_file_of_a_host(playbook: Path) -> None:
    """Not for the time of the module, nor after a kill; wherever the playbook is run from, whatever its ansible.cfg says."""
    plays = [play for play in house.load(playbook) if "ansible.builtin.import_playbook" not in play]
    assert [play["name"] for play in plays if play.get("vars", {}).get("ansible_pipelining") is not True] == []


@by_playbook
def test_playbook_is_documented(playbook: Path) -> None:
    """A person finds every playbook in the README and its variables in the reference."""
    assert f"`{playbook.stem}`" in (house.ROOT / "README.md").read_text()
    assert re.search(rf"^## .*\b{playbook.stem}\b", (house.ROOT / "docs" / "variables.md").read_text(), re.MULTILINE)


def test_reference_is_current() -> None:
    """docs/variables.md says what the code knows; `python tests/tools/reference.py` writes it."""
    assert reference.PAGE.read_text() == reference.page()
