# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For all tests: the checkout is the collection, and a test that does not run is a failure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Generator

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINK = ROOT / ".collections" / "ansible_collections" / "llmops" / "tenancy"

if LINK.is_dir() and str(ROOT / ".collections") not in sys.path:
    # First, so that a copy installed elsewhere can't stand in for the working tree.
    sys.path.insert(0, str(ROOT / ".collections"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one: what is not tested is not known to work."""
    return _no_skip((yield), item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is collected."""
    return _no_skip((yield), collector.nodeid)


def _no_skip(report: pytest.TestReport | pytest.CollectReport, name: str):  # the very report that came in
    if report.skipped:
        reason = getattr(report, "wasxfail", "") or report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, which counts as a failure here: {reason}"
    return report
