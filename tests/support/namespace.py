# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of the bench: its network, processes and mounts are its own and end with it, whatever ends it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support.process import BenchError
from tests.support.settings import ADDRESS

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# What the collection's roles write on "this machine" stays in the bench: it sees these folders as they are, and what it
# changes there goes into its own folder.
SHIELDED_FOLDERS = ("/etc", "/opt", "/var")
# Of these it has empty ones of its own, so that a role finds neither an engine's nor a cluster's data.
EMPTY_FOLDERS = (
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/llmops-tenancy",
    "/opt/llmops-tenancy",
    "/etc/docker",
    # The model store: what is shielded is an overlay, and that can't be the upper directory of another one.
    "/var/lib/llmops",
    "/var/lib/postgresql",
    "/etc/postgresql",
    "/var/log/postgresql",
)

# Modules keep their pulls here, by the addresses of agents, which are the same in other benches.
JOBS = Path(tempfile.gettempdir(), f"llmops-tenancy-{os.geteuid()}")

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise BenchError(f"{name}: {os.strerror(error)}; the bench needs root and the right to make namespaces")


def next_child_is_first_process() -> None:
    """Make the next child of this process the first of a process namespace: all others in it end with it."""
    _call("unshare", CLONE_NEWPID)


def die_with_parent() -> None:
    """Have the kernel kill this process when the process that started it ends, even by ``kill -9``."""
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)


def enter(folder: Path) -> None:
    """Give this process, the first of its process namespace, a network and mounts of its own.

    Args:
        folder: Folder of the bench; the private folders are made in it.
    """
    # Not `ip netns exec`: that mounts a new /sys, which hides the control groups from the engine.
    _call("unshare", CLONE_NEWNET | CLONE_NEWNS)
    _mount("--make-rprivate", "/")
    _mount("-t", "proc", "proc", "/proc")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name in ("lock", "sshd"):
        Path("/run", name).mkdir()
    _shield_folders(folder / "private")
    _have_own_jobs(folder / "private" / "jobs")
    _set_resolver()
    for command in (["link", "set", "lo", "up"], ["address", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(["ip", *command], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _shield_folders(private: Path) -> None:
    for target in map(Path, SHIELDED_FOLDERS):
        upper, work = private / f"upper{target}", private / f"work{target}"
        if private.is_relative_to(target):
            raise BenchError(f"the folder {private} is in {target}, which the bench shields; set TMPDIR to another one")
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        owner = target.stat()
        os.chown(upper, owner.st_uid, owner.st_gid)
        upper.chmod(owner.st_mode & 0o7777)
        _mount("-t", "overlay", "-o", f"lowerdir={target},upperdir={upper},workdir={work}", "overlay", str(target))
    for target in map(Path, EMPTY_FOLDERS):
        target.mkdir(parents=True, exist_ok=True)
        source = private / f"empty{target}"
        source.mkdir(parents=True)
        owner = target.stat()
        os.chown(source, owner.st_uid, owner.st_gid)
        source.chmod(owner.st_mode & 0o7777)
        _mount("--bind", str(source), str(target))


def _have_own_jobs(source: Path) -> None:
    for folder in (JOBS, source):
        folder.mkdir(mode=0o700, exist_ok=True)
    _mount("--bind", str(source), str(JOBS))


def _set_resolver() -> None:
    # Names of the outside are refused at once, instead of after the time-out of a server that is out of reach.
    resolver = Path("/etc/resolv.conf")
    resolver.unlink(missing_ok=True)
    resolver.write_text(f"nameserver {ADDRESS}\noptions attempts:1 timeout:1\n")


def remove_control_groups(name: str) -> None:
    """Remove the control groups that containers of the bench left when they were killed."""
    for top in Path("/sys/fs/cgroup").glob(f"*/{name}"), Path("/sys/fs/cgroup").glob(name):
        for group in top:
            for folder, _subfolders, _files in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    continue
