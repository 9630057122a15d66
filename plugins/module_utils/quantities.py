# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes in bytes, CPUs in millicpus, times as Ollama takes them: reading what operators write and printing it back."""

from __future__ import annotations

import re
from decimal import Decimal

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)(?:i?b)?", re.IGNORECASE)
_CPUS = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<milli>m?)")
# The most that an agent can be given of what is counted, as the catalog's table has it.
MOST = {"context_length": 16_777_216, "num_parallel": 1024, "gpus": 1024}
_DURATION = re.compile(r"-?([0-9]+|([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+)")
# Below these, as the columns of the catalog hold it: bigint and integer.
_END_OF_BYTES, _END_OF_MILLICPUS = 2**63, 2**31
# Powers of 1024 for every spelling, as Docker and Ollama read them: 6g, 6G, 6GB and 6GiB are one size.
_FACTORS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def parse_size(text: str | int, name: str = "size") -> int:
    """Bytes of ``6g``, ``512m``, ``1.5GiB`` or a plain number of bytes.

    :param name: the option the text came from, for the error.
    :raises TenancyError: ``invalid_size``, also from 8 EiB on, which neither Docker nor the catalog can count.
    """
    match = _SIZE.fullmatch(str(text).strip())
    if not match:
        raise TenancyError(
            f"{name} '{text}' is not a size",
            remedy="Write a number with a unit, for example 6g, 512m or 1.5GiB",
            kind="invalid_size",
        )
    return _bounded(text, name, match["number"], _FACTORS[match["unit"].lower()], _END_OF_BYTES, "invalid_size")


def parse_limit(text: str | None, name: str) -> int | None:
    """Bytes of a size that need not be given; None without one, which is no limit.

    :raises TenancyError: as :func:`parse_size`.
    """
    return parse_size(text, name) if text else None


def parse_cpus(text: str | int | float, name: str = "cpus") -> int:
    """Millicpus of ``2``, ``0.5`` or ``500m``.

    :raises TenancyError: ``invalid_cpus``, also for more than the catalog can count, some two million CPUs.
    """
    match = _CPUS.fullmatch(str(text).strip())
    if not match:
        raise TenancyError(
            f"{name} '{text}' is not a number of CPUs",
            remedy="Write a number such as 2, 0.5 or 500m",
            kind="invalid_cpus",
        )
    return _bounded(text, name, match["number"], 1 if match["milli"] else 1000, _END_OF_MILLICPUS, "invalid_cpus")


def _bounded(text: str | int | float, name: str, number: str, factor: int, end: int, kind: str) -> int:
    """The product, when it is below ``end``."""
    parsed = Decimal(number)
    # The number alone is compared first: the product of a very long one is beyond Decimal, too.
    if parsed >= end or parsed * factor >= end:
        shown = str(text).strip()
        raise TenancyError(
            f"{name} '{shown if len(shown) <= 40 else shown[:40] + '…'}' is too much",
            cause=f"it must be below {format_size(end) if kind == 'invalid_size' else format_cpus(end)}",
            remedy="Give less",
            kind=kind,
        )
    return int(parsed * factor)


def is_duration(text: str) -> bool:
    """Whether it is a time as Ollama writes it: ``5m``, ``1h30m``, seconds alone, or less than nothing for ever."""
    return bool(_DURATION.fullmatch(text))


def format_size(size: int) -> str:
    """The shortest exact spelling in Docker's units: 6442450944 is ``6g``, 1536 is ``1536b``."""
    for unit in ("t", "g", "m", "k"):
        if size and size % _FACTORS[unit] == 0:
            return f"{size // _FACTORS[unit]}{unit}"
    return f"{size}b"


def human_size(size: float) -> str:
    """A size for people, three digits at most: 6442450944 is ``6.0 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def format_cpus(millicpus: int) -> str:
    """500 is ``0.5``, 2000 is ``2``."""
    return f"{Decimal(millicpus) / 1000:f}".rstrip("0").rstrip(".") if millicpus % 1000 else str(millicpus // 1000)
