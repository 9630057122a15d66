# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run stages of tests and count. Lanes run side by side, one per core; a failure does not hide what comes after it.

Every check counts: a tool is one, a test runner counts by its JUnit files. What was skipped counts as failed.
"""

from __future__ import annotations

import contextlib
import os
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

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "tests" / "output"
PRINT = threading.Lock()
# Process groups to end when this is interrupted, and whether it was.
RUNNING: set[int] = set()
STOPPED = threading.Event()


@dataclass(frozen=True)
class Check:
    """One command of a stage.

    :param name: what it checks, for the summary.
    :param argv: the command, run from the root of the checkout.
    :param junit: glob below the root of the JUnit files it writes; none means that it counts as one.
    :param per_file: each JUnit file is one test (ansible-test writes one per target, with its tasks in it).
    """

    name: str
    argv: Sequence[str]
    junit: str = ""
    per_file: bool = False
    env: tuple[tuple[str, str], ...] = ()


@dataclass
class Result:
    """What came out of a check."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass
class Stage:
    """Checks that belong together.

    :param lane: stages of one lane run after each other, lanes run side by side.
    """

    name: str
    lane: str
    checks: Sequence[Check]
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> int:
        """Number of tests that passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> list[str]:
        """Names of the tests that failed."""
        return [name for result in self.results for name in result.failed]


def say(text: str) -> None:
    """Print whole lines: lanes share the terminal."""
    with PRINT:
        print(text, flush=True)


def read_junit(paths: Sequence[Path], per_file: bool) -> Result:
    """Count the tests of JUnit files; skipped ones are failures."""
    result = Result()
    for path in paths:
        bad = []
        cases = [case for case in ElementTree.parse(path).iter("testcase") if not _without_subject(case)]
        for case in cases:
            name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
            if any(case.find(word) is not None for word in ("failure", "error")):
                bad.append(name)
            elif case.find("skipped") is not None and not per_file:
                bad.append(f"{name} (skipped)")
        if per_file:
            result.failed += [f"{path.stem}: {', '.join(bad)}"] if bad else []
            result.passed += not bad
        else:
            result.failed += bad
            result.passed += len(cases) - len(bad)
    return result


def _without_subject(case: ElementTree.Element) -> bool:
    """True for a sanity test of a kind of file that the collection has none of (PowerShell)."""
    return any("No tests applicable" in "".join((*skipped.itertext(), *skipped.attrib.values()))
               for skipped in case.iter("skipped"))


def run_check(stage: str, check: Check, log: Path, prefix: bool) -> Result:
    """Run one check with its output to the terminal and to ``log``."""
    for stale in ROOT.glob(check.junit) if check.junit else ():
        stale.unlink()
    with log.open("a") as file, subprocess.Popen(
        list(check.argv), cwd=ROOT, env={**os.environ, **dict(check.env)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as process:
        RUNNING.add(process.pid)
        for line in process.stdout or ():
            file.write(line)
            say(f"{stage:<11} | {line.rstrip()}" if prefix else line.rstrip())
        process.wait()
        RUNNING.discard(process.pid)
    found = sorted(ROOT.glob(check.junit)) if check.junit else []
    result = read_junit(found, check.per_file) if found else Result()
    if process.returncode and not result.failed:
        result.failed.append(f"{check.name} (exit code {process.returncode})")
    elif not check.junit:
        result.passed += 1
    elif not found:
        result.failed.append(f"{check.name} (no test ran)")
    return result


def run_lane(stages: Sequence[Stage], prefix: bool) -> None:
    """Run the stages of one lane."""
    for stage in stages:
        if STOPPED.is_set():
            return
        say(f"===== {stage.name}: begins")
        began = time.monotonic()
        log = LOGS / f"{stage.name}.log"
        log.write_text("")
        for check in stage.checks:
            if STOPPED.is_set():
                return
            stage.results.append(run_check(stage.name, check, log, prefix))
        stage.seconds = time.monotonic() - began
        say(f"===== {stage.name}: {stage.passed} passed, {len(stage.failed)} failed in {stage.seconds:.0f} s")


def stop(number: int, _frame: object) -> None:
    """End what runs, with all its children, when this is interrupted."""
    STOPPED.set()
    for pid in list(RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
    sys.exit(128 + number)


def run(stages: Sequence[Stage]) -> int:
    """Run all, print a table and the total; 0 when nothing failed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    lanes: dict[str, list[Stage]] = {}
    for stage in stages:
        lanes.setdefault(stage.lane, []).append(stage)
    with ThreadPoolExecutor(len(lanes) or 1) as pool:
        for lane in [pool.submit(run_lane, lane, len(stages) > 1) for lane in lanes.values()]:
            lane.result()
    failed = [f"{stage.name}: {name}" for stage in stages for name in stage.failed]
    print(f"\n{'stage':<14} {'passed':>7} {'failed':>7} {'seconds':>8}   log")
    for stage in stages:
        log = (LOGS / f"{stage.name}.log").relative_to(ROOT)
        print(f"{stage.name:<14} {stage.passed:>7} {len(stage.failed):>7} {stage.seconds:>8.0f}   {log}")
    print(f"{'':<14} {'':>7} {'':>7} {time.monotonic() - began:>8.0f}   in all\n")
    for name in failed:
        print(f"FAILED {name}")
    print(f"{sum(stage.passed for stage in stages)} passed, {len(failed)} failed", flush=True)
    return int(bool(failed) or not stages)
