# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.llmops.tenancy.plugins.module_utils.host import requirements

ROOT = Path(__file__).parents[5]
LIBRARIES = {
    "docker": ("7.1.0", ["requests>=2.26"]),
    "psycopg": ("3.3.9", ['psycopg-binary==3.3.9; implementation_name != "pypy" and extra == "binary"', "typing-extensions"]),
    "msal": ("1.31rc1", []),
}


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("docker", True),
        ("Docker>=7.1", True),
        ("docker >= 7.1, < 8", True),
        ("docker>=7.1.1", False),
        ("docker==7.1", True),
        ("docker!=7.1", False),
        ("docker<7", False),
        ("msal>=1.31", True),
        ("psycopg>=3.2", True),
        ("psycopg[binary]>=3.2", False),
        ("psycopg[pool]>=3.2", True),
        ("requests>=2.32", False),
    ],
)
def test_missing(text: str, there: bool) -> None:
    assert requirements.missing([text], LIBRARIES) == ([] if there else [text])


def test_extra_with_its_library() -> None:
    assert requirements.missing(["psycopg[binary]>=3.2"], {**LIBRARIES, "psycopg-binary": ("3.3.9", [])}) == []


def test_interpreter_that_does_not_run() -> None:
    assert requirements.installed("/nowhere/python", lambda command: None) is None


def test_names_are_normalised() -> None:
    found = requirements.installed("python3", lambda command: '{"Psycopg_Binary": ["3.3.9", []]}')
    assert found == {"psycopg-binary": ("3.3.9", [])}


@pytest.mark.parametrize("role", ["docker_host", "catalog_host"])
def test_roles_ask_for_versions_of_the_collection(role: str) -> None:
    """What a role installs on a host is what requirements.txt says."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text())
    assert set(defaults[f"{role}_requirements"]) <= set(lines)
