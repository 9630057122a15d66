# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets of tenant networks. Pure: which subnet a tenant gets depends on its name, the pool and what is taken.

Docker's own pools end near 31 networks, so each tenant's network gets a small subnet of a pool of ours.
"""

from __future__ import annotations

import hashlib
import ipaddress
from bisect import bisect_right
from typing import Iterable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# The interface of a tenant's network. The engine tells networks apart by their ids and lets two runs at once make two of
# one name; of an interface there can only be one. Linux allows 15 characters.
BRIDGE_PREFIX = "llmt-"
# Network address, broadcast address and the bridge itself.
_RESERVED_ADDRESSES = 3


def bridge_name(tenant: str, turn: int = 0) -> str:
    """Name of the interface of the tenant's network. :param turn: above 0 for another, where this one can't be had."""
    return BRIDGE_PREFIX + _hash(tenant, turn).hex()[:10]


def _hash(tenant: str, turn: int) -> bytes:
    # No tenant's name has a slash.
    return hashlib.sha256((f"{tenant}/{turn}" if turn else tenant).encode()).digest()


def capacity(subnet: str) -> int:
    """How many agents a subnet has addresses for."""
    return ipaddress.ip_network(subnet).num_addresses - _RESERVED_ADDRESSES


def check_pool(pool: str, prefix: int) -> ipaddress.IPv4Network:
    """The pool, when subnets of ``prefix`` bits can be cut from it.

    :raises TenancyError: ``invalid_pool``.
    """
    try:
        network = ipaddress.IPv4Network(pool)
    except ValueError as error:
        raise TenancyError(
            f"network_pool '{pool}' is not an IPv4 network",
            cause=str(error),
            remedy="Write for example 10.201.0.0/16",
            kind="invalid_pool",
        ) from error
    if not network.prefixlen <= prefix <= 29:
        raise TenancyError(
            f"network_prefix {prefix} does not fit network_pool '{pool}'",
            cause=f"it must be from {network.prefixlen} to 29",
            remedy="Leave it at 28, which has room for 13 agents a tenant, or choose a smaller number for more",
            kind="invalid_pool",
        )
    return network


class SubnetPool:
    """Subnets that are still free. One object serves all tenants of a run, so two of them never get the same.

    :param pool: network to cut from. :param prefix: length of each subnet's prefix.
    :param taken: networks in use, as CIDR text: other networks of the engine and routes of the host.
    """

    def __init__(self, pool: str, prefix: int, taken: Iterable[str]) -> None:
        self.network = check_pool(pool, prefix)
        self.prefix = prefix
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in _merged(taken):
            self._starts.append(start)
            self._ends.append(end)

    def take(self, tenant: str, turn: int = 0) -> str:
        """The tenant's subnet: the one its name hashes to, or the next free one after it.

        :param turn: above 0 to begin elsewhere, where that one can't be had though nothing is seen to use it.
        :raises TenancyError: ``no_subnet`` when the pool is used up.
        """
        size = 1 << (32 - self.prefix)
        count = self.network.num_addresses // size
        first = int.from_bytes(_hash(tenant, turn)[:8], "big") % count
        base = int(self.network.network_address)
        for step in range(count):
            start = base + (first + step) % count * size
            if self._reserve(start, start + size - 1):
                return str(ipaddress.IPv4Network((start, self.prefix)))
        raise TenancyError(
            f"No subnet is left for the network of tenant '{tenant}'",
            cause=f"all {count} subnets /{self.prefix} of network_pool {self.network} overlap networks or routes of this host",
            remedy="Give another network_pool, or a larger one",
            kind="no_subnet",
        )

    def _reserve(self, start: int, end: int) -> bool:
        position = bisect_right(self._starts, end)
        if position and self._ends[position - 1] >= start:
            return False
        self._starts.insert(position, start)
        self._ends.insert(position, end)
        return True


def _merged(networks: Iterable[str]) -> list[tuple[int, int]]:
    """Disjoint address ranges, ascending. IPv6 can't overlap an IPv4 pool."""
    ranges = []
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        if network.version == 4:
            ranges.append((int(network.network_address), int(network.broadcast_address)))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
