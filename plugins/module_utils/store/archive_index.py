# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an archive of models says of itself: its index, the checksums, and which names may be in it. Pure.

An archive is a directory, or a tar of one::

    models.json                                 the index, first in a tar, so that reading a few bytes tells what it holds
    SHA256SUMS                                  for ``sha256sum --check`` where this collection is not at hand
    manifests/<host>/<namespace>/<name>/<tag>   as Ollama lays them out
    blobs/sha256-<hex>
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import blob_name, full_name, manifest_path

INDEX = "models.json"
SUMS = "SHA256SUMS"
FORMAT = 1
# More than a hundred thousand models need; what is longer is no index and is not read into memory.
LARGEST_TEXT = 64 * 1024**2
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.:-]*"
_BLOB = re.compile(r"blobs/sha256-[0-9a-f]{64}")
_MANIFEST = re.compile(rf"manifests/{_PART}/{_PART}/{_PART}/{_PART}")
_FOLDER = re.compile(rf"blobs|manifests(?:/{_PART}){{0,3}}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Listed:
    """A model of an archive. :param digest: of its manifest, in hexadecimal. :param size: bytes of its blobs."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class Index:
    """What an archive holds. :param blobs: bytes of each blob, by ``sha256:…``."""

    models: tuple[Listed, ...]
    blobs: Mapping[str, int]

    @property
    def size(self) -> int:
        """Bytes of all blobs, each once."""
        return sum(self.blobs.values())

    def body(self) -> bytes:
        """The index as a file: the same models always give the same bytes."""
        models = [{"name": each.name, "digest": each.digest, "size": each.size} for each in self.models]
        value = {"format": FORMAT, "models": models, "blobs": dict(sorted(self.blobs.items()))}
        return (json.dumps(value, indent=1) + "\n").encode()

    def sums(self) -> bytes:
        """Checksums of all other files but the index itself."""
        lines = [f"{each.digest}  manifests/{manifest_path(each.name)}\n" for each in self.models]
        lines += [f"{digest.removeprefix('sha256:')}  blobs/{blob_name(digest)}\n" for digest in sorted(self.blobs)]
        return "".join(lines).encode()


def index_of(manifests: Mapping[str, Manifest]) -> Index:
    """The index of models. :param manifests: by full name."""
    blobs = {blob.digest: blob.size for manifest in manifests.values() for blob in manifest.blobs}
    models = tuple(Listed(name, manifests[name].digest, manifests[name].size) for name in sorted(manifests))
    return Index(models, blobs)


def parse_index(body: bytes, archive: str) -> Index:
    """The index whose bytes are ``body``.

    :raises TenancyError: ``bad_archive``; ``archive_too_new`` for a format of a later release.
    """
    try:
        value = json.loads(body)
        if value["format"] > FORMAT:
            raise TenancyError(
                f"Archive '{archive}' can't be read",
                cause=f"its format {value['format']} is of a later release of this collection",
                remedy="Update the collection here, or export again with this release",
                kind="archive_too_new",
            )
        return Index(tuple(_listed(each) for each in value["models"]), _blobs(value["blobs"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad(archive, f"its index is damaged ({error or type(error).__name__})") from error


def select(index: Index, names: Sequence[str], archive: str) -> list[str]:
    """The names as the archive has them; all of it for none.

    :raises TenancyError: ``model_not_in_archive``.
    """
    there = [model.name for model in index.models]
    wanted = [full_name(name) for name in names] or there
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise TenancyError(
            f"Archive '{archive}' does not have {', '.join(missing)}",
            cause=f"it has {', '.join(there) or 'no models'}",
            remedy="Correct the name, or export the model too",
            kind="model_not_in_archive",
        )
    return wanted


def check_name(name: str, archive: str, *, folder: bool) -> None:
    """Refuse a member that no export of ours makes, so that nothing is ever written outside of the staging folder.

    :raises TenancyError: ``unsafe_archive``.
    """
    if folder:
        good = name in ("", ".") or _FOLDER.fullmatch(name)
    else:
        good = name in (INDEX, SUMS) or _BLOB.fullmatch(name) or _MANIFEST.fullmatch(name)
    if not good or ".." in name.split("/"):
        raise unsafe(archive, f"it has {ascii(name)[:200]}, which no export makes")


def unsafe(archive: str, cause: str) -> TenancyError:
    """The error for what has no place in an archive of models."""
    return TenancyError(
        f"Archive '{archive}' is refused",
        cause=cause,
        remedy="Take one that export_models.yml has made, over a way where nobody changes it",
        kind="unsafe_archive",
    )


def bad(archive: str, cause: str) -> TenancyError:
    """The error for an archive that is none, or not whole."""
    return TenancyError(
        f"Archive '{archive}' can't be used",
        cause=cause,
        remedy="Copy it again as a whole, or make it anew with export_models.yml",
        kind="bad_archive",
    )


def _listed(value: Mapping[str, Any]) -> Listed:
    if not _DIGEST.fullmatch(f"sha256:{value['digest']}"):
        raise ValueError("a model without a digest")
    return Listed(full_name(str(value["name"])), str(value["digest"]), int(value["size"]))


def _blobs(value: Mapping[str, Any]) -> dict[str, int]:
    if not all(_DIGEST.fullmatch(digest) for digest in value):
        raise ValueError("a blob without a digest")
    return {str(digest): int(size) for digest, size in value.items()}
