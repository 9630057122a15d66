# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What agents that are gone left in a store: their own models. It is told, and erased only when an operator says so.

An agent is gone when neither the catalog nor the engine knows of it: that it does not run means nothing.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Collection, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import used
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import Observation
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store import locks, places
from ansible_collections.llmops.tenancy.plugins.module_utils.store.garbage import Garbage
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import walk


@dataclass(frozen=True)
class Orphan:
    """What an agent left that the catalog does not have.

    :param size: bytes on the disk. :param age: seconds since anything of it changed. :param changed: when that was, in seconds since 1970.
    :param kept: why it stays; empty for one that goes.
    """

    agent: str
    tenant: str
    size: int
    age: float
    kept: str = ""
    changed: float = 0.0

    def as_garbage(self) -> Garbage:
        """It as something that goes."""
        return Garbage("upper", self.agent, self.size, self.age)

    def as_result(self) -> dict[str, Any]:
        """Plain values."""
        return {"agent": self.agent, "tenant": self.tenant, "size": self.size, "unused_seconds": int(self.age), "kept": self.kept}


def look(layout: Layout, known: Collection[str], grace: float, remove: bool, observe: Callable[[], Observation]) -> list[Orphan]:
    """All of a store. Reads only.

    :param known: agents that the catalog has. :param grace: seconds that one has to be unchanged for before it goes.
    :param remove: whether any shall go. :param observe: looks at the engine of the agents; asked only when it matters.
    """
    names = [name for name in layout.agent_names() if name not in known and not name.startswith(".")]
    held = _held(layout, observe()) if names and remove else set()

    def reason(name: str, age: float) -> str:
        if not remove:
            return "prune_uppers is not set"
        if name in held:
            return "the engine has a container or volume of that agent"
        return "something of it changed within the time of grace" if age < grace else ""

    found = []
    for name in names:
        changed = _last_change(layout, name)
        age = time.time() - changed
        size = used(layout.agent(name).upper)
        found.append(Orphan(name, places.owner(layout, name), size, age, reason(name, age), changed))
    return found


def erase(layout: Layout, orphans: Sequence[Orphan]) -> tuple[Orphan, ...]:
    """Erase those that go, unless somebody touched one since it was looked at: an agent of that name may be made again.

    :returns: all of them, as they are then. :raises TenancyError: ``not_erased``.
    """
    if all(each.kept for each in orphans):
        return tuple(orphans)
    with locks.exclusive(layout):
        return tuple(each if each.kept else _erased(layout, each) for each in orphans)


def _erased(layout: Layout, orphan: Orphan) -> Orphan:
    if _last_change(layout, orphan.agent) > orphan.changed:
        return replace(orphan, kept="something of it changed while this ran")
    places.erase(places.mount_of(layout, orphan.agent))
    return orphan


def _held(layout: Layout, observed: Observation) -> set[str]:
    """Agents of which the engine has anything, be it by a name alone."""
    names = {*observed.volumes, *(each.name for each in observed.containers), *(name for _kind, name in observed.foreign)}
    uppers = {volume.mount.upper for volume in observed.volumes.values() if volume.mount}
    return {
        agent for agent in layout.agent_names()
        if container_name(agent) in names or layout.agent(agent).upper in uppers
    } | {each.agent for each in observed.containers}


def _last_change(layout: Layout, agent: str) -> float:
    """When anything of an agent changed last. A tenant can set the times of its files, but not when it did that."""
    place = os.path.dirname(layout.agent(agent).link)
    return max(_changed(place), max((entry.found.st_ctime for entry in walk(place)), default=0.0))


def _changed(path: str) -> float:
    try:
        return os.lstat(path).st_ctime
    except FileNotFoundError:
        return 0.0
