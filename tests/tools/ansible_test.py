# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-test on a copy of the working tree: ``ansible_test.py COPY sanity …``.

ansible-test wants a collection under ``ansible_collections/`` and follows links to where they lead, so the link that
serves everything else does not serve it. It also downloads a pip installer from a server that a closed network does not
reach; the cache file that it looks for first is made here from pip's own package.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path.home() / ".ansible" / "test" / "cache"
INSTALLER = '''"""Installs pip from its own wheel, which lies beside this file."""
import pathlib
import runpy
import sys

wheel = next(pathlib.Path(__file__).parent.glob("pip-{version}-*.whl"))
options = [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
sys.path.insert(0, str(wheel))
sys.argv[1:] = ["install", *options]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
'''
VERSION_OF_PIP = """
from types import SimpleNamespace
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(SimpleNamespace(version="{python}"))["pip"])
"""
# ansible-test says so and goes on; here a check that did not run is a failure.
NOT_RUN = re.compile(r"^(?:WARNING|NOTE): (?:Skipping|Excluding|Required program|All targets skipped)")


def copy_collection(base: Path) -> Path:
    """Lay the files that git knows or would add under ``base``; returns the collection's directory there."""
    target = base / "ansible_collections" / "llmops" / "tenancy"
    shutil.rmtree(target, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    # Without a repository of its own ansible-test would ask the one around it, which ignores the copy.
    subprocess.run(["git", "init", "--quiet", str(target)], check=True)
    return target


def provide_pip(python: str) -> None:
    """Put the installer of the pip that ansible-test wants for ``python`` (3.11) where ansible-test looks for it."""
    code = VERSION_OF_PIP.format(python=python)
    version = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    script = CACHE / f"get_pip_{version.replace('.', '_')}.py"
    if script.exists():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    # Another run may do the same at the same time: the wheel first, the script last, each by a rename.
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, f"pip=={version}"]
        subprocess.run(command, check=True)
        for wheel in Path(scratch).glob("*.whl"):
            wheel.replace(CACHE / wheel.name)
        draft = Path(scratch) / script.name
        draft.write_text(INSTALLER.format(version=version))
        draft.replace(script)


def parts() -> dict[str, str]:
    """Variables of the integration targets: where the bench's parts are. ansible-test hides the environment from them."""
    env = os.environ
    return {
        "bench_dir": env["LLMOPS_BENCH_DIR"],
        "bench_address": env["LLMOPS_BENCH_ADDRESS"],
        "docker_host": env["DOCKER_HOST"],
        "catalog_server": f"host={env['PGHOST']} port={env['PGPORT']} user={env['PGUSER']}",
        "model_registry": env["LLMOPS_BENCH_REGISTRY"],
        "ollama_image": env["LLMOPS_BENCH_IMAGE"],
        # Packed and run in a process of its own, as on every host but the controller. The playbooks' tests run them directly.
        "ansible_llmops_direct_execution": "false",
        "demo_model": str(ROOT / "roles" / "agent" / "files" / "demo_model" / "demo.gguf"),
    }


def main() -> int:
    """Entry point."""
    base, command, *options = sys.argv[1:]
    lock = Path(base).with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        # A second run in this checkout waits instead of taking the copy away from under the first.
        fcntl.flock(held, fcntl.LOCK_EX)
        return run(Path(base).resolve(), command, options)


def run(base: Path, command: str, options: list[str]) -> int:
    """Lay the copy, run ansible-test on it with its output passed through; 0 when everything ran and passed."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    copy = copy_collection(base)
    provide_pip(python)
    if command == "integration":
        # JSON is YAML.
        (copy / "tests" / "integration" / "integration_config.yml").write_text(json.dumps(parts(), indent=2))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    argv = ["ansible-test", command, "--local", "--python", python, "--color", "no", *options]
    skipped = []
    with subprocess.Popen(
        argv, cwd=copy, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if NOT_RUN.search(line):
                skipped.append(line.strip())
    for line in skipped:
        print(f"NOT RUN, which counts as a failure: {line}")
    return process.returncode or bool(skipped)


if __name__ == "__main__":
    sys.exit(main())
