# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bench keeps its things, and the coordinates of its parts."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import BenchError

ROOT = Path(__file__).resolve().parents[2]
BUILD_SCRIPT = ROOT / "roles/ollama_image/files/build_ollama.sh"
DEMO_MODEL = ROOT / "roles/agent/files/demo_model/demo.gguf"
OLLAMA_VERSION = "0.24.0"
OLLAMA_IMAGE = f"docker.io/ollama/ollama:{OLLAMA_VERSION}"
# Set on the loopback interface of the namespace: containers reach it through their own gateway, from any bridge
# network that is not internal. It is of a range that is kept for documentation (RFC 5737), so no network of a test
# can want it.
ADDRESS = "192.0.2.1"
REGISTRY_PORT = 5000
POSTGRES_PORT = 5432
POSTGRES_PASSWORD = "bench-superuser-password"


def cache_folder() -> Path:
    """Folder of what is slow to make, shared by all clones on the machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "llmops-tenancy"


def runs_folder() -> Path:
    """Folder with one folder and one lock file for each bench that runs."""
    return Path(tempfile.gettempdir()) / "llmops-bench"


@dataclass(frozen=True)
class Bench:
    """One running bench: its folder holds everything that its parts write."""

    name: str

    @property
    def folder(self) -> Path:
        """Folder of the run; erased at its end."""
        return runs_folder() / self.name

    @property
    def logs(self) -> Path:
        """Folder of the logs and pid files of the parts."""
        return self.folder / "log"

    @property
    def lock(self) -> Path:
        """File that is locked as long as the bench runs."""
        return runs_folder() / f"{self.name}.lock"

    @property
    def cgroup(self) -> str:
        """Control group above all containers of the bench."""
        return f"llmops-bench-{self.name}"

    def environment(self) -> dict[str, str]:
        """Coordinates of the parts as environment variables for the command that runs in the bench."""
        return {
            "LLMOPS_BENCH": self.name,
            "LLMOPS_BENCH_DIR": str(self.folder),
            "LLMOPS_BENCH_ADDRESS": ADDRESS,
            "LLMOPS_BENCH_REGISTRY": f"{ADDRESS}:{REGISTRY_PORT}",
            "LLMOPS_BENCH_IMAGE": OLLAMA_IMAGE,
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "PGHOST": str(self.folder / "pgsocket"),
            "PGPORT": str(POSTGRES_PORT),
            "PGUSER": "postgres",
            "PYTHONPATH": os.pathsep.join(
                dict.fromkeys([str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
            ),
            "PYTEST_PLUGINS": "tests.support.fixtures",
        }

    @classmethod
    def current(cls) -> Bench:
        """The bench that this process runs in.

        Raises:
            BenchError: It runs in none.
        """
        name = os.environ.get("LLMOPS_BENCH")
        if not name:
            raise BenchError("this needs the bench: run it with `tests/support/bench run -- COMMAND`")
        return cls(name)
