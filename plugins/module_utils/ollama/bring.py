# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One attempt to bring one model to one agent: pull it, or make it of a file."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import BinaryIO, Callable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import faults
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.patience import StallWatch
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.progress import Meter, Progress
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.room import check_limit, check_room
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.step import Step
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.stream import Stream
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings


class Cancelled(Exception):
    """Nobody wants the model any more."""


@dataclass
class Watcher:
    """Sees each reading, and may end the attempt.

    :param report: is told each reading. :param cancel: set when the attempt shall end.
    :param clock: seconds that only grow.
    """

    report: Callable[[Progress], None]
    cancel: threading.Event
    clock: Callable[[], float] = time.monotonic
    last: Progress = field(default_factory=Progress)

    def see(self, progress: Progress) -> None:
        """Take a reading.

        :raises Cancelled: it was told to end.
        """
        if self.cancel.is_set():
            raise Cancelled
        self.last = progress
        self.report(progress)


def bring(step: Step, settings: TransferSettings, watcher: Watcher) -> None:
    """Bring the model, once. Interrupted at any point it can be run again and goes on from there.

    :raises TenancyError: why not. :raises Cancelled: it was told to end.
    """
    client = OllamaClient(step.endpoint, settings.timeout, step.agent)
    if isinstance(step.source, ModelFile):
        _create(client, step, step.source, settings, watcher)
    elif step.source.mirror:
        _pull(client, step, step.source.text, settings, watcher)
        watcher.see(watcher.last.at("naming"))
        _rename(client, step.source.text, step.model)
    else:
        _pull(client, step, step.model, settings, watcher)


def _pull(client: OllamaClient, step: Step, name: str, settings: TransferSettings, watcher: Watcher) -> None:
    insecure = isinstance(step.source, Reference) and step.source.insecure
    with client.pull(f"http://{name}" if insecure else name, insecure=insecure) as stream:
        _follow(stream, step, settings, watcher)


def _rename(client: OllamaClient, pulled: str, plain: str) -> None:
    """Give the plain name to what a mirror had, and take the mirror's name away."""
    for act in (lambda: client.copy(pulled, plain), lambda: client.delete(pulled)):
        try:
            act()
        except TenancyError:
            # Another run that brings the same model may just have done it, at any moment of this one's.
            names = {model.name for model in client.tags()}
            if pulled in names or plain not in names:
                raise


def _create(
    client: OllamaClient, step: Step, file: ModelFile, settings: TransferSettings, watcher: Watcher
) -> None:
    if not client.has_blob(file.digest):
        _upload(client, file, watcher)
    name = os.path.basename(file.path) or "model.gguf"
    with client.create(step.model, {name: file.digest}) as stream:
        _follow(stream, step, settings, watcher)


def _upload(client: OllamaClient, file: ModelFile, watcher: Watcher) -> None:
    try:
        content = open(file.path, "rb")
    except OSError as error:
        raise TenancyError(
            f"Model file '{file.path}' can't be read",
            cause=error.strerror or str(error),
            remedy="Leave the file in place until the model is made",
            kind="no_model_file",
        ) from error
    with content:
        client.upload_blob(file.digest, _Counted(content, file, watcher), file.size)


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, content: BinaryIO, file: ModelFile, watcher: Watcher) -> None:
        self._content = content
        self._file = file
        self._watcher = watcher
        self._meter = Meter()
        self._sent = 0
        self._tell()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        chunk = self._content.read(size)
        self._sent += len(chunk)
        self._tell()
        return chunk

    def _tell(self) -> None:
        event = Event("uploading", self._file.digest, self._file.size, self._sent)
        self._watcher.see(self._meter.add(event, self._watcher.clock()))


def _follow(stream: Stream, step: Step, settings: TransferSettings, watcher: Watcher) -> None:
    """Read the stream to its end.

    :raises TenancyError: an error of Ollama, a stall, or no room. :raises Cancelled: it was told to end.
    """
    meter = Meter()
    watch = StallWatch(settings.stall_timeout, watcher.clock())
    told = 0
    for event in stream.events(tick=0.5):
        now = watcher.clock()
        if event is not None and event.error:
            raise faults.meaning_of(event.error, model=step.model, agent=step.agent, **step.source_words())
        progress = meter.add(event, now) if event else meter.read(now)
        watcher.see(progress)
        check_room(step, progress.total - progress.completed, settings.min_free)
        if progress.total != told:
            told = progress.total
            check_limit(step, told - progress.completed, settings.private_limit)
        if watch.stalled(progress, now):
            raise TenancyError(
                f"Model {step.model} could not be brought to {step.agent}",
                cause=f"no byte came for {settings.stall_timeout:g} s, at {progress.percent} %",
                remedy="Check the way to the registry and run again: what was pulled is kept; or raise stall_timeout",
                kind="stalled",
            )
