# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses what of a store: agents, their views, and what lies in it without being used. Reads only."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import allocated
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Stored
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


@dataclass(frozen=True)
class ViewUse:
    """A view and its agents.

    :param models: what it has. :param agents: those whose link names it, running or not, and those that still run with it.
    :param age: seconds since it was made, or last left by an agent.
    """

    id: str
    models: tuple[Stored, ...]
    agents: tuple[str, ...] = ()
    age: float = 0.0


@dataclass(frozen=True)
class Piece:
    """Something that lies in the store: bytes on the disk, and seconds since it last changed."""

    size: int
    age: float


@dataclass(frozen=True)
class Usage:
    """What a store has, and who uses it.

    :param ages: seconds since a model's manifest came, by the model's name.
    :param blobs: by digest. :param partial: downloads that were cut, by digest. :param staging: what is made aside.
    :param asides: views that a killed run left half made.
    """

    models: tuple[Stored, ...] = ()
    ages: Mapping[str, float] = field(default_factory=dict)
    views: tuple[ViewUse, ...] = ()
    blobs: Mapping[str, Piece] = field(default_factory=dict)
    partial: Mapping[str, Piece] = field(default_factory=dict)
    staging: Mapping[str, Piece] = field(default_factory=dict)
    asides: tuple[str, ...] = ()

    def agents_of(self, name: str) -> list[str]:
        """Agents whose view has a model of that name, in whatever version."""
        views = [view for view in self.views if any(model.name == name for model in view.models)]
        return sorted({agent for view in views for agent in view.agents})


def blob_bytes(layout: Layout) -> int:
    """Bytes of all blobs together, by their length."""
    names = os.listdir(layout.blobs) if os.path.isdir(layout.blobs) else []
    # A run that takes garbage away may be at it: what is gone has no length.
    return sum(max(content.size_of(layout.root, name.removeprefix("sha256-")), 0) for name in names)


def survey(layout: Layout, gone: Collection[str] = ()) -> Usage:
    """Look through a store; an empty answer when there is none.

    :param gone: agents that count as gone, so that nothing is used by them.
    """
    if not layout.exists():
        return Usage()
    now = time.time()
    users: dict[str, list[str]] = {}
    for agent in set(layout.agent_names()) - set(gone):
        for view in layout.views_of(agent):
            users.setdefault(view, []).append(agent)
    models = tuple(content.stored(layout))
    names = sorted(os.listdir(layout.views))
    return Usage(
        models=models,
        ages={model.name: now - model.modified for model in models},
        views=tuple(_views(layout, (name for name in names if not name.startswith(".")), users, now)),
        blobs={f"sha256:{name[7:]}": piece for name, piece in _pieces(layout.blobs, now) if name.startswith("sha256-")},
        partial={f"sha256:{name}": piece for name, piece in _pieces(layout.partial, now)},
        staging=dict(_pieces(layout.staging, now)),
        asides=tuple(name for name in names if name.startswith(".")),
    )


def _views(layout: Layout, names: Iterable[str], users: Mapping[str, Sequence[str]], now: float) -> Iterator[ViewUse]:
    for name in names:
        try:
            age = now - os.stat(layout.view(name)).st_mtime
        except FileNotFoundError:
            continue  # a run that prunes has just taken it away
        yield ViewUse(name, tuple(content.list_models(layout.view(name))), tuple(sorted(users.get(name, ()))), age)


def _pieces(folder: str, now: float) -> Iterator[tuple[str, Piece]]:
    """What lies in a directory, with the bytes that it takes."""
    for name in sorted(os.listdir(folder)):
        try:
            yield name, _piece(os.path.join(folder, name), now)
        except FileNotFoundError:
            continue  # a run that is under way has just finished it


def _piece(path: str, now: float) -> Piece:
    found = os.lstat(path)
    size, changed = (0 if os.path.isdir(path) else allocated(found)), found.st_mtime
    for folder, _folders, names in os.walk(path):
        for name in names:
            inside = os.lstat(os.path.join(folder, name))
            size, changed = size + allocated(inside), max(changed, inside.st_mtime)
    return Piece(size, now - changed)
