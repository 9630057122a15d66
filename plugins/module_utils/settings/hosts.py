# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that a variable names: one that the inventory does not have would have a run do nothing, and call that success."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, Collection, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import nearest, some
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values
from ansible_collections.llmops.tenancy.plugins.module_utils.unknown_names import refuse_unknown

# `gpu[0]` and `gpu[0:2]` are some of those that `gpu` names.
_SUBSCRIPT = re.compile(r"\[-?\d+([:-]-?\d*)?\]$")


def check_agent_host(variable: str, host: str, hosts: Sequence[str]) -> None:
    """Return when an agent host is one of the inventory.

    :raises TenancyError: ``unknown_host``, with the nearest one.
    """
    if host not in hosts:
        raise TenancyError(
            f"{variable} '{host}' is not an agent host of the inventory",
            cause=f"the group agent_hosts has {some(hosts)}",
            remedy=nearest(host, hosts) or "Add the host to the group agent_hosts, or name another",
            kind="unknown_host",
        )


def check_pattern(variable: str, parts: Iterable[str], names: Collection[str]) -> None:
    """Return when every part of a pattern of hosts has a host or a group.

    :param parts: as Ansible splits the pattern. :param names: hosts and groups of the inventory.
    :raises TenancyError: ``unknown_host``, with the nearest one.
    """
    for part in parts:
        if not any(_names(part.lstrip("!&"), name) for name in names):
            raise TenancyError(
                f"{variable} '{part}' is neither a host nor a group of the inventory",
                cause=f"it has {some(sorted(names))}",
                remedy=nearest(part, names) or "Add it to the inventory, or name another",
                kind="unknown_host",
            )


def check_variables(host: str, variables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]], also: Iterable[str]) -> None:
    """Return when a host's variables about agents are ones that role agent has, with values that it can have.

    :param options: of the role, as its argument specs tell them. :param also: further names that are right.
    :raises TenancyError: ``unknown_variable`` or ``invalid_choice``.
    """
    names = [name for name in variables if name.startswith("agent_")]
    refuse_unknown(names, [*options, *also], where=f"Role agent, on host {host},")
    for name in names:
        choices, given = options.get(name, {}).get("choices"), variables[name]
        if choices and values.is_given(given) and given not in choices:
            raise TenancyError(
                f"{name} of host {host} '{given}' is not one of {', '.join(filter(None, choices))}",
                remedy=nearest(str(given).lower(), choices) or "Correct it in the inventory, or leave it out",
                kind="invalid_choice",
            )


def _names(pattern: str, name: str) -> bool:
    if pattern.startswith("~"):
        try:
            return bool(re.match(pattern[1:], name))
        except re.error:
            return False
    return fnmatchcase(name, pattern) or fnmatchcase(name, _SUBSCRIPT.sub("", pattern))
