# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module model_export does: a plan of what goes where, applied unless in check mode."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.host import files
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Plan
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, export, push
from ansible_collections.llmops.tenancy.plugins.module_utils.store.archive_index import index_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


def to_archive(
    layout: Layout, names: Sequence[str], path: str, tar: bool, owner: str, known: str = "", *, check: bool
) -> dict[str, Any]:
    """Write an archive. :param owner: user who gets it; empty for who runs this. :param known: see :func:`export.plan`."""
    wanted = export.plan(layout, names, path, tar, known)
    models = {model.name: model.digest for model in wanted.index.models}
    actions = () if wanted.current else (Action("export", "archive", path),)
    plan = Plan(actions, {path: models if wanted.current else {}}, {path: models})
    if plan.changed and not check:
        export.export(layout, wanted)
        if owner:
            files.give(path, owner)
    # What is to be predicted of an archive that is not there.
    foretold = {"manifests": {name: content.read(layout.root, name).body.decode() for name in models}} if check else {}
    return {
        **plan.as_result(), "models": _listed(wanted.index.models), "path": path, "checksum": wanted.checksum,
        "size": wanted.index.size, **foretold,
    }


def to_registry(
    layout: Layout, names: Sequence[str], registry: push.Registry, *, check: bool, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Push models; all that the store has for no names."""
    whole = [model.name for model in content.stored(layout) if model.complete] if layout.exists() else []
    wanted = export.choose(layout, names, whole) if names else push.movable(whole)
    for name in sorted(set(whole) - set(push.movable(whole))) if not names else ():
        warn(f"{name} is of another registry than the one that a mirror stands in for, so it was left out")
    manifests = push.read_all(layout, wanted)
    pusher = push.Pusher(registry)
    there = {name: pusher.digest(name) for name in wanted}
    missing = [name for name in wanted if there[name] != manifests[name].digest]
    actions = tuple(Action("push", "model", name) for name in missing)
    plan = Plan(actions, {name: there[name] or None for name in wanted}, {name: manifests[name].digest for name in wanted})
    if not check:
        for name in missing:
            pusher.push(layout, name, manifests[name])
    return {**plan.as_result(), "models": _listed(index_of(manifests).models)}


def _listed(models: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [{"model": model.name, "digest": model.digest, "size": model.size} for model in models]
