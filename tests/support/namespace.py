# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of the bench: its network, processes and mounts are its own and end with it, whatever ends it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from tests.support.process import BenchError
from tests.support.settings import ADDRESS

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# Folders of the machine that the collection's roles write to: each bench has empty ones of its own, so a test may
# prepare "this machine" without touching it.
PRIVATE_FOLDERS = (
    "/var/lib/docker",
    "/var/lib/containerd",
    "/etc/docker",
    "/var/lib/postgresql",
    "/etc/postgresql",
    "/var/log/postgresql",
)

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
    resolver = Path("/etc/resolv.conf").resolve()
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "proc", "proc", "/proc"],
        ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
        ["ip", "link", "set", "lo", "up"],
        ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"],
    ):
        subprocess.run(command, check=True)
    # Names of the outside are refused at once, instead of after the time-out of a server that is out of reach.
    names = folder / "resolv.conf"
    names.write_text(f"nameserver {ADDRESS}\noptions attempts:1 timeout:1\n")
    if resolver.is_file():
        subprocess.run(["mount", "--bind", str(names), str(resolver)], check=True)
    else:
        resolver.parent.mkdir(parents=True, exist_ok=True)
        resolver.write_text(names.read_text())
    for name in ("lock", "sshd"):
        Path("/run", name).mkdir()
    private = folder / "private"
    for target in map(Path, PRIVATE_FOLDERS):
        source = private / str(target).strip("/").replace("/", "-")
        source.mkdir(parents=True)
        owner = target.stat() if target.is_dir() else None
        if owner:
            os.chown(source, owner.st_uid, owner.st_gid)
            source.chmod(owner.st_mode & 0o7777)
            subprocess.run(["mount", "--bind", str(source), str(target)], check=True)


def remove_control_groups(name: str) -> None:
    """Remove the control groups that containers of the bench left when they were killed."""
    for top in Path("/sys/fs/cgroup").glob(f"*/{name}"), Path("/sys/fs/cgroup").glob(name):
        for group in top:
            for folder, _subfolders, _files in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    continue
