# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a tenant from what the catalog has of it: onboarding with it changes nothing. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import format_cpus, format_size
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.agents import CHECKS as AGENT
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import TENANT_FIELDS

Record = Mapping[str, Any]

_HEAD = "---\n# Written by export_tenants.yml from what the catalog has. Keys that are left out stay as they are there.\n"
_USER = ("email", "name", "role", "active")
_FORMATS: dict[str, Callable[[Any], str]] = {
    "quota_memory": format_size, "memory_limit": format_size, "memory_reservation": format_size,
    "quota_disk": format_size, "disk_limit": format_size, "quota_cpus": format_cpus, "cpu_limit": format_cpus,
}
# What needs no quotes in any version of YAML; a size is a text in each.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*|[0-9]+[bkmgt]")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def contents(tenant: Record, users: Iterable[Record], agents: Iterable[Record]) -> dict[str, Any]:
    """What the file says, in its own keys.

    :param tenant: as ``tenant_info`` returns it. :param users: its users; those whom Microsoft 365 owns are left out.
    :param agents: its agents.
    """
    found = {name: tenant.get(column) for name, column in TENANT_FIELDS.items() if name != "tenant"}
    people = [_entry({name: user[name] for name in _USER}) for user in users if user["source"] == "manual"]
    machines = [_entry({name: agent.get(name) for name in AGENT if name != "model"}) for agent in agents]
    return _entry({**found, "users": people, "agents": machines})


def _entry(found: Record) -> dict[str, Any]:
    """What is given, as operators write it. A limit of nothing is none that a file can ask for."""
    given = {name: value for name, value in found.items() if value not in (None, "", [], {})}
    return {
        name: _FORMATS[name](value) if name in _FORMATS else value
        for name, value in given.items()
        if not (name in _FORMATS and value == 0)
    }


def text(content: Record) -> str:
    """The file's text."""
    return _HEAD + "".join(_lines(content))


def _lines(content: Record) -> Iterable[str]:
    for name, value in content.items():
        if not (isinstance(value, list) and isinstance(value[0], Mapping)):
            yield f"{name}: {_value(value)}\n"
            continue
        yield f"\n{name}:\n"
        for entry in value:
            for number, (key, item) in enumerate(entry.items()):
                yield f"  {'  ' if number else '- '}{key}: {_value(item)}\n"


def _value(value: Any) -> str:
    """A value in YAML. A text that would be an expression is marked as none, since a file's expressions are filled in."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_value(str(key))}: {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return f"{'!unsafe ' if '{' in value else ''}{_quoted(value)}"


def _quoted(value: str) -> str:
    """A text in quotes. What can't be seen is told by its number, and by one of its own: YAML knows no pairs, as JSON has them."""
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in json.dumps(value, ensure_ascii=False))
