# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model with many weights: unlike the padding of ``Registry.add_big_model``, a server reads them all to answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.settings import DEMO_MODEL

MIB = 1 << 20


def write_big_model(path: Path, size_mb: int) -> None:
    """Write a GGUF file of at least so many megabytes of random weights; it loads and generates."""
    generator = DEMO_MODEL.with_name("make_demo_model.py")
    width = 2048 if size_mb >= 512 else 512
    # Ten square matrices of 16-bit numbers.
    layers = -(-size_mb * MIB // (20 * width * width))
    size = ["--width", str(width), "--layers", str(layers)]
    subprocess.run([sys.executable, str(generator), "--output", str(path), *size], check=True)


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, as ``Registry.add_model`` takes them."""
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            yield chunk
