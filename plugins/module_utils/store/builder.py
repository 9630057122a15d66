# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models made of a GGUF file or a Modelfile, by real Ollama in a container of its own that sees nothing else.

The container has no network, and of this machine it has the staging folder to write in and, read-only, exactly the files
that the recipe names. Models that it begins with lie below the staging folder, where not even root in there can write.
What comes out is a manifest and blobs in that folder, for the caller to verify and take in.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_job import (
    DockerJobs,
    Ended,
    JobContainer,
    Layered,
    Mount,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Meter, Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size
from ansible_collections.llmops.tenancy.plugins.module_utils.store import faults_of_create, staging
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name, manifest_path
from ansible_collections.llmops.tenancy.plugins.module_utils.store.recipe import MODELFILE, Recipe

_PREFIX = "ollama-builder-"
_MODELS = "/models"
_ENVIRONMENT = {
    "HOME": "/root",
    "NVIDIA_VISIBLE_DEVICES": "void",
    "OLLAMA_HOST": "127.0.0.1:11434",
    # Layers name the folder that they were made in: another one here would give the same model another digest.
    "OLLAMA_MODELS": _MODELS,
    # Blobs of a base model lie there that no manifest of this Ollama names yet.
    "OLLAMA_NOPRUNE": "1",
}
_NOT_YET = "could not connect to ollama"
_START_LIMIT = 30.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Workshop:
    """Where models are made.

    :param image: image of Ollama. :param memory: bytes that making one may use.
    """

    jobs: DockerJobs
    image: str
    memory: int


def build(
    recipe: Recipe, layout: Layout, stage: staging.Stage, workshop: Workshop, see: Callable[[Progress], None]
) -> None:
    """Make the model in ``stage``; a base model is taken from ``layout`` and leaves nothing there.

    :param see: takes readings while it is made, and may raise to end it.
    :raises TenancyError: why Ollama can't make it, or the engine not run it.
    """
    with open(stage.file(MODELFILE), "w", encoding="utf-8") as out:
        out.write(recipe.text)
    name = _PREFIX + stage.name
    owner = f"{layout.root}:{stage.name}"
    container = JobContainer(name, owner, workshop.image, workshop.memory, _mounts(recipe, stage), _ENVIRONMENT)
    with _bases(recipe, layout, stage), workshop.jobs.running(container):
        ended = _create(workshop.jobs, name, recipe, _Watch(recipe, stage, see))
        if ended.code and workshop.jobs.killed_for_memory(name):
            raise _too_large(recipe, workshop)
    if ended.code or not os.path.exists(stage.manifest(recipe.model)):
        raise faults_of_create.meaning_of(readable(ended.output), recipe.model, recipe.origin)


def sweep(layout: Layout, jobs: DockerJobs) -> list[str]:
    """Remove what killed runs left: their containers and their folders. Returns the containers' names."""
    removed = []
    for name, owner in sorted(jobs.left().items()):
        root, _colon, folder = owner.rpartition(":")
        if root == layout.root and staging.dead(layout, folder):
            jobs.remove(name)
            removed.append(name)
    for left in staging.left(layout):
        shutil.rmtree(left.path, ignore_errors=True)
    return removed


def readable(output: str) -> list[str]:
    """The lines of what Ollama wrote to a terminal, each once."""
    lines = (line.strip() for line in _ESCAPES.sub("", output).replace("\r", "\n").splitlines())
    return list(dict.fromkeys(filter(None, lines)))


def _mounts(recipe: Recipe, stage: staging.Stage) -> list[Mount]:
    """The staging folder to write in, and the files to read."""
    files = [Mount(file.path, file.place) for file in recipe.files]
    models: Mount | Layered = Mount(stage.models, _MODELS, writable=True)
    if recipe.bases:
        models = Layered(ModelMount(stage.base, stage.models, stage.file("work")), _MODELS)
    return [models, Mount(stage.file(MODELFILE), f"/{MODELFILE}"), *files]


@contextmanager
def _bases(recipe: Recipe, layout: Layout, stage: staging.Stage) -> Iterator[None]:
    """Have the models that it is made of below the staging folder: no byte is copied, and nothing of them stays there.

    Ollama sets the times of their blobs, which leaves files without bytes in the staging folder.
    """
    digests = {digest for base in recipe.bases for digest in base.blobs}
    for folder in ("blobs", "manifests"):
        os.makedirs(os.path.join(stage.base, folder), exist_ok=True)
    os.makedirs(stage.file("work"), exist_ok=True)
    for digest in digests:
        os.link(layout.blob(digest), os.path.join(stage.base, "blobs", blob_name(digest)))
    for base in recipe.bases:
        place = os.path.join(stage.base, "manifests", manifest_path(base.model))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(layout.manifest(base.model), place)
    try:
        yield
    finally:
        for left in [stage.blob(digest) for digest in digests] + [stage.manifest(base.model) for base in recipe.bases]:
            if os.path.lexists(left):
                os.unlink(left)


def _create(jobs: DockerJobs, name: str, recipe: Recipe, watch: "_Watch") -> Ended:
    """Have Ollama make it, as soon as it answers."""
    deadline = time.monotonic() + _START_LIMIT
    while True:
        ended = jobs.run(name, ["ollama", "create", recipe.model, "--file", f"/{MODELFILE}"], watch.tick)
        if not ended.code or _NOT_YET not in ended.output or time.monotonic() > deadline:
            return ended
        time.sleep(0.05)


class _Watch:
    """Tells how far it is by the bytes that are there."""

    def __init__(self, recipe: Recipe, stage: staging.Stage, see: Callable[[Progress], None]) -> None:
        self._total = max(sum(file.size for file in recipe.files), 1)
        self._folder = os.path.join(stage.models, "blobs")
        self._see = see
        self._meter = Meter()

    def tick(self) -> None:
        """Take a reading."""
        written = 0
        with os.scandir(self._folder) as entries:
            for entry in entries:
                written += _size(entry)
        event = Event("creating", "files", self._total, min(written, self._total))
        self._see(self._meter.add(event, time.monotonic()))


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        # Ollama renames a blob once it is whole.
        return 0


def _too_large(recipe: Recipe, workshop: Workshop) -> TenancyError:
    return TenancyError(
        f"Model {recipe.model} could not be made of {recipe.origin}",
        cause=f"Ollama ran out of the {human_size(workshop.memory)} of memory that making a model may use",
        remedy="Raise builder_memory",
        kind="builder_memory",
    )
