# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent has in a store: the link to its view, and its own directory over it.

Its own directory is written by a tenant that is root in its container. So nothing there is followed or trusted: a link
is not read, a pipe is not opened, a file counts by what it is at the moment it is open.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import used
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import (
    Linked,
    ModelMount,
    ModelView,
    SharedModel,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, hostile, views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, manifest_path, name_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.whiteouts import hidden
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import remove, walk

_OWNER = "tenant"
# What an agent's own directory is called while it is built of another one: as long as files come, and once it is whole.
ASIDE = (".new", ".made")
# Of a manifest; real ones have some kilobytes.
LARGEST = 1024**2
# Entries of the directory that has the manifests; an agent with many models has some hundred.
_MOST = 20_000
# Bytes of all of them together.
_MOST_BYTES = 64 * 1024**2
# An engine tells a container's start a moment after it mounted the volume.
_LATE = 2.0


def mount_of(layout: Layout, agent: str) -> ModelMount:
    """What the agent's models volume is made of. The paths never change, whatever it sees."""
    place = layout.agent(agent)
    return ModelMount(place.link, place.upper, place.work)


def root_of(mount: ModelMount) -> str:
    """The directory of the store that a models volume is of, whether it is made yet or not."""
    return os.path.dirname(os.path.dirname(os.path.dirname(mount.upper)))


def layout_of(mount: ModelMount) -> Layout | None:
    """The store that a models volume is of; None when it is of none."""
    agents, agent = os.path.split(os.path.dirname(mount.upper))
    root = root_of(mount)
    if os.path.basename(agents) != "agents" or not agent or not os.path.isdir(os.path.join(root, "locks")):
        return None
    layout = Layout(root)
    return layout if mount_of(layout, agent) == mount else None


def is_place(mount: ModelMount, agent: str) -> bool:
    """Whether it is what that agent has in a store. Only that was made for it, and may be erased with it."""
    return layout_of(mount) is not None and os.path.basename(os.path.dirname(mount.upper)) == agent


def is_same(one: ModelMount, other: ModelMount) -> bool:
    """Whether both are one place, by whatever paths: a store that moved may still have its old name as a link."""
    try:
        return os.path.samefile(os.path.dirname(one.upper), os.path.dirname(other.upper))
    except FileNotFoundError:
        return False


def view_of(layout: Layout, view_id: str) -> tuple[ModelView, str]:
    """A view of the store as it is, and what it lacks in words; empty when it is whole."""
    found = content.list_models(layout.view(view_id)) if view_id else []
    models = {model.name: SharedModel(model.digest, model.size) for model in found}
    whole = views.view_id({model.name: model.digest for model in found}) == view_id
    lacking = [model.name for model in found if not model.complete]
    damage = "" if whole and not lacking else f"damaged: {', '.join(lacking)}" if lacking else "damaged or gone"
    return ModelView(view_id, models), damage


def look(layout: Layout, agent: str, view: ModelView, damage: str, started: float) -> Linked:
    """What an agent has. :param started: when it was started, in seconds since 1970; 0 when it does not run."""
    place = layout.agent(agent)
    gone = [name for name in ("upper", "work") if not os.path.isdir(getattr(place, name))]
    try:
        switched = os.lstat(place.link).st_mtime
    except FileNotFoundError:
        switched, gone = 0.0, [*gone, "link"]
    if gone:
        damage = f"without {' and '.join(gone)}"
    own = look_into(place.upper)
    return Linked(
        mount=mount_of(layout, agent),
        tenant=owner(layout, agent),
        view=view,
        damage=damage,
        pending=bool(started and switched > started),
        hidden=tuple(hidden(place.upper, layout.view(view.id), view.models)) if view.id else (),
        private={name: model for name, model in own.models.items() if view.models.get(name) != model},
        private_bytes=used(place.upper),
        unnamed=own.unnamed,
    )


def owner(layout: Layout, agent: str) -> str:
    """The tenant whose agent it is; empty when that is not known."""
    try:
        with open(os.path.join(layout.agents, agent, _OWNER), encoding="ascii", errors="replace") as note:
            return note.read(64).strip()
    except FileNotFoundError:
        return ""


def prepare(layout: Layout, agent: str, tenant: str) -> None:
    """Make the agent's directories that are not there, and note whose they are before anything is in them."""
    place = layout.agent(agent)
    folder = os.path.dirname(place.link)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if owner(layout, agent) != tenant:
        aside = os.path.join(folder, f".{secrets.token_hex(8)}")
        with open(aside, "w", encoding="ascii") as note:
            note.write(tenant)
            note.flush()
            os.fsync(note.fileno())
        os.replace(aside, os.path.join(folder, _OWNER))
    for path in (place.upper, place.work):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)


def switch(layout: Layout, agent: str, view_id: str, *, running: bool = False) -> None:
    """Have the agent's link name a view. It is mounted at the agent's next start.

    :param running: whether the agent runs, and may just be on its way with what the link named before.
    """
    place = layout.agent(agent)
    left = layout.view_of(agent)
    # The view that is left counts as used until now, and longer by an agent that runs with it.
    views.touch(layout.view(left or view_id))
    if running and left and not os.path.lexists(place.mounted):
        _point(place.mounted, left)
    _point(place.link, view_id)
    if running:
        moment = time.time() + _LATE
        os.utime(place.link, (moment, moment), follow_symlinks=False)
    else:
        settle(layout, agent, 0.0)
    views.sync(os.path.dirname(place.link))


def settle(layout: Layout, agent: str, started: float) -> None:
    """Let go of an older view, unless the agent was given another one since it was started.

    :param started: see :func:`look`.
    """
    place = layout.agent(agent)
    with suppress(FileNotFoundError):
        if not started or os.lstat(place.link).st_mtime <= started:
            os.unlink(place.mounted)


def _point(link: str, view_id: str) -> None:
    aside = os.path.join(os.path.dirname(link), f".{secrets.token_hex(8)}")
    os.symlink(os.path.join("..", "..", "views", view_id), aside)
    os.replace(aside, link)


def erase(mount: ModelMount) -> None:
    """Erase all that an agent has, and make sure that it is gone. The note of its owner goes last.

    :raises TenancyError: ``not_erased``.
    """
    place = os.path.dirname(mount.upper)
    try:
        for path in (mount.upper, *(mount.upper + aside for aside in ASIDE), mount.work):
            remove(path)
        if os.path.lexists(mount.lower):
            os.unlink(mount.lower)
        if os.path.isdir(place):
            remove(place)
            views.sync(os.path.dirname(place))
    except OSError as error:
        raise _not_erased(place, error.strerror or str(error)) from error
    if os.path.lexists(place):
        raise _not_erased(place, "it is still there")


def _not_erased(place: str, cause: str) -> TenancyError:
    return TenancyError(
        f"The models in {place} could not be erased", cause=cause,
        remedy="Look what holds them (findmnt, lsof), then run again", kind="not_erased",
    )


def private_models(upper: str) -> dict[str, SharedModel]:
    """The models of which the agent has manifests of its own."""
    return look_into(upper).models


def manifests_of(folder: str) -> dict[str, content.Manifest]:
    """The manifests in a directory that a tenant writes, by the model's name."""
    return look_into(folder).manifests


@dataclass(frozen=True)
class Own:
    """What a tenant has. :param unnamed: how many more there are, under names that no model can have."""

    manifests: dict[str, content.Manifest]
    unnamed: int

    @property
    def models(self) -> dict[str, SharedModel]:
        """The models, by name."""
        return {name: SharedModel(found.digest, found.size) for name, found in self.manifests.items()}


def look_into(folder: str) -> Own:
    """The manifests in a directory that a tenant writes."""
    found, unnamed, left = {}, 0, _MOST_BYTES
    for entry in islice(walk(folder, ["manifests"], depth=4), _MOST):
        if len(entry.parents) != 4 or not stat.S_ISREG(entry.found.st_mode):
            continue
        body, name = hostile.read_entry(entry, LARGEST), _name(os.path.join(*entry.parents[1:], entry.name))
        left -= len(body)
        if left < 0:
            break
        try:
            manifest = content.parse(body, name)
        except TenancyError:
            # Something of the tenant's own that is no manifest.
            continue
        if name:
            found[name] = manifest
        else:
            unnamed += 1
    return Own(found, unnamed)


def _name(path: str) -> str:
    """The model whose manifest is at a path; empty when there can be none, as with a tenant's line breaks."""
    try:
        name = name_of(path)
        return name if manifest_path(name) == path else ""
    except TenancyError:
        return ""


def told_apart(models: Sequence[Mapping[str, Any]], root: str | None) -> list[dict[str, Any]]:
    """Models of agents, each with whether it is ``shared``.

    :param models: as ``ollama_model_info`` returns them. :param root: the store; None where there is none.
    """
    layout = Layout(root) if root else None
    seen_by: dict[str, Mapping[str, SharedModel]] = {}
    told = []
    for model in models:
        agent = model["agent"]
        if layout and agent and agent not in seen_by:
            seen_by[agent] = view_of(layout, layout.view_of(agent))[0].models
        seen = seen_by.get(agent, {}).get(model["model"])
        told.append({**model, "shared": bool(seen and seen.digest == model["digest"]) if layout and agent else None})
    return told
