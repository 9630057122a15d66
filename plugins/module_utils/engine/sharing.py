# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models that agents share, as values. Where they come from and how they are kept is above the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

AT_ONCE, NEXT_RESTART, PINNED = "at_once", "next_restart", "pinned"
UPDATES = (AT_ONCE, NEXT_RESTART, PINNED)
SHARED, PRIVATE = "shared", "private"


@dataclass(frozen=True)
class ModelMount:
    """A models volume that lays an agent's own directory over one that agents share. Paths on the engine's host.

    :param lower: what is shared; never written to. :param upper: what the agent writes. :param work: the kernel's own.
    """

    lower: str
    upper: str
    work: str


@dataclass(frozen=True)
class SharedModel:
    """A model. :param digest: of its manifest, as Ollama lists it; empty while it is not known. :param size: bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class ModelView:
    """Models that an agent shall see, or sees.

    :param id: the same models have the same; empty while a digest is not known. :param models: by name.
    :param missing: those that it shall see and that nobody has.
    :param own: what a volume that is to be replaced has of the agent's own, or shares by then.
    :param plain_bytes: what that volume takes. :param own_bytes: what of it stays the agent's own.
    :param unnamed: manifests there whose names no model can have.
    :param broken: models of the agent's own that lack a part while it sees these. :param unlisted: those of them that it does not list.
    """

    id: str = ""
    models: Mapping[str, SharedModel] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    own: Mapping[str, SharedModel] = field(default_factory=dict)
    plain_bytes: int = 0
    own_bytes: int = 0
    unnamed: int = 0
    broken: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Linked:
    """What an agent has of a store.

    :param mount: where it is. :param tenant: whose agent it is. :param view: what its link names.
    :param damage: what is missing of it, in words; empty when it is whole.
    :param pending: whether it runs with an older view than its link names.
    :param hidden: models of the view that the agent deleted from its own directory.
    :param private: models of the agent's own, by name. :param private_bytes: of its own directory.
    :param unnamed: manifests there whose names no model can have.
    """

    mount: ModelMount
    tenant: str = ""
    view: ModelView = ModelView()
    damage: str = ""
    pending: bool = False
    hidden: tuple[str, ...] = ()
    private: Mapping[str, SharedModel] = field(default_factory=dict)
    private_bytes: int = 0
    unnamed: int = 0


def models_view(view: ModelView, linked: Linked | None) -> list[dict[str, Any]]:
    """The models that an agent with this view lists: those of the view, and its own over them."""
    models = {**view.models, **view.own, **(linked.private if linked else {})}
    listed = sorted((name, model) for name, model in models.items() if name not in view.unlisted)
    return [{"name": name, "digest": model.digest or None, "size": model.size if model.digest else None} for name, model in listed]
