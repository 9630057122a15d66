# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine whose agents share the models of a store: it sees and changes what agents have there, and hands on the rest."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import AbstractSet, Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import (
    ActualAgent,
    AgentAction,
    AgentSpec,
    Engine,
    Observation,
    Volume,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import (
    PINNED,
    PRIVATE,
    SHARED,
    Linked,
    ModelView,
    SharedModel,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Impact
from ansible_collections.llmops.tenancy.plugins.module_utils.store import borrowed, content, locks, migration, moving, places, views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, full_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store.reach import fault_of_place, require_place, require_reach
from ansible_collections.llmops.tenancy.plugins.module_utils.store.whiteouts import unhide


class StoredEngine:
    """An engine with a store beside it, on the same host.

    :param engine: the engine itself. :param layout: the store of new agents; None where they get models of their own.
    :param check: whether what comes into the store is not there yet, newer versions as well.
    """

    def __init__(self, engine: Engine, layout: Layout | None, check: bool = False) -> None:
        self.engine, self.check = engine, check
        self.local = engine.local
        self.layout = layout if engine.local and os.geteuid() == 0 else None

    def entitled(
        self, spec: AgentSpec, models: Sequence[str], coming: Mapping[str, SharedModel], volume: Volume | None
    ) -> AgentSpec:
        """A spec with the view of these models, as the store has them now.

        :param volume: what the agent has, if another sort is to replace it. What the store lacks of a plain one becomes the tenant's own.
        :param coming: what the store is about to have, for a plan that is made before that.
        :raises TenancyError: ``invalid_model``.
        """
        if self.layout is None or spec.state == "absent" or spec.migrate == PRIVATE:
            return spec
        seen, _damage = places.view_of(self.layout, self.layout.view_of(spec.agent))
        pinned = {name: model.digest for name, model in seen.models.items()} if spec.update == PINNED else None
        names = {full_name(model) for model in models}
        view = views.wanted(self.layout, names, pinned)
        ahead = {name for name in names - set(pinned or ()) if self.check and name in coming and coming[name].digest}
        digests = {**view.models, **{name: coming[name].digest for name in {*view.missing, *ahead} if name in coming}}
        # What a tenant made for itself is seen whether the store has it or not.
        plain = migration.read_plain(volume if spec.migrate == SHARED and volume and volume.mount is None else None)
        mine = places.look_into(self.layout.agent(spec.agent).upper)
        own = {*mine.models, *plain.models, *map(full_name, spec.own_models)}
        missing = tuple(name for name in view.missing if name not in digests and name not in own)
        sized = {name: self._sized(name, digests[name], coming, seen) for name in digests}
        # A model that is still to be made has no digest yet, and so has the view it is in.
        known = views.view_id(digests) if all(digests.values()) else ""
        mount = places.mount_of(self.layout, spec.agent)
        left = plain.own_bytes(digests)
        ends = borrowed.broken(self.layout, self.layout.agent(spec.agent).upper, mine.manifests, digests)
        return replace(spec, mount=mount, view=ModelView(known, sized, missing, plain.models, plain.bytes, left, plain.unnamed, *ends))

    def _sized(self, name: str, digest: str, coming: Mapping[str, SharedModel], seen: ModelView) -> SharedModel:
        if name in coming and coming[name].digest == digest:
            return coming[name]
        if name in seen.models and seen.models[name].digest == digest:
            return seen.models[name]
        found = content.find(self.layout, name) if self.layout else None
        return SharedModel(digest, found.size if found else 0)

    def foresee(self, actions: Sequence[AgentAction]) -> None:
        """Refuse what is known to fail.

        :raises TenancyError: ``disk_full`` for agents from another disk; ``tree_too_deep``; what the engine refuses.
        """
        self.engine.foresee(actions)
        for action in actions:
            if action.verb == "replace" and action.volume and action.volume.mount:
                moving.require_names(action.volume.mount.upper, action.agent)
        migration.require_room_in_store(actions)

    def settle(self, observed: Observation, actions: Sequence[AgentAction]) -> None:
        """Let go of older views that no agent runs with any more. :param actions: what was done since the observation."""
        touched = {action.agent for action in actions}
        for name, layout in self._places(observed).items():
            if name in observed.views and name not in touched:
                places.settle(layout, name, _started(observed.agents.get(name)))

    # --- base.Engine

    def observe(
        self, agents: Sequence[str] | None, images: Sequence[str] = (), sure: AbstractSet[str] | None = None
    ) -> Observation:
        """See :class:`base.Engine`."""
        observed = self.engine.observe(agents, images, sure)
        found: dict[str, Linked] = {}
        others: dict[str, str] = {}
        for name, layout in self._places(observed).items():
            if agents is None or name in agents:
                found[name] = self._look(layout, name, observed.agents.get(name))
            else:
                others[name] = places.owner(layout, name)
        return replace(observed, views=found, places=others)

    def _places(self, observed: Observation) -> dict[str, Layout]:
        """The store that each agent has something in: that of its volume, or else the one of this call."""
        found = {name: self.layout for name in self.layout.agent_names()} if self.layout else {}
        for volume in observed.volumes.values():
            layout = places.layout_of(volume.mount) if volume.mount else None
            if layout and os.path.isdir(os.path.dirname(layout.agent(volume.agent).link)):
                found[volume.agent] = layout
        return {name: layout for name, layout in found.items() if not name.startswith(".")}

    def _look(self, layout: Layout, agent: str, actual: ActualAgent | None) -> Linked:
        return places.look(layout, agent, *places.view_of(layout, layout.view_of(agent)), _started(actual))

    def apply(self, action: AgentAction) -> None:
        """See :class:`base.Engine`. What concerns the store is done here.

        :raises TenancyError: also ``disk_full`` and ``store_unwritable``: one agent's place that can't be made stops no other.
        """
        try:
            self._apply(action)
        except OSError as error:
            raise fault_of_place(action, error) from error

    def _apply(self, action: AgentAction) -> None:
        if action.kind == "view":
            self._link(action)
        elif action.kind == "upper":
            self._erase(action)
        elif action.verb == "replace":
            self._replace(action)
        else:
            if (action.verb, action.kind) == ("remove", "volume") and action.mount and places.is_place(action.mount, action.agent):
                # The engine leaves behind what an overlay is made of.
                self._erase(action)
            self.engine.apply(action)

    def _replace(self, action: AgentAction) -> None:
        """Bring what the agent has to where it shall be, and only then let go of where it was."""
        old = action.volume
        if old is None or self.layout is None:
            raise AssertionError(f"{action.name} is to be replaced, and what it has is not known")
        runs = self._runs(action)
        if runs:
            self._do("stop", action)
        if action.mount:
            try:
                self._fill(self._layout_of(action), action, old)
            except (OSError, TenancyError):
                if runs:
                    self._do("start", action)
                raise
            self.engine.apply(action)
            if old.mount and places.is_place(old.mount, action.agent) and not places.is_same(old.mount, action.mount):
                places.erase(old.mount)
            return
        mount = old.mount or places.mount_of(self.layout, action.agent)
        if old.mount:
            self.engine.apply(action)
        folder = self.engine.observe([action.agent]).volumes[action.name].path
        moving.give(mount.lower, mount.upper, folder)
        if places.is_place(mount, action.agent):
            places.erase(mount)

    def _fill(self, layout: Layout, action: AgentAction, old: Volume) -> None:
        view = _view(action)
        layout.prepare()
        place = views.build(layout, view)
        upper = layout.agent(action.agent).upper
        places.prepare(layout, action.agent, action.tenant)
        if old.mount is None:
            moving.take(old.path, upper, place)
        elif os.path.isdir(old.mount.upper) and not places.is_same(old.mount, places.mount_of(layout, action.agent)):
            moving.follow(old.mount.upper, upper, stays=not places.is_place(old.mount, action.agent))

    def _erase(self, action: AgentAction) -> None:
        if action.mount is None:
            raise AssertionError(f"{action.name} is to be erased and has no place")
        require_reach(os.path.dirname(action.mount.upper), self.engine)
        places.erase(action.mount)

    def _link(self, action: AgentAction) -> None:
        """Make the view, then switch to it: an agent that runs is stopped for the moment of the switch only."""
        layout = self._layout_of(action)
        view = _view(action)
        layout.prepare()
        views.build(layout, view)
        if action.impact is not Impact.RESTART:
            self._switch(layout, action, view)
            return
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
        if layout is None:
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


def _started(actual: ActualAgent | None) -> float:
    return actual.started if actual and actual.running else 0.0


def _view(action: AgentAction) -> views.View:
    if action.view is None:
        raise AssertionError(f"{action.name} is to get a view, and there is none")
    return views.View(action.view.id, {name: model.digest for name, model in action.view.models.items()})


def stored_agents(
    engine: Engine, root: str | None, wanted: Sequence[tuple[AgentSpec, Sequence[str] | None]], coming: Sequence[Mapping[str, Any]],
    check: bool = False,
) -> tuple[StoredEngine, list[AgentSpec]]:
    """An engine with a store, and specs with what their agents see of it.

    :param root: the store; None where agents get models of their own.
    :param wanted: specs, each with the names of its models; None of an agent whose view stays as it is.
    :param coming: models that the store is about to have, as ``{model, digest, size}``; of one that is yet to be made of
        a file, nobody knows the digest.
    :param check: see :class:`StoredEngine`.
    :raises TenancyError: as :func:`require_place`; ``invalid_model``; ``disk_full`` for agents that leave the store.
    """
    layout = Layout(root) if root else None
    if layout and any(models is not None and spec.state != "absent" for spec, models in wanted):
        require_place(layout, engine)
    stored = StoredEngine(engine, layout, check)
    moved = [spec for spec, models in wanted if models is not None and spec.state != "absent" and spec.migrate]
    before = stored.observe([spec.agent for spec in moved]) if stored.layout and moved else Observation()
    migration.require_room([spec.agent for spec in moved if spec.migrate == PRIVATE], before)
    known = {
        full_name(each["model"]): SharedModel(each.get("digest") or "", each.get("size") or 0)
        for each in coming if each.get("status") not in ("absent", "failed")
    }
    return stored, [
        spec if models is None else stored.entitled(spec, models, known, before.volumes.get(container_name(spec.agent)))
        for spec, models in wanted
    ]
