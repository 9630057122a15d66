# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with one tenant's file: all of it, each with the place in the file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Iterator, Mapping, Sequence, Tuple, Union

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_slug
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import agents, resolve, users, values
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import FLOWS

# Evaluated when the file is read, where sanity's oldest Python has no operator for it.
Path = Tuple[Union[str, int], ...]
Place = tuple[int, int]

FLOW = FLOWS["onboard"]
_ENTITIES = {"users": users.CHECKS, "agents": agents.CHECKS}
_WORD = re.compile(r"(\w+)((?:\[\d+\])?(?:\.\w+)?)")
_PART = re.compile(r"\[(\d+)\]|\.(\w+)")


class Opaque:
    """A value that can't be known offline: vaulted, or an expression. No check looks at it."""


@dataclass(frozen=True)
class Parsed:
    """A file that was read.

    :param path: of the file. :param tenant: by the file's name.
    :param content: its values, with :class:`Opaque` for those that can't be known.
    :param places: line and column of each value, both from 1; of a mapping's entry, where its key stands.
    :param faults: what was wrong with reading it already.
    """

    path: str
    tenant: str
    content: Any = None
    places: Mapping[Path, Place] = field(default_factory=dict)
    faults: tuple["Finding", ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where."""

    file: str
    line: int
    column: int
    message: str
    kind: str

    def __str__(self) -> str:
        """As compilers write it, so that editors and CI make a link of it."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def findings(parsed: Parsed, hosts: Sequence[str]) -> list[Finding]:
    """All that is wrong with a file on its own, in the order of the file.

    :param hosts: names that an agent's host may have.
    """
    found = list(parsed.faults)
    if not found:
        found = [_finding(parsed, path, error) for path, error in _errors(parsed)]
    if not found and not _opaque(parsed.content):
        found = _whole(parsed, hosts)
    return sorted(found, key=lambda finding: (finding.line, finding.column))


def _finding(parsed: Parsed, path: Path, error: TenancyError) -> Finding:
    line, column = place(parsed, path)
    return Finding(parsed.path, line, column, str(error), error.kind)


def place(parsed: Parsed, path: Path) -> Place:
    """Where a value stands, or the nearest thing around it."""
    while path and path not in parsed.places:
        path = path[:-1]
    return parsed.places.get(path, (1, 1))


def _errors(parsed: Parsed) -> Iterator[tuple[Path, TenancyError]]:
    """What is wrong with single values."""
    try:
        check_slug(parsed.tenant, "the file's name")
    except TenancyError as error:
        yield (), error
    content = parsed.content
    if content is None:
        return
    if not isinstance(content, Mapping):
        yield (), TenancyError("The file is not a mapping", remedy="Write it as 'key: value' lines", kind="invalid_file")
        return
    known = dict.fromkeys(FLOW.lists, _anything) | dict(FLOW.checks)
    yield from _mapping_errors(content, known, "The file", ())
    if values.is_given(content.get("tenant")) and content["tenant"] != parsed.tenant and not _opaque(content["tenant"]):
        yield ("tenant",), TenancyError(
            f"The file describes the tenant '{content['tenant']}', and is called '{parsed.tenant}'",
            remedy="Rename the file or correct its key 'tenant'", kind="invalid_file",
        )
    for name, checks in _ENTITIES.items():
        yield from _entity_errors(content.get(name), checks, name)


def _anything(value: Any, name: str) -> Any:
    return value


def _mapping_errors(
    content: Mapping[str, Any], checks: Mapping[str, values.Check], name: str, path: Path
) -> Iterator[tuple[Path, TenancyError]]:
    for key, value in content.items():
        try:
            values.refuse_unknown_keys([key], checks, name)
            if values.is_given(value) and not _opaque(value):
                checks[key](value, _spelled((*path, key)))
        except TenancyError as error:
            yield (*path, key), error


def _entity_errors(given: Any, checks: Mapping[str, values.Check], name: str) -> Iterator[tuple[Path, TenancyError]]:
    """Users or agents, when they are mappings; as text they are checked with the file as a whole."""
    if isinstance(given, Mapping):
        yield from _mapping_errors(given, checks, name, (name,))
    for index, item in enumerate(given if isinstance(given, list) else ()):
        if isinstance(item, Mapping):
            yield from _mapping_errors(item, checks, f"{name}[{index}]", (name, index))
            if name == "users" and not values.is_given(item.get("email")):
                yield (name, index), TenancyError(
                    f"users[{index}] has no email", remedy="Give each user an email", kind="missing_value"
                )


def _spelled(path: Path) -> str:
    """A path as the checks write it: ``agents[1].port``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _opaque(value: Any) -> bool:
    """Whether anything in a value can't be known."""
    if isinstance(value, Mapping):
        return any(_opaque(item) for item in value.values())
    return any(map(_opaque, value)) if isinstance(value, list) else value is Opaque


def _whole(parsed: Parsed, hosts: Sequence[str]) -> list[Finding]:
    """What a run would refuse now that every single value is right: of each list the first thing, else of all together."""
    content = parsed.content or {}
    parts = [{name: content[name]} for name in FLOW.lists if name in content]
    parts.append({name: value for name, value in content.items() if name not in FLOW.lists})
    found: dict[str, Finding] = {}
    for part in (*parts, content):
        try:
            record(replace(parsed, content=part), hosts)
        except TenancyError as error:
            finding = _finding(parsed, _named_path(error.what), error)
            found.setdefault(finding.message, finding)
    return list(found.values())


def _named_path(text: str) -> Path:
    """The path that an error's text begins with, as far as it is one."""
    found = _WORD.match(text)
    if not found:
        return ()
    parts = [int(index) if index else key for index, key in _PART.findall(found[2])]
    return (found[1], *parts)


def record(parsed: Parsed, hosts: Sequence[str]) -> dict[str, Any]:
    """What a run with nothing but this file would record.

    :raises TenancyError: for the first thing that is wrong.
    """
    layers = [resolve.Layer("the extra variables", {"tenant": parsed.tenant}), resolve.Layer(parsed.path, parsed.content or {})]
    return resolve.resolve(FLOW, layers, hosts)["record"]
