# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about the tree that the tests of the house compare. ``python tests/tools/house.py`` prints the sizes."""

from __future__ import annotations

import ast
import io
import statistics
import subprocess
import tokenize
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "plugins" / "modules"
UTILS = ROOT / "plugins" / "module_utils"
UTILS_PACKAGE = "ansible_collections.llmops.tenancy.plugins.module_utils"
_NOT_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER
}


@lru_cache
def tracked() -> tuple[Path, ...]:
    """Files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return tuple(sorted(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def python_files(*folders: str) -> list[Path]:
    """Python files below ``folders``."""
    roots = [ROOT / folder for folder in folders]
    return [path for path in tracked() if path.suffix == ".py" and any(root in path.parents for root in roots)]


def modules() -> list[Path]:
    """The collection's modules."""
    return sorted(path for path in MODULES.glob("*.py"))


def roles() -> list[Path]:
    """The collection's roles."""
    return sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())


def playbooks() -> list[Path]:
    """The collection's playbooks."""
    return sorted((ROOT / "playbooks").glob("*.yml"))


def load(path: Path) -> Any:
    """A YAML file's content."""
    return yaml.safe_load(path.read_text())


def assigned(path: Path, name: str) -> str:
    """The text that a module assigns to ``name`` (DOCUMENTATION, EXAMPLES, RETURN)."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return ast.literal_eval(node.value)
    return ""


def imports(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _code_lines(source: str) -> set[int]:
    """Numbers of the lines with code on them, docstrings not counted."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def logic_lines(path: Path) -> int:
    """Lines of logic of a module: its code without docs, imports and the assignments that make its argument spec."""
    source = path.read_text()
    lines = _code_lines(source)
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def main() -> None:
    """Print lines of logic per module, and the sizes of module_utils."""
    counts = {path.stem: logic_lines(path) for path in modules()}
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{count:>5}  {name}")
    print(f"{statistics.median(counts.values()):>5}  median of {len(counts)} modules (lines of logic)\n")
    sizes = {path: len(path.read_text().splitlines()) for path in python_files("plugins/module_utils")}
    for path, size in sorted(sizes.items(), key=lambda item: -item[1])[:10]:
        print(f"{size:>5}  {path.relative_to(ROOT)}")
    print(f"{sum(sizes.values()):>5}  in {len(sizes)} files of module_utils (all lines)")


if __name__ == "__main__":
    main()
