# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``make test`` and its parts run: ``run.py [STAGE…]``, all stages when none is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

from stages import ROOT, Check, Stage, run

BIN = Path(sys.executable).parent
NEWEST = ROOT / ".cache" / "venv-newest" / "bin"
COPIES = ".cache/ansible-test"
JUNIT = "tests/output/junit"
LIFE = ROOT / "tests" / "e2e" / "test_every_core.py"
# One more than the cores there are: tests wait for engines, databases and timeouts, too.
JOBS = (os.cpu_count() or 2) + 1


def tool(name: str) -> str:
    """A program of the virtual environment."""
    return str(BIN / name)


def shell_scripts() -> list[str]:
    """Files that git knows or would add and that a shell runs."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    files = [name for name in listed if (ROOT / name).is_file()]
    return [name for name in files if name.endswith(".sh") or _first_line(ROOT / name).endswith((b"bash", b"/sh"))]


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        line = file.readline(100).strip()
    return line if line.startswith(b"#!") else b""


def pytest(name: str, python: Path, *options: str) -> Check:
    """Tests that pytest runs."""
    report = f"{JUNIT}/{name}.xml"
    return Check(name, [str(python), "-m", "pytest", f"--junitxml={report}", *options], junit=report)


def sanity(name: str, python: Path) -> Check:
    """``ansible-test sanity`` with the interpreter and the ansible-core of ``python``."""
    copy = f"{COPIES}/{name}"
    argv = [str(python), "tests/tools/ansible_test.py", copy, "sanity", "--junit"]
    return Check(name, argv, junit=f"{copy}/ansible_collections/llmops/tenancy/tests/output/junit/*.xml")


def lint() -> list[Check]:
    """Linters, with no exceptions made in their configuration."""
    return [
        Check("ansible-lint", [tool("ansible-lint")]),
        Check("yamllint", [tool("yamllint"), "--strict", "."]),
        Check("shellcheck", ["shellcheck", *shell_scripts()]),
        Check("antsibull-changelog", [tool("antsibull-changelog"), "lint"]),
        Check("antsibull-docs", [tool("antsibull-docs"), "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."]),
    ]


def unit() -> list[Check]:
    """Unit tests, straight from the checkout."""
    return [pytest("unit", BIN / "python", "tests/unit")]


def bench(name: str, command: list[str]) -> list[str]:
    """A command that runs on a bench of its own, with real parts around it."""
    return ["tests/support/bench", "run", "--name", f"{name[:12].strip('-')}-{os.getpid()}", "--", *command]


def integration() -> list[Check]:
    """A target for each module, on the bench."""
    copy = f"{COPIES}/integration"
    options = ["--allow-root", "--allow-destructive", "--continue-on-error", *os.environ.get("TARGETS", "").split()]
    command = [str(BIN / "python"), "tests/tools/ansible_test.py", copy, "integration", *options]
    return [Check("integration", bench("integration", command), targets=True)]


def molecule() -> list[Check]:
    """Scenarios of the roles, on the bench; each counts as one."""
    checks = []
    for path in sorted((ROOT / "extensions" / "molecule").glob("*/molecule.yml")):
        name = path.parent.name
        # What Molecule writes, in a folder for each scenario: they may run side by side.
        env = (("MOLECULE_EPHEMERAL_DIRECTORY", str(ROOT / ".cache" / "molecule" / name)),)
        command = bench(f"m-{name.replace('_', '-')}", ["tests/tools/molecule.sh", "test", "-s", name])
        checks.append(Check(name, command, env=env))
    return checks


def e2e() -> list[Check]:
    """Whole playbooks, faults, kills and races: each file on a bench of its own."""
    # Other files go through all of the life of a tenant, so the short one is for the newest ansible-core.
    files = [ROOT / name for name in os.environ.get("TESTS", "").split()] or [
        path for path in sorted((ROOT / "tests" / "e2e").glob("test_*.py")) if "newest" not in STAGES or path != LIFE
    ]
    checks = []
    for path in files:
        report = f"{JUNIT}/e2e-{path.stem}.xml"
        command = [str(BIN / "python"), "-m", "pytest", f"--junitxml={report}", "-v", str(path.relative_to(ROOT))]
        checks.append(Check(path.stem, bench(path.stem.removeprefix("test_").replace("_", "-"), command), junit=report))
    return checks


def newest() -> list[Check]:
    """The same unit and sanity tests, the life of a tenant, and the inventory, under the newest ansible-core and Python."""
    report = f"{JUNIT}/e2e-newest.xml"
    life = [str(NEWEST / "python"), "-m", "pytest", f"--junitxml={report}", "-v", str(LIFE.relative_to(ROOT)),
            "tests/e2e/test_inventory.py"]
    return [
        pytest("unit-newest", NEWEST / "python", "tests/unit"),
        sanity("sanity-newest", NEWEST / "python"),
        Check("e2e-newest", bench("newest", life), junit=report),
    ]


# In the order of the table at the end; which check runs when is decided by how long it takes.
STAGES: dict[str, Callable[[], list[Check]]] = {
    "lint": lint,
    "unit": unit,
    "sanity": lambda: [sanity("sanity", BIN / "python")],
    "integration": integration,
    "e2e": e2e,
    "molecule": molecule,
}
if (NEWEST.parent / ".ready").is_file():
    STAGES["newest"] = newest


def main() -> int:
    """Run the stages that were named."""
    names = sys.argv[1:] or list(STAGES)
    unknown = sorted(set(names) - set(STAGES))
    if unknown:
        print(f"No such stage: {', '.join(unknown)}. There are: {', '.join(STAGES)}.", file=sys.stderr)
        return 2
    os.environ["NO_COLOR"] = "1"
    # The tools call each other by name (ansible-lint calls ansible).
    os.environ["PATH"] = os.pathsep.join([str(BIN), os.environ["PATH"]])
    stages = [Stage(name, checks()) for name, checks in STAGES.items() if name in names]
    return run(stages, int(os.environ.get("JOBS", JOBS)))


if __name__ == "__main__":
    sys.exit(main())
