# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes all objects but images from an engine that is not running: what it takes minutes for, one after the other."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.support.process import alive, descendants, processes, wait_until

# Below an engine's folder, where it keeps its data and its sockets.
DATA, SOCKETS = "docker", "exec"
_OBJECTS = ("containers", "network", "volumes", "image/overlay2/layerdb/mounts")
# Interfaces that an engine makes: bridges of networks, also those that the collection names, and ends in containers.
_INTERFACES = ("br-", "llmt-", "veth")


def empty(folder: Path, server: int | None) -> None:
    """End an engine with all its containers, and erase what it knows of containers, networks and volumes.

    Args:
        folder: The engine's folder.
        server: Its process, None when it does not run. It has to be of this network and these mounts.
    """
    shims = {pid for pid in processes() if str(folder / SOCKETS).encode() in _command(pid)}
    ended = descendants({server, *shims} - {None})
    for pid in ended:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_until(lambda: not any(map(alive, ended)), "the end of an engine's containers")
    for place in reversed(_mounts(folder)):
        subprocess.run(["umount", "--lazy", place], check=True)
    for name in _OBJECTS:
        shutil.rmtree(folder / DATA / name, ignore_errors=True)
    links = subprocess.run(["ip", "-oneline", "link"], check=True, capture_output=True, text=True).stdout.splitlines()
    names = [link.split(": ")[1].partition("@")[0] for link in links]
    # An end goes by itself once its container's network has gone.
    commands = "".join(f"link delete {name}\n" for name in names if name.startswith(_INTERFACES))
    subprocess.run(["ip", "-force", "-batch", "-"], input=commands, check=False, capture_output=True, text=True)
    for table in ("filter", "nat"):
        for erase in ("--flush", "--delete-chain"):
            subprocess.run(["iptables", "--wait", "--table", table, erase], check=True)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _mounts(folder: Path) -> list[str]:
    """Mounts below the folder, in the order in which they were made."""
    places = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return [place for place in places if place.startswith((f"{folder / DATA}/", f"{folder / SOCKETS}/"))]
