# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house, modules: documented in full, small, tested, and in the action groups."""

from __future__ import annotations

import ast
from pathlib import Path

import house
import pytest
import yaml

MODULES = house.modules()
by_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
# They run on machines that have nothing yet, with become, and start servers that outlive Ansible.
PREPARING = {"docker_engine", "host_info", "host_server", "ollama_image"}
# Modules whose option group has an action group of its own, so that its options can have defaults for a whole play.
GROUPS_BY_FRAGMENT = {"catalog": "llmops.tenancy.catalog", "docker": "llmops.tenancy.docker"}
# What has state has an _info twin; these have none, or are read by another module.
NO_TWIN = {
    "agent_data": "returns what is there in check mode",
    "agent_move": "returns the moves that are under way in check mode",
    "catalog": "returns version, applied and pending migrations in check mode",
    "check_variables": "has no state",
    "docker_engine": "host_info reads it",
    "host_server": "returns what runs in check mode",
    "model_export": "returns what the archive or registry has in check mode",
    "fleet_report": "has no state",
    "fleet_settings": "has no state",
    "fleet_waves": "ollama_agent_info reads it",
    "ollama_image": "returns what is there in check mode",
    "tenant_export": "its files are the operator's",
    "tenant_files": "has no state",
    "tenant_report": "has no state",
    "tenant_settings": "has no state",
}


def documentation(module: Path) -> dict:
    """A module's documentation."""
    return yaml.safe_load(house.assigned(module, "DOCUMENTATION"))


def attributes(module: Path) -> set[str]:
    """Names of the attributes that are documented, in the module or through a fragment."""
    found = set(documentation(module).get("attributes", {}))
    for fragment in fragments(module):
        if fragment.startswith("llmops.tenancy.attributes"):
            section = fragment.removeprefix("llmops.tenancy.attributes").lstrip(".").upper()
            path = house.ROOT / "plugins" / "doc_fragments" / "attributes.py"
            found |= set(fragment_text(path, section or "DOCUMENTATION")["attributes"])
    return found


def fragment_text(path: Path, section: str) -> dict:
    """One section of a documentation fragment."""
    body = next(node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)).body
    for node in body:
        if isinstance(node, ast.Assign) and node.targets[0].id == section:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no section {section}")


def fragments(module: Path) -> list[str]:
    """The documentation fragments a module uses."""
    return documentation(module).get("extends_documentation_fragment", [])


def test_action_groups() -> None:
    """meta/runtime.yml names every module in `all`, and in the group of its option group."""
    expected = {"all": {module.stem for module in MODULES}}
    for fragment, group in GROUPS_BY_FRAGMENT.items():
        members = {module.stem for module in MODULES if f"llmops.tenancy.{fragment}" in fragments(module)}
        expected[group.rpartition(".")[2]] = members
    runtime = house.load(house.ROOT / "meta" / "runtime.yml")
    assert {name: set(members) for name, members in runtime.get("action_groups", {}).items()} == expected
    assert all(members == sorted(members) for members in runtime["action_groups"].values())


@by_module
def test_executed_directly(module: Path) -> None:
    """Where its host is the controller itself, a module runs in Ansible's worker; those that prepare machines always run packed."""
    action = house.ROOT / "plugins" / "action" / module.name
    assert action.is_file() != (module.stem in PREPARING)


@by_module
def test_logic_is_small(module: Path) -> None:
    """Logic lives in module_utils."""
    assert house.logic_lines(module) <= 50


@by_module
def test_documentation_is_whole(module: Path) -> None:
    """Docs say what a person needs: name, since when, how it behaves, examples with full names, typed results."""
    docs = documentation(module)
    assert docs["module"] == module.stem
    assert docs["version_added"]
    assert {"check_mode", "diff_mode", "idempotent", "action_group"} <= attributes(module)
    tasks = yaml.safe_load(house.assigned(module, "EXAMPLES"))
    assert tasks and all(task["name"] for task in tasks)
    assert any(f"llmops.tenancy.{module.stem}" in task for task in tasks)
    results = yaml.safe_load(house.assigned(module, "RETURN"))
    assert results and all(result["type"] and result["description"] for result in results.values())


@by_module
def test_info_twin(module: Path) -> None:
    """What can be changed can be read."""
    name = module.stem
    if not name.endswith("_info") and name not in NO_TWIN:
        assert (module.parent / f"{name}_info.py").is_file()


def test_reasons_are_current() -> None:
    """No reason stands here for a module that is gone."""
    assert set(NO_TWIN) <= {module.stem for module in MODULES}


@by_module
def test_integration_target(module: Path) -> None:
    """Every module is run for real."""
    target = house.ROOT / "tests" / "integration" / "targets" / module.stem
    assert (target / "tasks" / "main.yml").is_file()
    assert (target / "aliases").is_file()
    # ansible-test would run a role of the collection in the place of a target of its name.
    assert (target / "runme.sh").is_file() or not (house.ROOT / "roles" / module.stem).is_dir()
