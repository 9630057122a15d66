# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a Python interpreter has the libraries that a list of requirements names. Standard library only: the interpreter
that asks may have none of them, not even pip."""

from __future__ import annotations

import json
import re
from typing import Callable, Mapping, Sequence

# (version, requirements) of every distribution, printed by the interpreter in question.
_PROBE = """
import importlib.metadata, json
found = {}
for dist in importlib.metadata.distributions():
    if dist.metadata["Name"]:
        found.setdefault(dist.metadata["Name"], [dist.version, dist.requires or []])
print(json.dumps(found))
"""
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<specifiers>[^;]*)")
_EXTRA = re.compile(r"^(?P<name>[A-Za-z0-9._-]+).*;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")
_COMPARE = {
    ">=": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
    "==": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
}


def installed(python: str, read: Callable[[Sequence[str]], str | None]) -> dict[str, tuple[str, list[str]]] | None:
    """Version and requirements of each library that ``python`` has, by normalised name; None when it does not run.

    :param read: gives the output of a command, None when it fails.
    """
    text = read([python, "-c", _PROBE])
    if text is None:
        return None
    return {_normalise(name): (version, requires) for name, (version, requires) in json.loads(text).items()}


def can_make_venv(python: str, read: Callable[[Sequence[str]], str | None]) -> bool:
    """Whether ``python -m venv`` works; Debian keeps what it needs in a package of its own, python3-venv."""
    return read([python, "-c", "import ensurepip, venv"]) is not None


def missing(requirements: Sequence[str], libraries: Mapping[str, tuple[str, list[str]]]) -> list[str]:
    """The requirements that ``libraries`` does not satisfy.

    Knows names, extras and comparisons of release numbers, which is all that the collection's requirements use.
    """
    return [text for text in requirements if not _satisfied(text, libraries)]


def _satisfied(text: str, libraries: Mapping[str, tuple[str, list[str]]]) -> bool:
    match = _REQUIREMENT.match(text.strip())
    if not match or _normalise(match["name"]) not in libraries:
        return False
    version, requires = libraries[_normalise(match["name"])]
    for operator, wanted in re.findall(r"([<>=!]+)\s*([^,\s]+)", match["specifiers"]):
        if not _COMPARE[operator](_release(version), _release(wanted)):
            return False
    extras = {_normalise(extra) for extra in (match["extras"] or "").split(",") if extra.strip()}
    needed = (_EXTRA.match(requirement) for requirement in requires)
    return all(_normalise(found["name"]) in libraries for found in needed if found and found["extra"] in extras)


def _normalise(name: str) -> str:
    """One spelling for ``Psycopg_Binary`` and ``psycopg-binary`` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _release(version: str) -> tuple[int, ...]:
    """``3.2.0rc1`` is (3, 2): the numbers of the release, without trailing zeros, so that 7.1 and 7.1.0 are one."""
    numbers = []
    for part in version.strip().split("."):
        match = re.match(r"\d+", part)
        if not match:
            break
        numbers.append(int(match[0]))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
