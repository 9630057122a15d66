# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a move of agents between a volume of their own and a store means in models and bytes. Reads only."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import allocated, existing, used
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction, AgentSpec, Observation, Volume
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import PRIVATE, SHARED, Linked, SharedModel
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action
from ansible_collections.llmops.tenancy.plugins.module_utils.store import carrying, content, places, space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import at


@dataclass(frozen=True)
class Plain:
    """What a plain volume has.

    :param models: by name. :param bytes: all that it takes. :param blobs: what they take there, by model.
    :param unnamed: manifests whose names no model can have.
    """

    models: Mapping[str, SharedModel]
    bytes: int
    blobs: Mapping[str, Mapping[str, int]]
    unnamed: int = 0

    def own_bytes(self, shared: Mapping[str, str]) -> int:
        """Bytes that stay the agent's own. :param shared: digest by name of what it is going to share."""
        kept = {name for name, model in self.models.items() if shared.get(name) != model.digest}
        given = {digest for name in set(self.models) - kept for digest in self.blobs[name]}
        own = {digest: size for name in kept for digest, size in self.blobs[name].items() if digest not in given}
        return sum(own.values())


def read_plain(volume: Volume | None) -> Plain:
    """The models of a volume that a tenant wrote; none without one."""
    if volume is None or not volume.path:
        return Plain({}, 0, {})
    own = places.look_into(volume.path)
    # What a manifest says of sizes is the tenant's own saying, and so is how long a file is that has holes.
    taken = {blob.digest: 0 for each in own.manifests.values() for blob in each.blobs}
    for digest in taken:
        taken[digest] = sum(
            allocated(entry.found) for entry in at(volume.path, ["blobs", blob_name(digest)]) if stat.S_ISREG(entry.found.st_mode)
        )
    blobs = {name: {blob.digest: taken[blob.digest] for blob in each.blobs} for name, each in own.manifests.items()}
    return Plain(own.models, used(volume.path), blobs, own.unnamed)


def require_room(agents: Sequence[str], observed: Observation) -> None:
    """Check that copies of all that these agents see fit beside the engine's volumes, before anything is touched.

    They are made at the same time, on the disk where the engine has its volumes and not on the store's.

    :raises TenancyError: ``disk_full``.
    """
    found = [(name, observed.volumes.get(container_name(name)), observed.views.get(name)) for name in agents]
    moving_ones = {name: (volume, linked) for name, volume, linked in found if volume and volume.mount and linked}
    if moving_ones:
        what = f"There is no room for volumes with all models of {', '.join(sorted(moving_ones))}"
        needed = sum(_shared_bytes(linked) + linked.private_bytes for _volume, linked in moving_ones.values())
        folder = os.path.dirname(os.path.dirname(next(iter(moving_ones.values()))[0].mountpoint))
        space.check(what, folder or "/", needed, carrying.ROOM, space.MOVE)


def require_room_in_store(actions: Sequence[AgentAction]) -> None:
    """Check that what agents bring along from another disk fits into the store, all together. On its own disk nothing is copied.

    :raises TenancyError: ``disk_full``.
    """
    coming: dict[str, dict[str, int]] = {}
    for action in actions:
        if (action.verb, action.kind) == ("replace", "volume") and action.mount and action.volume:
            root = places.root_of(action.mount)
            coming.setdefault(root, {})[action.agent] = _brought(action, action.volume, root)
    for root, sizes in coming.items():
        names = ", ".join(sorted(name for name, size in sizes.items() if size))
        space.check(f"There is no room for the own models of {names}", root, sum(sizes.values()), carrying.ROOM, space.MOVE)


def _brought(action: AgentAction, volume: Volume, root: str) -> int:
    """Bytes of an agent's own that are copied into a store."""
    source = volume.mount.upper if volume.mount else volume.path
    if not os.path.isdir(source) or _disk(source) == _disk(root):
        return 0
    if volume.mount is None:
        return action.view.own_bytes if action.view else 0
    return used(source)


def _disk(path: str) -> int:
    return os.stat(existing(path)).st_dev


def _shared_bytes(linked: Linked) -> int:
    """Bytes of what an agent sees of a store, each blob once. A view is there for some time after it was left."""
    layout = Layout(places.root_of(linked.mount))
    found = content.list_models(layout.view(linked.view.id)) if linked.view.id else []
    return sum({blob.digest: blob.size for model in found for blob in model.blobs}.values())


def migrated(specs: Sequence[AgentSpec], actions: Sequence[Action], before: Observation) -> list[dict[str, Any]]:
    """What moved, or would, of each agent whose volume was replaced by one of the other sort.

    :param before: the engine as it was before.
    """
    names = {action.name for action in actions if (action.verb, action.kind) == ("replace", "volume")}
    moving = [spec for spec in specs if container_name(spec.agent) in names and spec.migrate]
    return [_told(spec, before.views.get(spec.agent)) for spec in moving]


def _told(spec: AgentSpec, linked: Linked | None) -> dict[str, Any]:
    if spec.migrate == PRIVATE:
        models, own = (linked.view.models, linked.private_bytes) if linked else ({}, 0)
        shared, freed = _shared_bytes(linked) if linked else 0, 0
    else:
        view = spec.view
        models, own = ({}, 0) if view is None else (view.models, view.own_bytes)
        shared = sum(model.size for model in models.values())
        freed = view.plain_bytes - own if view else 0
    return {
        "agent": spec.agent, "tenant": spec.tenant, "models": spec.migrate, "names": sorted(models),
        "shared_bytes": shared if spec.migrate == SHARED else 0, "copied_bytes": shared if spec.migrate == PRIVATE else 0,
        "own_bytes": own, "freed_bytes": max(freed, 0),
    }
