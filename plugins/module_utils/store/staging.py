# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staging: a folder of the store where something is made or unpacked before it is verified and taken in.

A folder is held by a lock as long as its run lives. One that nobody holds was left by a run that was killed, and goes.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from typing import Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.store import locks
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name, manifest_path


class Stage:
    """One folder of staging, with a models directory as Ollama lays it out.

    :param path: the folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.models = os.path.join(path, "models")

    @property
    def name(self) -> str:
        """What the folder is called; nothing else of this store is called so."""
        return os.path.basename(self.path)

    def file(self, name: str) -> str:
        """Path of a file of it that is not of the models directory."""
        return os.path.join(self.path, name)

    @property
    def base(self) -> str:
        """A models directory that is only read: of the models that another one is made of."""
        return os.path.join(self.path, "base")

    def blob(self, digest: str) -> str:
        """Path of a blob of it."""
        return os.path.join(self.models, "blobs", blob_name(digest))

    def manifest(self, model: str) -> str:
        """Path of the manifest of a model of it."""
        return os.path.join(self.models, "manifests", manifest_path(model))


@contextmanager
def stage(layout: Layout) -> Iterator[Stage]:
    """A new folder, gone at the end."""
    made, held = _made(layout)
    try:
        os.makedirs(os.path.join(made.models, "blobs"))
        yield made
    finally:
        shutil.rmtree(made.path, ignore_errors=True)
        os.close(held)


def left(layout: Layout) -> list[Stage]:
    """The folders that no run holds any more."""
    if not os.path.isdir(layout.staging):
        return []
    paths = [os.path.join(layout.staging, name) for name in sorted(os.listdir(layout.staging))]
    return [Stage(path) for path in paths if os.path.isdir(path) and locks.dead(path)]


def dead(layout: Layout, name: str) -> bool:
    """Whether no run holds the folder of that name (any more)."""
    return locks.dead(os.path.join(layout.staging, name))


def _made(layout: Layout) -> tuple[Stage, int]:
    """A folder and what holds it. Before it is held it looks like one that was left, so another run may take it away."""
    while True:
        path = os.path.join(layout.staging, secrets.token_hex(8))
        os.makedirs(path, mode=0o700)
        held = locks.hold(path)
        if held is not None and os.path.exists(path):
            return Stage(path), held
