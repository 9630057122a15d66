# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine whose agents share the models of a store: it sees and changes what agents have there, and hands on the rest."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentAction,
    AgentSpec,
    Engine,
    Observation,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import (
    PINNED,
    Linked,
    ModelView,
    SharedModel,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Impact
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, locks, places, views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, full_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store.whiteouts import unhide


class StoredEngine:
    """An engine with a store beside it, on the same host.

    :param engine: the engine itself. :param layout: the store of new agents; None where they get models of their own.
    """

    def __init__(self, engine: Engine, layout: Layout | None) -> None:
        self.engine = engine
        self.local = engine.local
        self.layout = layout if engine.local and os.geteuid() == 0 else None

    def entitled(self, spec: AgentSpec, models: Sequence[str], coming: Mapping[str, SharedModel]) -> AgentSpec:
        """A spec with the view of these models, as the store has them now.

        :param coming: what the store is about to have, for a plan that is made before that.
        :raises TenancyError: ``invalid_model``.
        """
        if self.layout is None or spec.state == "absent":
            return spec
        seen, _damage = places.view_of(self.layout, self.layout.view_of(spec.agent))
        pinned = {name: model.digest for name, model in seen.models.items()} if spec.update == PINNED else None
        names = {full_name(model) for model in models}
        view = views.wanted(self.layout, names, pinned)
        digests = {**view.models, **{name: coming[name].digest for name in view.missing if name in coming}}
        # What a tenant made for itself is seen whether the store has it or not.
        own = places.private_models(self.layout.agent(spec.agent).upper)
        missing = tuple(name for name in view.missing if name not in digests and name not in own)
        return replace(
            spec,
            mount=places.mount_of(self.layout, spec.agent),
            view=ModelView(views.view_id(digests), {name: self._sized(name, digests[name], coming, seen) for name in digests}, missing),
        )

    def _sized(self, name: str, digest: str, coming: Mapping[str, SharedModel], seen: ModelView) -> SharedModel:
        if name in coming and coming[name].digest == digest:
            return coming[name]
        if name in seen.models and seen.models[name].digest == digest:
            return seen.models[name]
        found = content.find(self.layout, name) if self.layout else None
        return SharedModel(digest, found.size if found else 0)

    # --- base.Engine

    def observe(self, agents: Sequence[str] | None, images: Sequence[str] = ()) -> Observation:
        """See :class:`base.Engine`."""
        observed = self.engine.observe(agents, images)
        found: dict[str, Linked] = {}
        for name, layout in self._places(observed).items():
            if agents is None or name in agents:
                actual = observed.agents.get(name)
                found[name] = self._look(layout, name, actual)
        return replace(observed, views=found)

    def _places(self, observed: Observation) -> dict[str, Layout]:
        """The store that each agent has something in: that of its volume, or else the one of this call."""
        found = {name: self.layout for name in self.layout.agent_names()} if self.layout else {}
        for volume in observed.volumes.values():
            layout = places.layout_of(volume.mount) if volume.mount else None
            if layout and os.path.isdir(os.path.dirname(layout.agent(volume.agent).link)):
                found[volume.agent] = layout
        return {name: layout for name, layout in found.items() if not name.startswith(".")}

    def _look(self, layout: Layout, agent: str, actual: ActualAgent | None) -> Linked:
        view, damage = places.view_of(layout, layout.view_of(agent))
        started = actual.started if actual and actual.running else 0.0
        return places.look(layout, agent, view, damage, started)

    def apply(self, action: AgentAction) -> None:
        """See :class:`base.Engine`. What concerns the store is done here."""
        if action.kind == "view":
            self._link(action)
        elif action.kind == "upper":
            self._erase(action)
        else:
            if (action.verb, action.kind) == ("remove", "volume") and action.mount:
                # The engine leaves behind what an overlay is made of.
                self._erase(action)
            self.engine.apply(action)

    def _erase(self, action: AgentAction) -> None:
        if action.mount is None:
            raise AssertionError(f"{action.name} is to be erased and has no place")
        _require_reach(os.path.dirname(action.mount.upper), self.engine)
        places.erase(action.mount)

    def _link(self, action: AgentAction) -> None:
        """Make the view, then switch to it: an agent that runs is stopped for the moment of the switch only."""
        layout = self._layout_of(action)
        view = views.View(action.view.id, {name: model.digest for name, model in action.view.models.items()})
        layout.prepare()
        views.build(layout, view)
        if action.impact is not Impact.RESTART:
            self._switch(layout, action, view)
            return
        self._do("drain", action)
        self._do("stop", action)
        try:
            self._switch(layout, action, view)
        finally:
            self._do("start", action)

    def _switch(self, layout: Layout, action: AgentAction, view: views.View) -> None:
        runs = action.impact is not Impact.RESTART and self._runs(action)
        # Whoever takes away what nobody uses sees the agent's link, or waits until it is there.
        with locks.shared(layout):
            place = views.build(layout, view)
            places.prepare(layout, action.agent, action.tenant)
            if not runs:
                unhide(layout.agent(action.agent).upper, place, view.models)
            places.switch(layout, action.agent, view.id, running=runs)

    def _runs(self, action: AgentAction) -> bool:
        actual = self.engine.observe([action.agent]).agents.get(action.agent)
        return bool(actual and actual.running)

    def _do(self, verb: str, action: AgentAction) -> None:
        """One step of a switch. An agent that was renamed by hand has its own name again by now."""
        self.engine.apply(replace(action, verb=verb, kind="container", current=action.name, changes=()))

    def _layout_of(self, action: AgentAction) -> Layout:
        layout = self.layout or (places.layout_of(action.mount) if action.mount else None)
        if layout is None or action.view is None:
            raise AssertionError(f"{action.name} is to get a view, and there is no store")
        return layout

    def usages(self, agents: Sequence[ActualAgent]) -> Mapping[str, Any]:
        """See :class:`base.Engine`."""
        return self.engine.usages(agents)

    def require_image(self, image: str) -> None:
        """See :class:`base.Engine`."""
        self.engine.require_image(image)

    def answers(self, agent: ActualAgent) -> bool:
        """See :class:`base.Engine`."""
        return self.engine.answers(agent)

    def logs(self, agent: ActualAgent, lines: int) -> list[str]:
        """See :class:`base.Engine`."""
        return self.engine.logs(agent, lines)

    def details(self, agent: ActualAgent) -> Mapping[str, Any]:
        """See :class:`base.Engine`."""
        return self.engine.details(agent)


_PRIVATE = "Or set agent_model_store: private (without the option 'store') for agents with models of their own"


def _require_reach(path: str, engine: Engine) -> None:
    if not engine.local:
        raise TenancyError(
            f"Agents of a remote Docker Engine can't have their models in the store {path}",
            cause="its directories are on another machine than this module",
            remedy=f"Run on the engine's own host, against its socket. {_PRIVATE}", kind="store_remote_engine",
        )
    if os.geteuid() != 0:
        raise TenancyError(
            f"Model store {path} can't be used by this user",
            cause="only root may read and change it, since all tenants' models are in it",
            remedy=f"Run with become: true. {_PRIVATE}", kind="store_needs_root",
        )


def require_place(layout: Layout, engine: Engine) -> None:
    """Check that agents of this engine can mount a store at this place.

    :raises TenancyError: ``store_remote_engine``, ``store_needs_root``, ``store_file_system``, or as ``Layout.exists``.
    """
    _require_reach(layout.root, engine)
    kind = file_system(layout.root)
    if kind in _UNSUITABLE or kind.startswith("fuse"):
        raise TenancyError(
            f"Model store {layout.root} is on a file system that can't carry it",
            cause=f"{kind} can't be the writable part of an overlay mount",
            remedy=f"Choose a path on ext4 or xfs with agent_model_store_path. {_PRIVATE}", kind="store_file_system",
        )
    layout.exists()


_UNSUITABLE = frozenset({"overlay", "nfs", "nfs4", "cifs", "smb3", "vfat", "exfat", "ntfs3", "9p", "squashfs", "ceph"})


def file_system(path: str) -> str:
    """The kind of file system that a path is on, or will be once it is made."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    real = os.path.realpath(path)
    kinds = {"/": ""}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
        for line in table:
            columns = line.split()
            # The last mount at a place is the one that is seen.
            kinds[columns[4]] = columns[columns.index("-") + 1]
    return max(((place, kind) for place, kind in kinds.items() if real == place or real.startswith(place.rstrip("/") + "/")),
               key=lambda pair: len(pair[0]))[1]


def stored_agents(
    engine: Engine, root: str | None, wanted: Sequence[tuple[AgentSpec, Sequence[str] | None]], coming: Sequence[Mapping[str, Any]]
) -> tuple[StoredEngine, list[AgentSpec]]:
    """An engine with a store, and specs with what their agents see of it.

    :param root: the store; None where agents get models of their own.
    :param wanted: specs, each with the names of its models; None of an agent whose view stays as it is.
    :param coming: models that the store is about to have, as ``{model, digest, size}``.
    :raises TenancyError: as :func:`require_place`; ``invalid_model``.
    """
    layout = Layout(root) if root else None
    if layout and any(models is not None and spec.state != "absent" for spec, models in wanted):
        require_place(layout, engine)
    stored = StoredEngine(engine, layout)
    known = {full_name(each["model"]): SharedModel(each["digest"], each["size"] or 0) for each in coming if each["digest"]}
    return stored, [spec if models is None else stored.entitled(spec, models, known) for spec, models in wanted]
