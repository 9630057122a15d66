# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of a tenant's file, made from the very checks that resolve it. Pure.

Editors and CI read it. A run checks more (sums, what stands in two files) and takes more spellings (capitals, blanks around).
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import agents, m365, users, values
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import CLEARABLE, FLOWS

Schema = dict[str, Any]
Describe = Callable[[str], str]

_TITLE = "A tenant of llmops.tenancy"
# What a check takes, by the check. A pattern is for texts alone: a YAML number passes as what it is.
_GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_DOMAIN = "([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9-]{2,63}"
_NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SCALARS: dict[values.Check, Schema] = {
    values.slug: {"type": ["string", "integer"], "pattern": "^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$"},
    values.text: {"type": ["string", "number", "boolean"], "pattern": "^[^\\u0000-\\u001f]*$"},
    values.email: {"type": "string", "pattern": "^[^@\\s,;<>\"()]+@[^@\\s,;<>\"()]+$"},
    values.domain: {"type": "string", "pattern": f"^{_DOMAIN}$"},
    values.directory_id: {"type": "string", "pattern": f"^({_GUID}|{_DOMAIN})$"},
    values.model: {
        "type": "string", "pattern": f"^([A-Za-z0-9.-]+(:[0-9]+)?/(?=[^/]+/))?({_NAME}/)?{_NAME}(:{_NAME})?$",
    },
    values.size: {"type": ["string", "number"], "pattern": "^[0-9]+(\\.[0-9]+)?\\s*[kKmMgGtT]?([iI]?[bB])?$", "exclusiveMinimum": 0},
    values.cpus: {"type": ["string", "number"], "pattern": "^[0-9]+(\\.[0-9]+)?m?$", "exclusiveMinimum": 0},
    values.duration: {"type": ["string", "integer"], "pattern": "^-?([0-9]+|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+)$"},
    values.address: {"type": "string", "pattern": "^[0-9A-Fa-f.:]+$"},
    values.labels: {"type": ["array", "object", "string"]},
    values.boolean: {"enum": [True, False, 1, 0, "1", "0", *values.YES_NO]},
}
# Null and an empty text count as not given, and an expression is filled in before anything is checked.
_NOT_GIVEN: Schema = {"enum": [None, ""]}
_EXPRESSION: Schema = {"type": "string", "pattern": "\\{[{%]"}
_VARIANTS = [{"$ref": "#/$defs/not_given"}, {"$ref": "#/$defs/expression"}]


def tenant_schema(describe: Describe) -> Schema:
    """The schema of ``tenants/<tenant>.yml``.

    :param describe: what a variable means, by its name; empty when nobody says.
    """
    flow = FLOWS["onboard"]
    plain = {name: _described(_scalar(check), describe(name)) for name, check in flow.checks.items()}
    lists = {"users": _users(), "agents": _agents(), "clear": _list_of({"enum": list(CLEARABLE)})}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": _TITLE,
        "description": "Keys of tenants/<tenant>.yml beside the inventory. What is left out stays as it is.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {**plain, **{name: _described(lists[name], describe(name)) for name in flow.lists}},
        "$defs": {"not_given": _NOT_GIVEN, "expression": _EXPRESSION},
    }


def _described(schema: Schema, description: str) -> Schema:
    return {"description": description, **schema} if description else schema


def _scalar(check: values.Check) -> Schema:
    """What one variable takes."""
    return {"anyOf": [_checked(check), *_VARIANTS]}


def _checked(check: values.Check) -> Schema:
    if check in _SCALARS:
        return _SCALARS[check]
    if choices := getattr(check, "choices", None):
        return {"enum": list(choices)}
    if bounds := getattr(check, "bounds", None):
        low, high = bounds
        return {"anyOf": [{"type": "integer", "minimum": low, "maximum": high}, {"type": "string", "pattern": "^[0-9]{1,12}$"}]}
    if check is agents.CHECKS["models"]:
        return _list_of(_SCALARS[values.model])
    # Lists and mappings of Microsoft 365, which may be text as well.
    return {"type": ["array", "object", "string"]} if check in m365.CHECKS.values() else {}


def _list_of(item: Schema) -> Schema:
    """A list, one entry of it, or text."""
    return {"anyOf": [{"type": "array", "items": item}, {"type": ["string", "object"]}, {"type": "null"}]}


def _entity(checks: Mapping[str, values.Check], **more: Any) -> Schema:
    return {
        "type": "object", "additionalProperties": False,
        "properties": {name: _scalar(check) for name, check in checks.items()}, **more,
    }


def _users() -> Schema:
    person = _entity(users.CHECKS, required=["email"])
    return _list_or_text(person, {"type": "string", "pattern": "@"})


def _agents() -> Schema:
    return _list_or_text(_entity(agents.CHECKS))


def _list_or_text(entity: Schema, *also: Schema) -> Schema:
    """Entities as a list, a single one, or all of it as text."""
    return {"anyOf": [{"type": "array", "items": {"anyOf": [entity, *also]}}, entity, {"type": "string"}, {"type": "null"}]}
