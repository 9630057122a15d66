# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model that an agent made or pulled for itself, and that its operator promotes to the store.

Its tenant writes the directory that it is in, and may write to it meanwhile. So what gets in is one manifest and copies of
the blobs that it names, each with its checksum. A blob that the store has already counts only if the agent has it, too: a
tenant that knows no more of another's model than its checksums can't have it handed out by naming them.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import some
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Meter
from ansible_collections.llmops.tenancy.plugins.module_utils.store import (
    commit,
    content,
    hostile,
    origins,
    partial,
    places,
    seeds,
    space,
    usage,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import Staging, no_such_blob


@dataclass(frozen=True)
class Owned:
    """Where an agent's models are. :param own: directory that its tenant writes. :param shared: its view of a store, if any."""

    own: str
    shared: str = ""


@dataclass(frozen=True)
class AgentSource:
    """An agent's own model.

    :param name: of the model in the store. :param model: of the model at the agent. Both are full names.
    :param replace: whether another version of that name in the store gives way. :param find: looks where the agent's models are.
    """

    layout: Layout
    name: str
    agent: str
    model: str
    replace: bool
    find: Callable[[], Owned]

    @property
    def label(self) -> str:
        """The agent."""
        return f"agent {self.agent}"

    def manifest(self) -> Manifest:
        """The model's manifest as the agent has it; that of an earlier promotion when the agent has the model no more."""
        return self._read(self.find())

    def prove(self) -> None:
        """Read what :meth:`stage` would read, and change nothing.

        :raises TenancyError: as that would.
        """
        owned = self.find()
        manifest = self._read(owned)
        # A file of any length costs its tenant nothing, and whoever reads it a lot of time.
        self._check_room(manifest, 0)
        for blob in manifest.blobs:
            self._require(owned, blob, lambda read: None)

    def stage(self, staging: Staging) -> Manifest:
        """Copy what the store lacks, and look whether the agent has the rest."""
        owned = self.find()
        manifest = self._read(owned)
        self._check_room(manifest, staging.min_free)
        tell = _teller(staging, manifest.blobs)
        for blob in manifest.blobs:
            self._take(owned, staging, blob, tell)
        # The copies took their time: another run may have given the name away.
        staging.guard = lambda: self._require_name(manifest)
        origins.remember(self.layout, self.name, self._fingerprint, manifest.digest, f"{self._fingerprint}, promoted")
        return manifest

    def fetch(self, staging: Staging, blob: Blob) -> None:
        """Copy one blob once more."""
        owned = self.find()
        if blob not in self._read(owned).blobs:
            raise no_such_blob(self, blob)
        self._copy(owned, staging, blob, _teller(staging, [blob]))

    @property
    def _fingerprint(self) -> str:
        return f"{self.model} of {self.label}"

    def _read(self, owned: Owned) -> Manifest:
        body = hostile.read(owned.own, ("manifests", *manifest_path(self.model).split(os.sep)), places.LARGEST)
        earlier = None if body else origins.known(self.layout, self.name, self._fingerprint)
        if earlier:
            return earlier
        if not body:
            raise self._not_own(owned)
        manifest = content.parse(body, self._fingerprint)
        missing = [blob for blob in manifest.blobs if not any(seeds.has(folder, blob) for folder in _folders(owned))]
        if missing:
            raise self._unusable(missing[0], "is not there in the length that the manifest says, or is no regular file")
        self._require_name(manifest)
        return manifest

    def _check_room(self, manifest: Manifest, min_free: int) -> None:
        needed = room_bytes(self.layout, manifest.blobs)
        space.check(f"There is no room for model {self.name}", self.layout.root, needed, min_free)

    def _require_name(self, manifest: Manifest) -> None:
        there = content.find(self.layout, self.name)
        if self.replace or there is None or there.digest == manifest.digest:
            return
        agents = usage.survey(self.layout).agents_of(self.name)
        raise TenancyError(
            f"Model {self._fingerprint} can't be promoted as {self.name}",
            cause=f"the store has another version under that name ({there.digest[:12]}), which {_named(agents)}",
            remedy="Give it another name in the store (promote_as), or say that it takes the place of that version (promote_replace=true)",
            kind="name_taken",
            lasting=True,
            agents=agents,
        )

    def _take(self, owned: Owned, staging: Staging, blob: Blob, tell: Callable[[Blob, int], None]) -> None:
        with staging.turn(blob):
            there = commit.has(self.layout, blob)
            if there:
                self._require(owned, blob, lambda read: tell(blob, read))
        if not there:
            self._copy(owned, staging, blob, tell)

    def _require(self, owned: Owned, blob: Blob, tell: Callable[[int], None]) -> None:
        """Make sure that the agent has a blob. What it sees of the store need not be read again for that."""
        if not (owned.shared and seeds.has(owned.shared, blob)) and not seeds.proves(owned.own, blob, tell):
            raise self._unusable(blob, "has other bytes than its name says")

    def _copy(self, owned: Owned, staging: Staging, blob: Blob, tell: Callable[[Blob, int], None]) -> None:
        with staging.turn(blob):
            seeds.forget(self.layout, blob)
            if not seeds.take(self.layout, blob, _folders(owned), lambda read: tell(blob, read)):
                space.check(f"There is no room for model {self.name}", self.layout.root, blob.size, staging.min_free)
                raise self._unusable(blob, "has other bytes than its name says, or was changed meanwhile")
            staging.seeded += blob.size
            partial.remove(self.layout.part(blob.digest))

    def _not_own(self, owned: Owned) -> TenancyError:
        names = sorted(places.private_models(owned.own))
        return TenancyError(
            f"{self.label.capitalize()} has no model {self.model} of its own",
            cause=f"of its own it has {some(names) or 'none'}; what it sees of the store is there already",
            remedy="Name one of its own models as the agent lists it",
            kind="model_not_own",
            lasting=True,
        )

    def _unusable(self, blob: Blob, why: str) -> TenancyError:
        return TenancyError(
            f"Model {self._fingerprint} can't be promoted",
            cause=f"its blob {blob.digest[:19]} {why}",
            remedy="Have its tenant make or pull the model anew, then run again; nothing of it is in the store",
            kind="model_unsound",
            lasting=True,
        )


def room_bytes(layout: Layout, blobs: Iterable[Blob]) -> int:
    """Bytes of room that copies of the blobs take, each once. One that was cut off goes first, so its room counts as theirs."""
    return sum(max(blob.size - seeds.left_bytes(layout, blob), 0) for blob in lacking(layout, blobs))


def lacking(layout: Layout, blobs: Iterable[Blob]) -> list[Blob]:
    """Those of the blobs, each once, of which the store gets a copy."""
    return [blob for blob in {blob.digest: blob for blob in blobs}.values() if not commit.has(layout, blob)]


def replaced(name: str, digest: str, agents: Sequence[str]) -> list[str]:
    """What an operator is told of a promotion that takes the place of another version."""
    text = f"{name} of the store was {digest[:12]} until now, which {_named(agents)}; they see it until they are given the new one (model_update)"
    return [text] if agents else []


def _named(agents: Sequence[str]) -> str:
    return f"{some(agents)} see{'s' if len(agents) == 1 else ''}" if agents else "no agent sees"


def _folders(owned: Owned) -> list[str]:
    """What nobody but the store writes comes first."""
    return [folder for folder in (owned.shared, owned.own) if folder]


def _teller(staging: Staging, blobs: Sequence[Blob]) -> Callable[[Blob, int], None]:
    """Tells how far the copies are. They don't come over a wire, so they are not added to what the staging counts."""
    meter = Meter()

    def tell(blob: Blob, read: int) -> None:
        staging.watcher.see(meter.add(Event("promoting", blob.digest, blob.size, read), time.monotonic()))

    for blob in blobs:
        tell(blob, 0)
    return tell
