# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store, or a view of it, has: models with their manifests and blobs."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name, manifest_path, name_of

_ENDLESS = 2**60


@dataclass(frozen=True)
class Blob:
    """A part of a model.

    :param digest: ``sha256:…``. :param size: bytes, as the manifest says.
    """

    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """A model's manifest.

    :param digest: sha256 of its bytes, in hexadecimal, as Ollama lists the model. :param body: the bytes.
    :param blobs: config and layers, each once. :param config: digest of the config; empty without one.
    """

    digest: str
    body: bytes
    blobs: tuple[Blob, ...]
    config: str = ""

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)


@dataclass(frozen=True)
class Stored:
    """A model of a directory.

    :param name: as Ollama lists it. :param digest: of its manifest. :param size: bytes of its blobs.
    :param missing: blobs that are not there, or have another length. :param modified: seconds since 1970.
    """

    name: str
    digest: str
    size: int
    blobs: tuple[Blob, ...]
    missing: tuple[Blob, ...]
    modified: float

    @property
    def complete(self) -> bool:
        """Whether all its blobs are there. Their bytes are not read."""
        return not self.missing


def parse(body: bytes, model: str) -> Manifest:
    """The manifest whose bytes are ``body``.

    :param model: how to call it in an error.
    :raises TenancyError: ``bad_manifest``.
    """
    try:
        value = json.loads(body)
        config = value.get("config")
        parts = [*value["layers"], *filter(None, [config])]
        blobs = {_digest(part["digest"]): _size(part["size"]) for part in parts}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TenancyError(
            f"The manifest of model {model} can't be used",
            cause=f"it is not a model's manifest ({error or type(error).__name__}): {body[:80]!r}",
            remedy="Check that the source serves models, then pull it again",
            kind="bad_manifest",
        ) from error
    return Manifest(hashlib.sha256(body).hexdigest(), body, tuple(Blob(*blob) for blob in blobs.items()), str(config["digest"]) if config else "")


def _digest(text: str) -> str:
    digest = str(text)
    # The digest becomes a file's name, and the manifest comes from outside.
    if len(digest) != 71 or not digest.startswith("sha256:") or not set(digest[7:]) <= set("0123456789abcdef"):
        raise ValueError(f"'{digest[:80]}' is not a digest")
    return digest


def _size(value: object) -> int:
    # A tenant may have written it: JSON knows numbers that are none, and some that no file has.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _ENDLESS:
        raise ValueError(f"{str(value)[:40]} is not a size")
    return value


def stored(layout: Layout) -> list[Stored]:
    """The models of a store, by name, complete or damaged."""
    return list_models(layout.root)


def find(layout: Layout, name: str) -> Stored | None:
    """A model of the store; None when it has no manifest of that name, or one that can't be read as one."""
    path = manifest_path(name)
    return _load(layout.root, path) if os.path.isfile(os.path.join(layout.manifests, path)) else None


def list_models(folder: str) -> list[Stored]:
    """The models of any directory that is laid out as Ollama does, by name."""
    found = (_load(folder, path) for path in _manifests(os.path.join(folder, "manifests")))
    return sorted(filter(None, found), key=lambda model: model.name)


def read(folder: str, name: str) -> Manifest:
    """The manifest of a model of a directory.

    :raises TenancyError: ``bad_manifest``. :raises FileNotFoundError: there is none.
    """
    with open(os.path.join(folder, "manifests", manifest_path(name)), "rb") as content:
        return parse(content.read(), name)


def _manifests(folder: str) -> Iterator[str]:
    """Paths of manifests below ``folder``: host, namespace, name and tag. What is aside for a moment begins with a dot."""
    for place, _folders, files in os.walk(folder):
        for file in files:
            path = os.path.relpath(os.path.join(place, file), folder)
            if path.count(os.sep) == 3 and not file.startswith("."):
                yield path


def _load(folder: str, path: str) -> Stored | None:
    name = name_of(path)
    file = os.path.join(folder, "manifests", path)
    try:
        with open(file, "rb") as content:
            manifest = parse(content.read(), name)
            modified = os.fstat(content.fileno()).st_mtime
    except (FileNotFoundError, TenancyError):
        return None
    missing = tuple(blob for blob in manifest.blobs if size_of(folder, blob.digest) != blob.size)
    return Stored(name, manifest.digest, manifest.size, manifest.blobs, missing, modified)


def size_of(folder: str, digest: str) -> int:
    """Bytes of a blob of a directory; -1 when it is not there."""
    try:
        return os.stat(os.path.join(folder, "blobs", blob_name(digest))).st_size
    except FileNotFoundError:
        return -1
