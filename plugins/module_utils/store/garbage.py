# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nobody uses any more, and its end. ``decide`` is pure: what it names is what ``sweep`` takes away."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, replace
from typing import Any, Collection, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Impact
from ansible_collections.llmops.tenancy.plugins.module_utils.store import staging
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.usage import Usage

_GRACE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Garbage:
    """Something that goes.

    :param kind: model, view, blob, partial, staging, or upper for what an agent that is gone had of its own. :param name: of which one.
    :param size: bytes that its end sets free. :param age: seconds that it was not used for.
    :param blobs: digests of the blobs that go with it.
    """

    kind: str
    name: str
    size: int
    age: float
    blobs: tuple[str, ...] = ()

    def as_result(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "name": self.name, "size": self.size, "unused_seconds": int(self.age)}

    def as_action(self) -> Action:
        """Its end as a step of a plan. Nothing that runs is touched by it; what an agent had of its own comes from nowhere again."""
        return Action("prune", self.kind, self.name, Impact.DATA_LOSS if self.kind == "upper" else Impact.IN_PLACE)


def parse_grace(text: str) -> float:
    """Seconds of ``7d``, ``12h``, ``30m`` or a plain number of seconds.

    :raises TenancyError: ``invalid_grace``.
    """
    match = _GRACE.fullmatch(str(text).strip().lower())
    if not match:
        raise TenancyError(
            f"grace '{text}' is not a time", remedy="Write a number with a unit, for example 7d, 12h or 0", kind="invalid_grace"
        )
    return float(match[1]) * _SECONDS[match[2]]


def decide(usage: Usage, keep: Collection[str], grace: float) -> list[Garbage]:
    """What may go: nothing that a view of an agent has, running or not, and nothing that was used within the grace.

    :param keep: names of models that stay, used or not. :param grace: seconds.
    """
    views = [view for view in usage.views if view.agents or view.age < grace]
    gone_views = [view for view in usage.views if view not in views]
    models, gone_models = [], []
    for model in usage.models:
        since = [usage.ages[model.name]]
        since += [view.age for view in usage.views if (model.name, model.digest) in _versions(view.models)]
        used = any((model.name, model.digest) in _versions(view.models) for view in usage.views if view.agents)
        stays = used or model.name in keep or min(since) < grace
        (models if stays else gone_models).append((model, min(since)))
    needed = {blob.digest for model, _since in models for blob in model.blobs}
    needed |= {blob.digest for view in views for model in view.models for blob in model.blobs}
    found = [
        *(Garbage("model", model.name, 0, since, _digests([model])) for model, since in gone_models),
        *(Garbage("view", view.id, 0, view.age, _digests(view.models)) for view in gone_views),
        *(Garbage("view", name, 0, 0.0) for name in usage.asides),
        *(Garbage("blob", digest, 0, piece.age, (digest,)) for digest, piece in usage.blobs.items() if piece.age >= grace),
        *(Garbage("partial", name, piece.size, piece.age) for name, piece in usage.partial.items() if piece.age >= grace),
        *(Garbage("staging", name, piece.size, piece.age) for name, piece in usage.staging.items() if piece.age >= grace),
    ]
    return _sized(found, usage, needed)


def _versions(models: Sequence[Any]) -> set[tuple[str, str]]:
    return {(model.name, model.digest) for model in models}


def _digests(models: Sequence[Any]) -> tuple[str, ...]:
    return tuple(sorted({blob.digest for model in models for blob in model.blobs}))


def _sized(found: Sequence[Garbage], usage: Usage, needed: Collection[str]) -> list[Garbage]:
    """Give each blob that goes to the first that names it, so that the sizes add up to what the disk gets back."""
    given: set[str] = set(needed)
    sized = []
    for each in found:
        own = tuple(digest for digest in each.blobs if digest not in given and digest in usage.blobs)
        given.update(own)
        if each.kind != "blob" or own:
            size = each.size + sum(usage.blobs[digest].size for digest in own)
            sized.append(replace(each, size=size, blobs=own))
    return sized


def of_models(usage: Usage, names: Collection[str]) -> list[Garbage]:
    """What goes with models that shall be absent: their names, and the blobs that no other model and no view has."""
    gone = [model for model in usage.models if model.name in names]
    needed = {blob.digest for model in usage.models if model not in gone for blob in model.blobs}
    needed |= {blob.digest for view in usage.views for model in view.models for blob in model.blobs}
    found = [Garbage("model", model.name, 0, usage.ages[model.name], _digests([model])) for model in gone]
    return _sized(found, usage, needed)


def sweep(layout: Layout, garbage: Sequence[Garbage]) -> None:
    """Take it away. Called with ``locks.exclusive`` held, in which ``garbage`` was decided.

    Names first and blobs last: a run that is killed in between leaves blobs that nobody names, for the next one.
    """
    for each in garbage:
        if each.kind == "model":
            remove_manifest(layout, each.name)
        elif each.kind == "view":
            shutil.rmtree(layout.view(each.name), ignore_errors=True)
        elif each.kind == "partial":
            shutil.rmtree(layout.part(each.name), ignore_errors=True)
        elif each.kind == "staging":
            path = os.path.join(layout.staging, each.name)
            # A run holds its folder; a file is one that was to be renamed, and whoever would do that waits for this.
            if not os.path.isdir(path) or staging.dead(layout, each.name):
                _remove(path)
    for digest in (digest for each in garbage for digest in each.blobs):
        _remove(layout.blob(digest))


def settled(garbage: Sequence[Garbage], arrivals: bool) -> list[Garbage]:
    """What of it may go now: while something is on its way into the store, nothing that might be part of it.

    :param arrivals: whether the lock of that name could be had, so that nothing is on its way.
    """
    return [each for each in garbage if arrivals or not (each.blobs or each.kind in ("partial", "staging"))]


def remove_manifest(layout: Layout, name: str) -> None:
    """Take a model's name away, with the directories that are empty then."""
    place = layout.manifest(name)
    _remove(place)
    folder = os.path.dirname(place)
    while folder != layout.manifests and not os.listdir(folder):
        os.rmdir(folder)
        folder = os.path.dirname(folder)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)
