# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks, without their minutes: what they import and which options they take is there, and what they print is right."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Callable

import house
import pytest

BENCH = house.ROOT / "tests" / "bench"
SCRIPTS = sorted(path.stem for path in BENCH.glob("*.py") if path.stem != "store_sides")
# Modules that they share; tests/tools has one of the same name.
SHARED = ("run", "store_sides")
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a benchmark as when it is started."""
    monkeypatch.setattr(sys, "path", [str(BENCH), str(house.ROOT), str(house.ROOT / ".collections"), *sys.path])
    for name in SHARED:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        del sys.modules[name]

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_tells_its_options(load: Load, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        load(name).main()
    assert ended.value.code == 0 and "--" in capsys.readouterr().out


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_is_told_of(name: str) -> None:
    [told] = [line for line in (house.ROOT / "CONTRIBUTING.md").read_text().splitlines() if line.startswith("make bench ")]
    assert name == "run" or name in told


def test_onboarding_is_compared_by_medians(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    run = load("run")
    slow, fast, idle = run.Outcome(30.0, 20.0, 9), run.Outcome(3.0, 2.0, 5), run.Outcome(1.0, 0.5, 0)
    outcomes = {
        ("stock", "first"): [slow, run.Outcome(99.0, 99.0, 9), slow], ("stock", "unchanged"): [slow],
        ("ours", "first"): [fast], ("ours", "unchanged"): [idle],
    }
    run.report(outcomes, ["stock", "ours"])
    *_head, stock, ours, ratios = capsys.readouterr().out.splitlines()
    assert stock.split()[:4] == ["stock", "30.00", "s", "20.00"] and ours.split()[5:] == ["5", "1.00", "s", "0.50", "s", "0"]
    assert ratios.split() == ["times", "faster", "10.0x", "10.0x", "30.0x", "40.0x"]


def test_a_fleet_beyond_the_sizes_of_the_stock_side_is_extended_by_its_slope(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    fleet = load("fleet")
    theirs = {(size, run): fleet.Outcome(size * 2.0 + 10, size * 1.0, 1, 1) for size in (10, 50) for run in fleet.RUNS}
    own = {(size, run): fleet.Outcome(10.0, 5.0, 1, 1) for size in (10, 50, 100) for run in fleet.RUNS}
    fleet.report([10, 100], theirs, own)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "   10 tenants, first       seconds: 30.0 / 10.0 = 3x  cpu: 10.0 / 5.0 = 2x"
    assert told[2] == "  100 tenants, first       seconds: 210.0 / 10.0 = 21x  cpu: 100.0 / 5.0 = 20x  (stock extended by its slope)"
    # Of one size there is no slope, and without the stock side nothing to compare.
    fleet.report([10, 100], {key: outcome for key, outcome in theirs.items() if key[0] == 50}, own)
    assert [line.split(",")[0].strip() for line in capsys.readouterr().out.splitlines()] == ["50 tenants", "50 tenants"]
    fleet.report([10, 100], {}, own)
    assert capsys.readouterr().out == ""


def test_the_files_of_a_fleet_say_who_runs(load: Load, tmp_path: Path) -> None:
    fleet = load("fleet")
    fleet.write_fleet(3, 2, tmp_path)
    [first, *_others, last] = [house.load(path)["agents"][0] for path in sorted((tmp_path / "tenants").iterdir())]
    assert (first["agent"], first["desired_state"], last["desired_state"]) == ("fleet-3-0000", "started", "stopped")
    assert not set(fleet.LIMITS) - set(first)


def test_pulls_are_compared_by_medians(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    store = load("model_store")
    times = {"ollama pull": [4.0, 4.0, 40.0], "model_store": [5.0], "sha256sum": [1.0, 2.0, 3.0], "model_store, verify": [2.5]}
    store.report_pulls(100 * store.MIB, times)
    told = capsys.readouterr().out
    assert "a model of 100 MiB, median of 3" in told and "pull, ratio                   0.80" in told
    assert "verify, ratio                 0.80" in told and "ollama pull                   4.00        25" in told


def test_costs_of_both_sides_stand_side_by_side(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    store = load("model_store")
    store.Table().costs("second tenant", store.Cost(0.25, 0, 4096), store.Cost(30.0, 1 << 20, 1 << 20), ("less than 1", "0", ""))
    _gap, _head, seconds, wire, disk = capsys.readouterr().out.splitlines()
    assert seconds.split()[-5:] == ["0.25", "30.00", "less", "than", "1"] and wire.split()[-3:] == ["0", "1,048,576", "0"]
    assert disk.split()[-2:] == ["4,096", "1,048,576"]
