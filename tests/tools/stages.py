# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run stages of tests and count. Workers take one check after the other; a failure does not hide what comes after it.

Every check counts: a tool is one, a test runner counts by its JUnit files. What was skipped counts as failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence
from xml.etree import ElementTree

import causes

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "tests" / "output"
# How long checks took, by stage and name. Each run writes what it measured beside its logs; a run of all on a machine like
# CI's is kept here from time to time.
SECONDS = Path(__file__).with_name("seconds.json")
PRINT = threading.Lock()
# Process groups to end when this is interrupted, and whether it was.
RUNNING: set[int] = set()
STOPPED = threading.Event()


@dataclass(frozen=True)
class Check:
    """One command of a stage.

    :param name: what it checks, for the summary and the log.
    :param argv: the command, run from the root of the checkout.
    :param junit: glob below the root of the JUnit files it writes; without one the check counts as one test.
    :param targets: the output tells which targets ran and which failed, as ``ansible-test integration`` does.
    """

    name: str
    argv: Sequence[str]
    junit: str = ""
    targets: bool = False
    env: tuple[tuple[str, str], ...] = ()


@dataclass
class Result:
    """What came out of a check."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    causes: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Stage:
    """Checks that belong together, and what came out of them."""

    name: str
    checks: Sequence[Check]
    results: list[Result] = field(default_factory=list)
    measured: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        """Number of tests that passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> list[str]:
        """Names of the tests that failed."""
        return [name for result in self.results for name in result.failed]

    @property
    def causes(self) -> dict[str, list[str]]:
        """A few lines that tell why, by the name of the test that failed."""
        return {name: lines for result in self.results for name, lines in result.causes.items()}

    @property
    def seconds(self) -> float:
        """Seconds that its checks took, one after the other."""
        return sum(result.seconds for result in self.results)


def say(text: str) -> None:
    """Print whole lines: workers share the terminal."""
    with PRINT:
        print(text, flush=True)


def read_junit(paths: Sequence[Path]) -> Result:
    """Count the tests of JUnit files; skipped ones are failures."""
    result = Result()
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
            if any(case.find(word) is not None for word in ("failure", "error")):
                result.failed.append(name)
                result.causes[name] = causes.of_case(case)
            elif case.find("skipped") is None:
                result.passed += 1
            elif not _without_subject(case):
                result.failed.append(f"{name} (skipped)")
    return result


def read_targets(output: str) -> Result:
    """Count the targets of ``ansible-test integration``, which have no JUnit file when they are scripts."""
    ran = set(re.findall(r"^Running (\w+) integration test (?:role|script)$", output, re.MULTILINE))
    listed = output.rpartition("integration test(s) listed below")[2].splitlines()[1:] if "FATAL: The " in output else []
    failed = [line.strip() for line in listed if line.strip() in ran]
    return Result(passed=len(ran - set(failed)), failed=failed)


def _without_subject(case: ElementTree.Element) -> bool:
    """True for a sanity test of a kind of file that the collection has none of (PowerShell)."""
    return any("No tests applicable" in "".join((*skipped.itertext(), *skipped.attrib.values()))
               for skipped in case.iter("skipped"))


def run_check(check: Check, log: Path, prefix: str) -> Result:
    """Run one check with its output to the terminal and to ``log``."""
    for stale in ROOT.glob(check.junit) if check.junit else ():
        stale.unlink()
    began = time.monotonic()
    with log.open("w") as file, subprocess.Popen(
        list(check.argv), cwd=ROOT, env={**os.environ, **dict(check.env)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as process:
        RUNNING.add(process.pid)
        for line in process.stdout or ():
            file.write(line)
            say(prefix + line.rstrip())
        process.wait()
        RUNNING.discard(process.pid)
    if check.targets:
        result = read_targets(log.read_text())
    elif check.junit:
        result = read_junit(sorted(ROOT.glob(check.junit)))
    else:
        result = Result(passed=int(process.returncode == 0))
    result.seconds = time.monotonic() - began
    if process.returncode and not result.failed:
        result.failed.append(f"{check.name} (exit code {process.returncode})")
    elif not result.passed and not result.failed:
        result.failed.append(f"{check.name} (no test ran)")
    for name in set(result.failed) - set(result.causes):
        result.causes[name] = causes.of_log(log.read_text(), name if check.targets else "")
    return result


def work(stage: Stage, check: Check, alone: bool) -> None:
    """Run one check of a stage and keep what came out."""
    if STOPPED.is_set():
        return
    say(f"===== {stage.name}: {check.name} begins")
    log = LOGS / f"{stage.name}-{check.name}.log"
    result = run_check(check, log, "" if alone else f"{check.name[:24]:<24} | ")
    stage.results.append(result)
    stage.measured[check.name] = round(result.seconds)
    say(f"===== {stage.name}: {check.name}: {result.passed} passed, {len(result.failed)} failed in {result.seconds:.0f} s")


def stop(number: int, _frame: object) -> None:
    """End what runs, with all its children, when this is interrupted."""
    STOPPED.set()
    for pid in list(RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    sys.exit(128 + number)


def run(stages: Sequence[Stage], workers: int) -> int:
    """Run all checks in their order, so many side by side; print a table and the total; 0 when nothing failed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    known = json.loads(SECONDS.read_text())
    queue = [(stage, check) for stage in stages for check in stage.checks]
    # The longest first, so that none runs on alone at the end; what nobody measured yet comes before them.
    queue.sort(key=lambda one: -known.get(one[0].name, {}).get(one[1].name, sys.maxsize))
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, stage, check, len(queue) == 1) for stage, check in queue]:
            done.result()
    measured = {stage.name: dict(sorted(stage.measured.items())) for stage in stages}
    (LOGS / SECONDS.name).write_text(json.dumps(measured, indent=2) + "\n")
    return report(stages, time.monotonic() - began)


def report(stages: Sequence[Stage], seconds: float) -> int:
    """Print a table of stages, what failed and why, and the total; 0 when nothing failed."""
    failed = [(f"{stage.name}: {name}", stage.causes[name]) for stage in stages for name in stage.failed]
    print(f"\n{'stage':<14} {'passed':>7} {'failed':>7} {'seconds':>8}")
    for stage in stages:
        print(f"{stage.name:<14} {stage.passed:>7} {len(stage.failed):>7} {stage.seconds:>8.0f}")
    print(f"{'wall clock':<14} {'':>7} {'':>7} {seconds:>8.0f}   logs: {LOGS.relative_to(ROOT)}/\n")
    for name, why in failed:
        print(f"FAILED {name}")
        for line in why[: causes.room_for_each(len(failed))]:
            print(f"  {line}")
    passed = sum(stage.passed for stage in stages)
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    return int(bool(failed) or not passed)
