# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bench needs from outside of its namespace: Debian packages and the image of Ollama."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.process import BenchError
from tests.support.settings import BUILD_SCRIPT, OLLAMA_VERSION, ROOT, cache_folder

REQUIREMENTS = ROOT / "requirements.txt"
# Package: a file that shows that it is there.
PACKAGES = {
    "docker.io": "/usr/sbin/dockerd",
    "iptables": "/usr/sbin/iptables",
    "iproute2": "/bin/ip",
    "postgresql": "/usr/lib/postgresql/*/bin/initdb",
    "docker-registry": "/usr/bin/docker-registry",
    "haproxy": "/usr/sbin/haproxy",
    "e2fsprogs": "/sbin/mkfs.ext4",
    "openssh-server": "/usr/sbin/sshd",
    # What the roles install on a host, as there is no way to a package registry from inside of the bench.
    "python3-apt": "/usr/lib/python3/dist-packages/apt/__init__.py",
    "python3-venv": "/usr/lib/python3*/ensurepip/__init__.py",
}
POLICY = Path("/usr/sbin/policy-rc.d")


def missing_packages() -> list[str]:
    """Debian packages that the bench needs and that are not there."""
    return [name for name, pattern in PACKAGES.items() if not any(Path("/").glob(pattern.lstrip("/")))]


def install_packages() -> None:
    """Install what is missing, without letting the packages start their services.

    Raises:
        BenchError: A package could not be installed.
    """
    missing = missing_packages()
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise BenchError(f"missing: {', '.join(missing)}; install them, this system has no apt-get")
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(
                ["apt-get", "-o", "DPkg::Lock::Timeout=300", *command],
                check=True,
                env=environment,
                stdout=subprocess.DEVNULL,
            )
    except subprocess.CalledProcessError as error:
        raise BenchError(f"could not install {', '.join(missing)}: {error}") from error
    finally:
        if ours:
            POLICY.unlink()


def build_ollama(output: str) -> Path:
    """Path of Ollama's image archive (``--archive``) or binary (``--binary``), built where it is not cached."""
    done = subprocess.run(
        [str(BUILD_SCRIPT), "--version", OLLAMA_VERSION, output], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise BenchError("Ollama could not be built, see above")
    return Path(done.stdout.strip().splitlines()[-1])


def wheels_folder() -> Path:
    """Folder of the wheels of the collection's requirements; another list of requirements has another folder."""
    return cache_folder() / f"wheels-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"


def download_wheels() -> None:
    """Get the collection's Python requirements for the system's interpreter, from which the roles install offline."""
    folder = wheels_folder()
    if folder.is_dir():
        return
    version = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        options = ["--only-binary", ":all:", "--python-version", version, "--dest", f"{scratch}/wheels"]
        done = subprocess.run([*command, *options, "--requirement", str(REQUIREMENTS)], check=False)
        if done.returncode:
            raise BenchError("requirements.txt could not be downloaded, see above; run `make setup` first")
        with contextlib.suppress(OSError):
            # Another bench may have been faster.
            Path(scratch, "wheels").rename(folder)


def prepare() -> None:
    """Make sure that everything is there; seconds once it is."""
    if os.geteuid() != 0:
        raise BenchError("the bench needs root: run it as root or with sudo")
    install_packages()
    build_ollama("--archive")
    download_wheels()
