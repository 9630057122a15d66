# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One entity or a list of them: the shape that every module of the collection takes."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


def one_or_list(entity: Mapping[str, Any], plural: str, *, shared: tuple[str, ...] = ()) -> dict[str, Any]:
    """Argument spec that takes one entity's options at the top or a list of entities in ``plural``.

    Required options of an entity are required in the list, unless they are ``shared``; at the top they are checked by
    :func:`entities`, since they may be absent there when the list is given.
    """
    top = {name: _optional(option) for name, option in entity.items()}
    listed = {name: _optional(option) if name in shared else option for name, option in entity.items()}
    return {**top, plural: {"type": "list", "elements": "dict", "options": listed}}


def _optional(option: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in option.items() if key != "required"}


def entities(
    params: Mapping[str, Any], entity: Mapping[str, Any], plural: str, *, shared: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """The entities a call names, as a list.

    :param shared: options that, given at the top, hold for every entity of the list that does not give its own.
    :raises TenancyError: ``invalid_options`` when neither or both shapes are given.
    """
    listed = params[plural]
    keys = [name for name, option in entity.items() if option.get("required")]
    if listed is None:
        missing = [name for name in keys if params.get(name) is None]
        if missing:
            raise TenancyError(
                f"Missing option: {', '.join(missing)}",
                remedy=f"Give {' and '.join(keys)}, or a list in '{plural}'",
                kind="invalid_options",
            )
        return [{name: params[name] for name in entity}]
    own = [
        name
        for name, option in entity.items()
        if name not in shared and params.get(name) not in (None, option.get("default"))
    ]
    if own:
        raise TenancyError(
            f"'{plural}' and {', '.join(own)} are both given",
            remedy=f"Describe one entity at the top or all of them in '{plural}'",
            kind="invalid_options",
        )
    found = [
        {name: params[name] if item[name] is None and name in shared else item[name] for name in entity}
        for item in listed
    ]
    for number, item in enumerate(found):
        missing = [name for name in keys if item[name] is None]
        if missing:
            raise TenancyError(
                f"{plural}[{number}] has no {' and no '.join(missing)}",
                remedy=f"Give it there, or at the top for all of '{plural}'",
                kind="invalid_options",
            )
    return found
