# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel has a model in memory: what an agent has to read from the disk to load it."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

from tests.support.engine import Engine
from tests.support.ollama import generate, request
from tests.support.process import BenchError, descendants, wait_until

_libc = ctypes.CDLL(None, use_errno=True)


def unload(port: int, model: str) -> None:
    """Have an agent let go of a model: what a process has mapped can't leave the memory."""
    request(port, "POST", "/api/generate", {"model": model, "keep_alive": 0})
    wait_until(lambda: not request(port, "GET", "/api/ps")[0]["models"], "the model to be let go")


def evict(path: Path) -> None:
    """Take a file out of the memory, whatever the names that it has."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def out_of_memory(path: Path) -> int:
    """Bytes of a file that are not in memory: a busy machine lets go of some by itself."""
    flags = {"flags": mmap.MAP_PRIVATE, "prot": mmap.PROT_READ | mmap.PROT_WRITE}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, **flags) as area:
        pages = bytearray(-(-len(area) // mmap.PAGESIZE))
        start, found = ctypes.c_char.from_buffer(area), (ctypes.c_char * len(pages)).from_buffer(pages)
        failed = _libc.mincore(ctypes.byref(start), ctypes.c_size_t(len(area)), found)
        del start, found
    if failed:
        raise BenchError(f"mincore of {path}: {os.strerror(ctypes.get_errno())}")
    return sum(not page & 1 for page in pages) * mmap.PAGESIZE


def read_to_answer(engine: Engine, container: str, port: int, model: str) -> int:
    """Bytes that an agent reads from the disk to load a model and answer."""
    before = _read_by(engine, container)
    generate(port, model, tokens=1)
    return _read_by(engine, container) - before


def _read_by(engine: Engine, container: str) -> int:
    processes = descendants([engine.inspect(container)["State"]["Pid"]])
    accounts = [Path("/proc", str(process), "io").read_text().splitlines() for process in processes]
    return sum(int(line.split()[1]) for account in accounts for line in account if line.startswith("read_bytes:"))
