# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo model that ships with the collection is what its generator makes, and real Ollama runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.ollama import PORT, HostOllama, generate
from tests.support.settings import DEMO_MODEL, Bench

LARGEST = 300_000


def test_generator_makes_the_same_bytes(tmp_path: Path) -> None:
    made = tmp_path / "demo.gguf"
    generator = DEMO_MODEL.with_name("make_demo_model.py")
    subprocess.run([sys.executable, str(generator), "--output", str(made)], check=True, timeout=60)
    assert made.read_bytes() == DEMO_MODEL.read_bytes()
    assert made.stat().st_size <= LARGEST


def test_every_answer_says_something(bench: Bench) -> None:
    with HostOllama(bench) as ollama:
        ollama.create("demo", DEMO_MODEL)
        for number in range(8):
            answer = generate(PORT, prompt=f"Question {number}?")
            assert answer.strip()
            assert answer.isprintable()
