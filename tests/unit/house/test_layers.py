# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house, layers: who may import what, and how large a file may be."""

from __future__ import annotations

from pathlib import Path

import house
import pytest

# The one place that may import a library; everything else goes through its functions.
OWNERS = {
    "psycopg": ("plugins/module_utils/catalog/",),
    "docker": ("plugins/module_utils/engine/",),
    "msal": ("plugins/module_utils/graph/",),
    # The Docker SDK lets its errors through.
    "requests": ("plugins/module_utils/engine/", "plugins/module_utils/graph/", "plugins/module_utils/store/"),
}
# From the bottom up. A file imports from its own package or from a lower layer; domains don't know each other.
LAYERS = (
    {"disk", "errors", "names", "plan", "quantities", "tenant_tree", "unknown_names"},
    {"options"},
    {"catalog", "engine", "graph", "host", "ollama", "settings"},
    {"fleet", "m365", "store"},
    {"module"},
)
PLUGINS = house.python_files("plugins")
UTILS = house.python_files("plugins/module_utils")
by_plugin = pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(house.ROOT / "plugins")))
by_util = pytest.mark.parametrize("path", UTILS, ids=lambda path: str(path.relative_to(house.UTILS)))


def layer(unit: str) -> int:
    """Height of a unit of module_utils (a package or a single file)."""
    return next(height for height, units in enumerate(LAYERS) if unit in units)


def unit_of(path: Path) -> str:
    """The package or single file of module_utils that a path belongs to."""
    return path.relative_to(house.UTILS).parts[0].removesuffix(".py")


@by_plugin
def test_one_importer_per_library(path: Path) -> None:
    """A library is imported in the layer that owns it and nowhere else."""
    place = str(path.relative_to(house.ROOT))
    for name in house.imports(path):
        owners = OWNERS.get(name.partition(".")[0])
        assert owners is None or place.startswith(owners), f"{place} imports {name}, which only {owners} may"


@by_plugin
def test_one_knower_of_ansible_module(path: Path) -> None:
    """AnsibleModule is known in one file, so that errors become results in one place."""
    if path != house.UTILS / "module.py":
        assert not [name for name in house.imports(path) if name.endswith(".AnsibleModule")]


@by_util
def test_imports_go_down(path: Path) -> None:
    """Imports go to a lower layer or stay in the package; domains don't know each other."""
    own = unit_of(path)
    for name in house.imports(path):
        if name.startswith(f"{house.UTILS_PACKAGE}."):
            other = name.removeprefix(f"{house.UTILS_PACKAGE}.").split(".")[0]
            allowed = other == own or layer(other) < layer(own) or layer(own) == layer(other) == 0
            assert allowed, f"{own} imports {other}"


@by_util
def test_files_are_small(path: Path) -> None:
    """One subject per file."""
    assert len(path.read_text().splitlines()) <= 300


def test_every_unit_has_a_layer() -> None:
    """A new package says where it stands."""
    assert {unit_of(path) for path in UTILS} == set().union(*LAYERS)
