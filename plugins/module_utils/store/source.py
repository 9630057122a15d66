# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where models of a store come from. A source stages: it puts blobs into the store, and gives the manifest that names them.

The registry is one; others make models of files or take them out of an archive. All do their work in the worker.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Callable, Iterable, Iterator, Protocol

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import free_bytes
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Watcher
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Meter
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference
from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, locks, partial, seeds, space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.download import Reading, download
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.registry import Access, RegistryClient

_LOOK_AGAIN = 0.2


@dataclass
class Staging:
    """What a source may use while it stages one model.

    :param name: the model's name in the store. :param watcher: is to be told each reading; may raise to end it.
    :param min_free: bytes that stay free on the store's disk. :param seeded: bytes that did not have to come, so far.
    :param guard: looks once more, when the model is about to get its name, whether it may; a source may set one.
    """

    layout: Layout
    name: str
    watcher: Watcher
    min_free: int = 0
    seeded: int = 0
    guard: Callable[[], None] = lambda: None
    meter: Meter = field(default_factory=Meter)

    def tell(self, phase: str, blob: Blob, completed: int) -> None:
        """Tell how far a blob is.

        :raises Cancelled: nobody wants the model any more.
        """
        event = Event(phase, blob.digest, blob.size, completed)
        self.watcher.see(self.meter.add(event, self.watcher.clock()))

    def check_room(self, blobs: Iterable[Blob]) -> None:
        """Make sure that these blobs fit.

        :raises TenancyError: ``disk_full``.
        """
        needed = room_bytes(self.layout, blobs)
        space.check(f"There is no room for model {self.name}", self.layout.root, needed, self.min_free)

    @contextmanager
    def turn(self, blob: Blob) -> Iterator[None]:
        """Have a blob for this run alone; another one that is at it goes first, however long that takes.

        :raises Cancelled: nobody wants it any more.
        """
        with locks.waited(self.layout, blob.digest.removeprefix("sha256:"), self._wait):
            yield

    def _wait(self) -> None:
        self.watcher.see(self.watcher.last.at("waiting for another run that pulls it"))
        time.sleep(_LOOK_AGAIN)

    def fits(self, blob: Blob) -> bool:
        """Whether there is room for all of a blob, whatever was downloaded of it."""
        return (free_bytes(self.layout.root) or 0) >= blob.size + self.min_free


@dataclass(frozen=True)
class Unmade:
    """What a source would give is known only once it is made. :param size: about the bytes that this takes."""

    size: int = 0


class Source(Protocol):
    """Where one model comes from."""

    @property
    def label(self) -> str:
        """How to call it in a message."""

    def manifest(self) -> Manifest | Unmade:
        """What it would give now. Changes nothing.

        :raises TenancyError: why there is none. :raises OSError: it can't be read.
        """

    def stage(self, staging: Staging) -> Manifest:
        """Put all blobs of the model into the store, each verified, and give its manifest.

        Killed at any moment it goes on from there the next time. Called again after an error that may pass.

        :raises TenancyError: why not. :raises Cancelled: nobody wants the model any more.
        """

    def fetch(self, staging: Staging, blob: Blob) -> None:
        """Put one blob into the store, verified, also in the place of a damaged one.

        :raises TenancyError: why not; ``no_such_blob`` for a source that can't give single ones.
        """


@dataclass(frozen=True)
class RegistrySource:
    """A model registry, or a mirror of one.

    :param connections: parts of a blob that are fetched at once.
    :param seeds: models directories whose blobs are taken where they are those that the registry names.
    """

    reference: Reference
    access: Access = Access()
    connections: int = 4
    seeds: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The registry."""
        return f"registry {self.reference.host}"

    def manifest(self) -> Manifest:
        """The model's manifest as the registry has it."""
        return RegistryClient(self.reference, self.access).manifest()

    def stage(self, staging: Staging) -> Manifest:
        """Pull what the store lacks."""
        client = RegistryClient(self.reference, self.access)
        manifest = client.manifest()
        if self.seeds:
            staging.check_room(manifest.blobs)
            self._seed(staging, manifest.blobs)
        for blob in manifest.blobs:
            staging.tell("pulling", blob, blob.size - missing_bytes(staging.layout, [blob]))
        staging.check_room(manifest.blobs)
        for blob in manifest.blobs:
            self._bring(client, staging, blob, again=False)
        return manifest

    def fetch(self, staging: Staging, blob: Blob) -> None:
        """Pull one blob."""
        staging.tell("pulling", blob, blob.size - partial.left_to_fetch(staging.layout.part(blob.digest), blob.size))
        self._bring(RegistryClient(self.reference, self.access), staging, blob, again=True)

    def _seed(self, staging: Staging, blobs: Iterable[Blob]) -> None:
        """Take what agents of this host have already. Blobs count as there from the beginning, so the rate is the line's."""
        layout, watcher = staging.layout, staging.watcher
        for blob in blobs:
            if not seeds.offered(layout, [blob], self.seeds):
                continue
            with staging.turn(blob):
                seeds.forget(layout, blob)
                if not staging.fits(blob) or not seeds.offered(layout, [blob], self.seeds):
                    continue
                reading = watcher.last.at("taking what an agent of this host has")
                if seeds.take(layout, blob, self.seeds, lambda read: watcher.see(reading)):
                    staging.seeded += blob.size
                    partial.remove(layout.part(blob.digest))

    def _bring(self, client: RegistryClient, staging: Staging, blob: Blob, *, again: bool) -> None:
        """Have a blob in the store; two runs that want it download it once.

        :param again: also when the store has it, in its length.
        """
        layout, folder = staging.layout, staging.layout.part(blob.digest)

        def see(reading: Reading) -> None:
            staging.tell("verifying" if reading.verifying else "pulling", blob, reading.completed)

        if commit.has(layout, blob) and not again:
            return
        with staging.turn(blob):
            if not commit.has(layout, blob) or again:
                seeds.forget(layout, blob)
                if again or not commit.rescue(layout, blob, lambda read: staging.tell("verifying", blob, read)):
                    commit.adopt(layout, blob, download(client, blob, folder, self.connections, see))
                partial.remove(folder)
        staging.tell("pulling", blob, blob.size)


def missing_bytes(layout: Layout, blobs: Iterable[Blob]) -> int:
    """Bytes of blobs, each counted once, that the store does not have yet, not even in a view or a download that was cut."""
    wanted = {blob.digest: blob for blob in blobs if not commit.has(layout, blob) and not commit.kept(layout, blob)}
    return sum(partial.left_to_fetch(layout.part(digest), blob.size) for digest, blob in wanted.items())


def room_bytes(layout: Layout, blobs: Iterable[Blob]) -> int:
    """Bytes of room that missing blobs still take. A copy that was cut off goes first, so its room counts as theirs."""
    wanted = {blob.digest: blob for blob in blobs}.values()
    return sum(max(missing_bytes(layout, [blob]) - seeds.left_bytes(layout, blob), 0) for blob in wanted)


def no_such_blob(source: Source, blob: Blob) -> TenancyError:
    """The error of a source that can't give a single blob."""
    return TenancyError(
        f"Blob {blob.digest[:19]} can't be had from {source.label} alone",
        remedy="Bring the model anew from there",
        kind="no_such_blob",
        lasting=True,
    )
