# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model file in GGUF format, known by its digest."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_CHUNK = 4 * 1024**2
_CHECKSUM = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class ModelFile:
    """A GGUF file.

    :param path: where it is on the machine that reaches the agent; empty while it is on the controller only.
    :param digest: ``sha256:…`` of its bytes. :param size: bytes.
    """

    path: str
    digest: str
    size: int


def parse_checksum(text: str) -> str:
    """``text`` when it is a checksum.

    :raises TenancyError: ``invalid_checksum``.
    """
    if _CHECKSUM.fullmatch(text.lower()):
        return text.lower()
    raise TenancyError(
        f"'{text}' is not a checksum",
        remedy="Write sha256: and 64 hexadecimal digits, as sha256sum prints them",
        kind="invalid_checksum",
    )


def read_model_file(path: str) -> ModelFile:
    """The file at ``path``; all of its bytes are read.

    :raises TenancyError: ``no_model_file`` or ``bad_model_file``.
    """
    try:
        digest = hashlib.sha256()
        with open(path, "rb") as content:
            chunk = content.read(_CHUNK)
            if not chunk.startswith(b"GGUF"):
                raise TenancyError(
                    f"'{path}' is not a model file",
                    cause="it does not begin with GGUF",
                    remedy="Give a file in GGUF format, whole and undamaged",
                    kind="bad_model_file",
                )
            while chunk:
                digest.update(chunk)
                chunk = content.read(_CHUNK)
            size = os.fstat(content.fileno()).st_size
    except OSError as error:
        raise TenancyError(
            f"Model file '{path}' can't be read",
            cause=error.strerror or str(error),
            remedy="Check the path; with remote_src=true it is a path on the agent's host",
            kind="no_model_file",
        ) from error
    return ModelFile(path, f"sha256:{digest.hexdigest()}", size)


def verify(file: ModelFile, checksum: str | None) -> ModelFile:
    """``file`` when it has the checksum.

    :raises TenancyError: ``checksum_mismatch``.
    """
    if checksum and parse_checksum(checksum) != file.digest:
        raise TenancyError(
            f"Model file '{file.path}' does not have its checksum",
            cause=f"expected {checksum}, found {file.digest}",
            remedy="Fetch the file again, or correct the checksum",
            kind="checksum_mismatch",
        )
    return file
