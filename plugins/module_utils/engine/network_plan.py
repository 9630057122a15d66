# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of a plan: made when a tenant's first agent comes, removed when its last has gone. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.networks import SubnetPool, bridge_name, capacity
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import CONTAINER_PREFIX, network_name


@dataclass(frozen=True)
class PoolOptions:
    """Where subnets of new tenant networks come from.

    :param prefix: bits of each one's prefix.
    :param turns: by tenant, for a network that can't be where it belongs: the number of its next place, from 1.
    """

    pool: str = "10.201.0.0/16"
    prefix: int = 28
    turns: Mapping[str, int] = field(default_factory=dict)


class NetworkPlan:
    """Who joins and who leaves which tenant's network, and what follows for the networks.

    :param observed: the engine. :param pool: for new networks. :param routes: of the host, to keep clear of.
    """

    def __init__(self, observed: Observation, pool: PoolOptions, routes: Sequence[str]) -> None:
        self.warnings: list[str] = []
        self._networks = {network.tenant: network for network in observed.networks.values() if network.tenant}
        self._members = {tenant: set(network.members) for tenant, network in self._networks.items()}
        taken = [subnet for network in observed.networks.values() for subnet in network.subnets]
        self._pool = SubnetPool(pool.pool, pool.prefix, [*taken, *routes])
        self._turns = pool.turns
        self._new: dict[str, AgentAction] = {}
        self._left: dict[str, None] = {}

    def join(self, tenant: str, container: str) -> None:
        """``container`` needs the network of ``tenant``.

        :raises TenancyError: ``network_full`` or ``no_subnet``.
        """
        if tenant not in self._networks and tenant not in self._new:
            turn = self._turns.get(tenant, 0)
            self._new[tenant] = AgentAction(
                "create", "network", network_name(tenant), tenant=tenant,
                subnet=self._pool.take(tenant, turn), bridge=bridge_name(tenant, turn),
            )
        members = self._members.setdefault(tenant, set())
        members.add(container)
        subnet = self.subnet(tenant)
        if subnet and len(members) > capacity(subnet):
            raise TenancyError(
                f"The network of tenant '{tenant}' is full",
                cause=f"its subnet {subnet} has addresses for {capacity(subnet)} agents",
                remedy="Remove the tenant's agents (their data is kept) and create them again with a smaller network_prefix",
                kind="network_full",
                tenant=tenant,
            )

    def leave(self, tenant: str, container: str) -> None:
        """``container`` goes, or has gone already."""
        self._members.setdefault(tenant, set()).discard(container)
        self._left[tenant] = None

    def subnet(self, tenant: str) -> str | None:
        """The subnet of the tenant's network, that is there or will be."""
        if tenant in self._new:
            return self._new[tenant].subnet
        network = self._networks.get(tenant)
        return network.subnets[0] if network and network.subnets else None

    def creations(self) -> list[AgentAction]:
        """Networks to make, first of all."""
        return list(self._new.values())

    def removals(self) -> tuple[AgentAction, ...]:
        """Networks to remove, last of all. One with containers that are not ours stays."""
        actions = []
        for tenant in self._left:
            members = self._members[tenant]
            if tenant not in self._networks or tenant in self._new:
                continue
            strangers = sorted(name for name in members if not name.startswith(CONTAINER_PREFIX))
            if strangers and len(strangers) == len(members):
                self.warnings.append(
                    f"Network {network_name(tenant)} was kept: {', '.join(strangers)} of something else is still in it"
                )
            if not members:
                actions.append(AgentAction("remove", "network", network_name(tenant), tenant=tenant))
        return tuple(actions)
