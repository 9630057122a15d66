# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blobs that models directories of agents have already, so that they don't come over the wire a second time.

Such a directory is written by a tenant. So what counts is the manifest of the model registry alone: a file there is only
taken for a blob that this manifest names, as a copy, and when the bytes of the copy have the blob's checksum.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO, Callable, Iterable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import allocated_at
from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, hostile, partial, space
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name

_CHUNK = 1024**2


def offered(layout: Layout, blobs: Iterable[Blob], folders: Sequence[str]) -> int:
    """Bytes of the blobs, each once, that the store lacks and that one of the directories seems to have, by their length.

    A download that was cut goes on instead: beside it, there might be no room for a whole copy.
    """
    lacking = {blob.digest: blob for blob in blobs if not commit.has(layout, blob) and not commit.kept(layout, blob)}
    untouched = [each for each in lacking.values() if partial.left_to_fetch(layout.part(each.digest), each.size) == each.size]
    return sum(blob.size for blob in untouched if any(has(folder, blob) for folder in folders))


def left_bytes(layout: Layout, blob: Blob) -> int:
    """Bytes on the disk of a copy of the blob that is not done, or was not when its run was killed."""
    return allocated_at(_aside(layout, blob))


def forget(layout: Layout, blob: Blob) -> None:
    """Remove what a killed run left of a copy. Called with the blob's lock held."""
    with suppress(FileNotFoundError):
        os.unlink(_aside(layout, blob))


def take(layout: Layout, blob: Blob, folders: Sequence[str], tell: Callable[[int], None]) -> bool:
    """Have the store take a blob out of a directory that has it; whether one had, and there was room.

    :param tell: is told how many bytes were read; may raise to end it.
    """
    aside = _aside(layout, blob)
    for folder in folders:
        with _opened(folder, blob) as file:
            if file and _copied(file, blob, aside, tell):
                commit.adopt(layout, blob, aside)
                return True
    return False


def has(folder: str, blob: Blob) -> bool:
    """Whether a directory seems to have a blob, by its length."""
    with _opened(folder, blob) as file:
        return file is not None


def proves(folder: str, blob: Blob, tell: Callable[[int], None]) -> bool:
    """Whether a directory has a blob, by its bytes. All of them are read.

    :param tell: see :func:`take`.
    """
    digest, done = hashlib.sha256(), 0
    with _opened(folder, blob) as file:
        while file and done < blob.size and (chunk := file.read(_CHUNK)):
            digest.update(chunk)
            done += len(chunk)
            tell(done)
        return file is not None and f"sha256:{digest.hexdigest()}" == blob.digest


def _aside(layout: Layout, blob: Blob) -> str:
    return os.path.join(layout.part(blob.digest), "seed")


def _opened(folder: str, blob: Blob) -> AbstractContextManager[BinaryIO | None]:
    """The file of a blob; None when there is none of its length. Nothing that a tenant put there instead is followed."""
    return hostile.opened(folder, ("blobs", blob_name(blob.digest)), lambda size: size == blob.size)


def _copied(file: BinaryIO, blob: Blob, aside: str, tell: Callable[[int], None]) -> bool:
    """Copy a file; whether the copy is the blob. What is compared is what was written, whoever writes to the file."""
    digest, done, same = hashlib.sha256(), 0, False
    try:
        os.makedirs(os.path.dirname(aside), mode=0o700, exist_ok=True)
        with open(aside, "wb") as out:
            while done < blob.size and (chunk := file.read(_CHUNK)):
                digest.update(chunk)
                out.write(chunk)
                done += len(chunk)
                tell(done)
        same = f"sha256:{digest.hexdigest()}" == blob.digest
    except OSError as error:
        if not space.is_full(error):
            raise
    finally:
        if not same:
            with suppress(FileNotFoundError):
                os.unlink(aside)
    return same
