# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan has to know of the host itself: ports that something listens on, and its routes. Reads /proc only."""

from __future__ import annotations

import ipaddress
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.networks import BRIDGE_PREFIX

# What Docker publishes a port with.
PROXY = "docker-proxy"
_LISTEN = "0A"
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True)
class Listener:
    """A socket that listens. :param inode: of the socket, which leads to its process."""

    address: str
    port: int
    inode: int = 0


@dataclass(frozen=True)
class HostFacts:
    """The host of a local engine; all empty for a remote one.

    :param routes: destinations of its routes as CIDR text, without the default route.
    :param process_of: names the process that holds a socket's inode; looked up only for an error.
    """

    listeners: tuple[Listener, ...] = ()
    routes: tuple[str, ...] = ()
    process_of: Callable[[int], str] = field(default=lambda inode: "another process")


def read_host(proc: Path = Path("/proc")) -> HostFacts:
    """The facts of the host this runs on, in its own network namespace."""
    net = proc / "self/net"
    listeners = (*_listeners(net / "tcp"), *_listeners(net / "tcp6"))
    return HostFacts(listeners, tuple(_routes(net / "route")), lambda inode: process_of(inode, proc))


def overlaps(one: str, other: str) -> bool:
    """Whether two bound addresses can't have the same port."""
    return one == other or one in ANY_ADDRESS or other in ANY_ADDRESS


def process_of(inode: int, proc: Path = Path("/proc")) -> str:
    """The process that holds a socket: ``process 4711 (nginx -g daemon off;)``."""
    wanted = f"socket:[{inode}]"
    for folder in proc.glob("[0-9]*"):
        try:
            held = any(os.readlink(entry.path) == wanted for entry in os.scandir(folder / "fd"))
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            # Ended meanwhile, or of another user: not ours to see.
            continue
        if held:
            return f"process {folder.name} ({_short(command)}{_orphan(folder, proc)})"
    return "a process of another user or namespace"


def _orphan(folder: Path, proc: Path) -> str:
    """Docker's proxies outlive an engine that crashed, and then hold ports for nobody."""
    try:
        name = (folder / "comm").read_text().strip()
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        if name == PROXY and (proc / parent / "comm").read_text().strip() != "dockerd":
            return ", left over from an engine that crashed: it can be killed"
    except OSError:
        return ""
    return ""


def _short(command: str) -> str:
    # Arguments of a stranger's process may hold secrets: its program and first argument are enough to find it.
    return " ".join(command.split()[:2])[:80]


def _listeners(table: Path) -> Iterator[Listener]:
    for line in _lines(table):
        columns = line.split()
        if columns[3] == _LISTEN:
            address, port = columns[1].split(":")
            yield Listener(_address(address), int(port, 16), int(columns[9]))


def _routes(table: Path) -> Iterator[str]:
    for line in _lines(table):
        columns = line.split()
        mask = bin(int(columns[7], 16)).count("1")
        # Our own networks are known from the engine. The interface that a crashed engine left behind is taken up again,
        # which needs the same subnet.
        if mask and not columns[0].startswith(BRIDGE_PREFIX):
            yield f"{_address(columns[1])}/{mask}"


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        # No IPv6, or not Linux.
        return []


def _address(text: str) -> str:
    """An address of /proc/net: words of 32 bits in host byte order, in hexadecimal."""
    words = [int(text[start:start + 8], 16) for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
