# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources that need no registry: a GGUF file, a Modelfile, and an archive that another store has exported."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.store import builder, commit, content, origins, space, unpack
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.recipe import Recipe
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import Staging, Unmade, no_such_blob
from ansible_collections.llmops.tenancy.plugins.module_utils.store.staging import Stage, stage


@dataclass
class MadeSource:
    """A model that real Ollama makes of a GGUF file or a Modelfile.

    :param label: what the operator gave, for messages. :param recipe: reads it. :param workshop: connects to the engine.
    :param absent: files that are on the controller still. :param changes: whether the same run changes a model first.
    """

    layout: Layout
    label: str
    recipe: Callable[[], Recipe]
    workshop: Callable[[], builder.Workshop]
    absent: tuple[str, ...] = ()
    changes: Callable[[str], bool] = lambda name: False

    def manifest(self) -> Manifest | Unmade:
        """The model that this very recipe gave before, as long as the store has it."""
        try:
            recipe = self.recipe()
        except TenancyError as error:
            if error.kind == "unknown_base" and self.changes(error.details["base"]):
                return Unmade()
            raise
        follows = any(self.changes(base.model) for base in recipe.bases)
        found = None if follows else origins.known(self.layout, recipe.model, recipe.fingerprint)
        return found or Unmade(recipe.size)

    def stage(self, staging: Staging) -> Manifest:
        """Make it, and take its blobs in."""
        recipe = self.recipe()
        with stage(self.layout) as place:
            manifest = self._make(recipe, place, staging)
            for blob in manifest.blobs:
                if not commit.has(self.layout, blob):
                    _verify(staging, blob, place, self.label)
                    commit.adopt(self.layout, blob, place.blob(blob.digest))
        origins.remember(self.layout, recipe.model, recipe.fingerprint, manifest.digest, self.label)
        return manifest

    def fetch(self, staging: Staging, blob: Blob) -> None:
        """Make the model anew for the sake of one blob."""
        with stage(self.layout) as place:
            manifest = self._make(self.recipe(), place, staging)
            if blob not in manifest.blobs or content.size_of(place.models, blob.digest) != blob.size:
                raise no_such_blob(self, blob)
            _verify(staging, blob, place, self.label)
            commit.adopt(self.layout, blob, place.blob(blob.digest))

    def _make(self, recipe: Recipe, place: Stage, staging: Staging) -> Manifest:
        space.check(f"There is no room to make model {recipe.model}", self.layout.root, recipe.size, staging.min_free)
        workshop = self.workshop()
        builder.sweep(self.layout, workshop.jobs)
        builder.build(recipe, self.layout, place, workshop, staging.watcher.see)
        return content.read(place.models, recipe.model)


@dataclass
class ArchiveSource:
    """A model of a directory or tar that another store has exported.

    :param path: of the archive on this machine. :param checksum: of its index; empty for not known.
    :param body: the model's manifest, while the archive itself is on the controller still. :param absent: that archive.
    """

    layout: Layout
    model: str
    path: str
    checksum: str = ""
    body: str = ""
    absent: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The archive."""
        return f"archive '{self.path}'"

    def manifest(self) -> Manifest:
        """The manifest as the archive has it."""
        if self.body:
            return content.parse(self.body.encode(), self.model)
        return unpack.manifest_of(self.path, self.model, self.checksum)

    def stage(self, staging: Staging) -> Manifest:
        """Take out what the store lacks."""
        staging.check_room(self.manifest().blobs)
        with stage(self.layout) as place:
            return self._take(place, staging, lambda digest, size: commit.has(self.layout, Blob(digest, size)))

    def fetch(self, staging: Staging, blob: Blob) -> None:
        """Take one blob out."""
        if blob not in self.manifest().blobs:
            raise no_such_blob(self, blob)
        with stage(self.layout) as place:
            self._take(place, staging, lambda digest, size: digest != blob.digest)

    def _take(self, place: Stage, staging: Staging, present: Callable[[str, int], bool]) -> Manifest:
        """Unpack what is not ``present``; its bytes are checked on the way."""
        see: Callable[[Progress], None] = staging.watcher.see
        (manifest,) = unpack.unpack(self.path, [self.model], place, present, see, self.checksum)
        for blob in manifest.blobs:
            if content.size_of(place.models, blob.digest) == blob.size:
                commit.adopt(self.layout, blob, place.blob(blob.digest))
        return manifest


def _verify(staging: Staging, blob: Blob, place: Stage, label: str) -> None:
    if os.path.islink(place.blob(blob.digest)):
        raise TenancyError(
            f"Model {staging.name} could not be made of {label}",
            cause=f"blob {blob.digest[:19]} came out as a link, which Ollama never makes",
            remedy="Look where builder_image comes from", kind="unsafe_builder",
        )
    found = commit.checksum(place.blob(blob.digest), lambda read: staging.tell("verifying", blob, read))
    if found != blob.digest:
        raise TenancyError(
            f"Model {staging.name} could not be made of {label}",
            cause=f"the disk gave other bytes than were written to it ({blob.digest[:19]} reads as {found[:19]})",
            remedy="Check the disk of the store, then run again",
            kind="digest_mismatch",
        )
