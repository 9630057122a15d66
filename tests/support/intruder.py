# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant that has a shell in its agent's container: Python that runs there, with no more rights than Ollama has."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.engine import Engine

# Relative to the models directory: the one place of the container where files that can be executed may be written.
KIT = "kit"
IMPORTS = "import ctypes, json, os, sys"
# What an interpreter with these modules has loaded, its dynamic linker and libraries first.
_LOADED = IMPORTS + """
parts = [line.split(maxsplit=5) for line in open("/proc/self/maps")]
mapped = {part[5].strip() for part in parts if len(part) == 6 and ".so" in part[5]}
# By each of their names: programs ask for the shorter ones, which are links.
names = [os.path.join(folder, name) for folder in {os.path.dirname(path) for path in mapped} for name in os.listdir(folder)]
libraries = [name for name in names if os.path.realpath(name) in mapped]
files = [module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]
print(json.dumps([sys.prefix, os.path.realpath(sys.executable), libraries, files]))
"""
_PYTHON = ["/usr/bin/python3", "-I", "-S"]


class Intruder:
    """Python in the container of an agent that runs; it gets there as a tenant's own files do.

    Args:
        engine: Engine of the agent.
        agent: Name of the agent.
    """

    def __init__(self, engine: Engine, agent: str) -> None:
        self._engine, self._container = engine, f"ollama-agent-{agent}"
        asked = subprocess.run([*_PYTHON, "-c", _LOADED], check=True, capture_output=True, text=True)
        self._prefix, self._program, libraries, modules = json.loads(asked.stdout)
        self._linker = next(name for name in libraries if Path(name).name.startswith("ld-"))
        self._folders = sorted({str(Path(name).parent) for name in libraries})
        for name in {*libraries, *modules, self._program}:
            place = models_of(engine, agent) / KIT / name.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, place)

    def run(self, script: str) -> Any:
        """Run a script as the engine runs a process in the container, and return the JSON that it printed."""
        inside = f"/models/{KIT}"
        libraries = ":".join(inside + folder for folder in self._folders)
        command = [inside + self._linker, "--library-path", libraries, inside + self._program, "-S", "-c", f"{IMPORTS}\n{script}"]
        home = f"PYTHONHOME={inside}{self._prefix}"
        return json.loads(self._engine.docker("exec", "--env", home, self._container, *command))


def models_of(engine: Engine, agent: str) -> Path:
    """The models directory of an agent that runs, as its own processes see it."""
    pid = engine.docker("inspect", "--format", "{{.State.Pid}}", f"ollama-agent-{agent}").strip()
    return Path("/proc", pid, "root/models")
