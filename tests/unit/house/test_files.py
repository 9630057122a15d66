# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house, files: headers, no ways around a check, nothing of one machine, no foreign addresses."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import house
import pytest

THIS = Path(__file__).resolve()
TEXT = {".py", ".yml", ".yaml", ".md", ".sh", ".mk", ".ini", ".cfg", ".txt", ".toml", ".j2", ".sql", ""}
FILES = [path for path in house.tracked() if path.suffix in TEXT and path != THIS and path.name != "LICENSE"]
by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(house.ROOT)))
by_plugin = pytest.mark.parametrize(
    "path", house.python_files("plugins", "tests"), ids=lambda path: str(path.relative_to(house.ROOT))
)
HEADER = (
    "# Copyright (c) 2026, llmops.tenancy contributors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
# A check that is switched off is not a check.
AROUND = re.compile(
    r"\bignore_errors: *(?:true|yes)|\bfailed_when: *false|# *noqa|# *type: *ignore|# *pylint: *disable|\|\| true\b"
    r"|\b(?:TODO|FIXME|XXX)\b|pytest\.(?:skip|xfail|importorskip)\b|mark\.(?:skip|skipif|xfail)\b"
)
# Folders of one person's or one workplace's machine, and addresses of package registries: clients are set up with their own.
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|home/\w+)/|/tmp/h/|\b(?:pypi\.org|pythonhosted\.org|proxy\.golang\.org|deb\.debian\.org|registry\.npmjs\.org)\b"
)


@by_plugin
def test_header(path: Path) -> None:
    """Copyright, licence, and postponed annotations."""
    text = path.read_text()
    lines = text.splitlines()
    first = lines[1:4] if lines[0].startswith("#!") else lines[:3]
    assert tuple(first) == HEADER
    only_docstring = len(ast.parse(text).body) == 1
    assert only_docstring or "from __future__ import annotations" in lines


@by_file
def test_no_way_around(path: Path) -> None:
    """Nothing switches a check off or leaves a thing for later."""
    found = [f"{number}: {line.strip()}" for number, line in enumerate(path.read_text().splitlines(), 1) if AROUND.search(line)]
    assert not found


@by_file
def test_nothing_foreign(path: Path) -> None:
    """No path of one machine, no address of a package registry."""
    found = [f"{number}: {line.strip()}" for number, line in enumerate(path.read_text().splitlines(), 1) if FOREIGN.search(line)]
    assert not found
