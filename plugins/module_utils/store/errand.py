# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the worker does for a store: bring one model, or read all its bytes and mend what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Watcher
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.transfer import patiently
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, content, locks, space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Stored
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import Source, Staging


@dataclass(frozen=True)
class Errand:
    """One model of a store.

    :param verify: read what is there instead of bringing it.
    :param known: what is known of it before it begins. :param sound: blobs that this run has read already, by digest.
    """

    layout: Layout
    model: str
    source: Source
    verify: bool = False
    known: Progress = Progress()
    sound: dict[str, bool] = field(default_factory=dict)
    agent: str = "the model store"

    @property
    def endpoint(self) -> str:
        """The store: one model after the other, each with several connections."""
        return self.layout.root


def carry(
    errand: Errand, settings: TransferSettings, watcher: Watcher, retrying: Callable[[int, str], None]
) -> dict[str, Any]:
    """Carry an errand out; what was found is ``mended``, digests of blobs, ``moved``, bytes that came, and ``seeded``, those
    that agents of the host had already.

    :raises TenancyError: why not. :raises Cancelled: it was told to end.
    """
    reading = Staging(errand.layout, errand.model, watcher)
    # The progress of what comes begins anew after all was read.
    bringing = Staging(errand.layout, errand.model, watcher, settings.min_free)
    mended: list[str] = []

    def act() -> None:
        if errand.verify:
            mended.extend(_verify(errand, reading, bringing))
        else:
            _bring(errand, bringing)

    try:
        with locks.shared(errand.layout, locks.ARRIVALS):
            patiently(act, settings, watcher, retrying)
    except OSError as error:
        # The disk was full when only its manifest was to be written, for example.
        raise space.fault(f"Model {errand.model} can't be put into the store", errand.layout.root, error) from error
    return {"mended": mended, "moved": bringing.meter.read(watcher.clock()).moved, "seeded": bringing.seeded}


def _bring(errand: Errand, staging: Staging) -> None:
    manifest = errand.source.stage(staging)
    commit.commit(errand.layout, errand.model, manifest, staging.guard)
    commit.relink(errand.layout, manifest.blobs)


def _verify(errand: Errand, reading: Staging, bringing: Staging) -> list[str]:
    model = content.find(errand.layout, errand.model)
    if model is None:
        return []  # another run took it away in between
    wrong = damaged(errand.layout, model, errand.sound, reading.tell)
    for blob in wrong:
        if commit.has(errand.layout, blob) or not commit.rescue(errand.layout, blob):
            errand.source.fetch(bringing, blob)
        errand.sound[blob.digest] = True
    commit.relink(errand.layout, wrong)
    return [blob.digest for blob in wrong]


def damaged(
    layout: Layout, model: Stored, sound: dict[str, bool], tell: Callable[[str, Blob, int], None]
) -> list[Blob]:
    """Blobs of a model that are not there or have other bytes than they should. All of them are read.

    :param sound: what was read before, by digest; is added to. :param tell: is told the phase, the blob, and its bytes.
    """
    for blob in model.blobs:
        tell("checking", blob, 0)
    for blob in model.blobs:
        if blob.digest not in sound:
            whole = commit.has(layout, blob)
            sound[blob.digest] = whole and blob.digest == commit.checksum(
                layout.blob(blob.digest), lambda read: tell("checking", blob, read)
            )
        tell("checking", blob, blob.size)
    return [blob for blob in model.blobs if not sound[blob.digest]]
