# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what an operator gave (variables, the tenant's file) to what the modules are asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import nearest
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import agents as agent_settings
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import hosts as known_hosts
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import m365, values
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import (
    CLEARABLE,
    CONNECTION,
    FOREIGN_PREFIXES,
    TENANT_FIELDS,
    Flow,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.users import parse_users, single_user

# Variables that name an agent host of the inventory.
HOSTS = {"agent_host", "to_host"}


@dataclass(frozen=True)
class Layer:
    """One source of settings.

    :param where: what the operator calls it, for the errors ("extra variables", a file's path).
    :param values: what it gives, by variable.
    """

    where: str
    values: Mapping[str, Any]


def refuse_unknown_extra(names: Iterable[str], flow: Flow, also: Iterable[str]) -> None:
    """Return when every extra variable is one that the playbook or something it uses knows.

    :param also: further known names (options of roles, ``known_variables``).
    :raises TenancyError: ``unknown_variable`` naming each unknown one with the nearest right one.
    """
    names = list(names)
    if "_raw_params" in names:
        raise TenancyError(
            "The extra variables have a word that belongs to no name",
            cause="a value with spaces needs quotes of its own",
            remedy="""Write -e "tenant_name='Empresa Corp'", or all of them as JSON""",
            kind="unknown_variable",
        )
    known = {*flow.names, *CONNECTION}
    if known.issuperset(names):
        return
    # Read only now: the options of the roles stand in files that take longer to parse than all the rest.
    known.update(also)
    unknown = sorted(name for name in names if name not in known and not name.startswith(FOREIGN_PREFIXES))
    if unknown:
        hints = {name: _hint(name, flow, known) for name in unknown}
        named = ", ".join(f"'{name}' {hint}".strip() for name, hint in hints.items())
        raise TenancyError(
            f"{flow.playbook} does not know the variable{'s' if len(unknown) > 1 else ''} {named}",
            cause="" if all(hints.values()) else f"It takes {', '.join(sorted(flow.names))}",
            remedy="Correct the name, or declare a variable of your own in known_variables",
            kind="unknown_variable",
            unknown=unknown,
        )


def _hint(name: str, flow: Flow, known: set[str]) -> str:
    hint = nearest(name, flow.names) or nearest(name, known)
    return f"({hint[0].lower()}{hint[1:]})" if hint else ""


def read_tenant(layers: Sequence[Layer], flow: Flow) -> str:
    """The tenant, which must be known before its file can be read; empty when it need not be given.

    :raises TenancyError: ``missing_variable``, ``invalid_slug``.
    """
    found = _given(layers, "tenant")
    if found is None:
        if "tenant" not in flow.required:
            return ""
        raise TenancyError(
            f"{flow.playbook} needs to know which tenant",
            remedy="Give its name, for example -e tenant=empresa-corp",
            kind="missing_variable",
        )
    return values.slug(found[1], "tenant")


def check_file(content: Any, path: str, tenant: str, flow: Flow) -> Mapping[str, Any]:
    """The content of ``tenants/<tenant>.yml`` when it is one.

    :raises TenancyError: ``unknown_key``, ``invalid_file``.
    """
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise TenancyError(f"{path} is not a mapping", remedy="Write it as 'key: value' lines", kind="invalid_file")
    m365.refuse_secrets(content, path)
    values.refuse_unknown_keys(content, (*flow.names, *flow.file_also), path)
    if values.is_given(content.get("tenant")) and content["tenant"] != tenant:
        raise TenancyError(
            f"{path} describes the tenant '{content['tenant']}', not '{tenant}'",
            remedy="Rename the file or correct its key 'tenant'",
            kind="invalid_file",
        )
    return content


def refuse_several(tenant: str, paths: Sequence[str]) -> None:
    """Return when a tenant has one file, or none.

    :raises TenancyError: ``ambiguous_file``.
    """
    if len(paths) > 1:
        raise TenancyError(
            f"The tenant {tenant} has {len(paths)} files",
            cause=" and ".join(paths),
            remedy="Keep one of them",
            kind="ambiguous_file",
        )


def resolve(flow: Flow, layers: Sequence[Layer], hosts: Sequence[str]) -> dict[str, Any]:
    """Checked values of all that is given, an entity for the module ``tenant`` among them.

    :param layers: strongest first.
    :param hosts: names that ``agent_host`` and ``to_host`` may have.
    :raises TenancyError: for the first thing that is wrong, before anything is touched.
    """
    found = {name: item for name in flow.names if (item := _given(layers, name)) is not None}
    missing = [name for name in flow.required if name not in found]
    if missing:
        raise TenancyError(
            f"{flow.playbook} needs {' and '.join(missing)}",
            remedy=f"Give it, for example -e {missing[0]}=…",
            kind="missing_variable",
        )
    cleared = _cleared(found)
    checked = {name: check(found[name][1], name) for name, check in flow.checks.items() if name in found}
    result: dict[str, Any] = {name: value for name, value in checked.items() if name not in m365.CHECKS}
    if m365.CHECKS.keys() & flow.checks.keys():
        result["m365"] = m365.entity(checked)
    if "m365_tenants" in found and found["m365_tenants"][1]:
        m365.check_entries(found["m365_tenants"][1], checked.get("tenant"))
    result |= {"sources": {name: where for name, (where, _value) in found.items()}}
    _check_confirmation(checked)
    if "agents" not in flow.lists:
        for name in HOSTS & checked.keys():
            known_hosts.check_agent_host(name, checked[name], hosts)
    if "users" in flow.lists:
        result["users"] = _users(checked, found, flow)
    if "agents" in flow.lists:
        listed = agent_settings.parse_agents(found["agents"][1]) if "agents" in found else []
        short = agent_settings.parse_short(_short(checked, found, layers))
        result["agents"] = agent_settings.combine(listed, short)
        check_hosts(result["agents"], hosts)
        result["record"] = _record(result, cleared)
    return result


def _given(layers: Sequence[Layer], name: str) -> tuple[str, Any] | None:
    """Where a variable is given, and its value; None when it is given nowhere."""
    for layer in layers:
        if values.is_given(layer.values.get(name)):
            return layer.where, layer.values[name]
    return None


def _check_confirmation(checked: Mapping[str, Any]) -> None:
    """Data is removed only when the tenant's name is given twice."""
    if checked.get("remove_data") and checked.get("confirm") != checked["tenant"]:
        raise TenancyError(
            f"remove_data erases the models and data of tenant {checked['tenant']} for good",
            cause=f"confirm is '{checked['confirm']}'" if "confirm" in checked else "confirm is not given",
            remedy=f"Say it again with -e confirm={checked['tenant']}, or leave remove_data out to keep the data",
            kind="not_confirmed",
        )


def _short(checked: Mapping[str, Any], found: Mapping[str, tuple[str, Any]], layers: Sequence[Layer]) -> dict[str, Any]:
    """The short variables of the single agent, less those that a stronger layer's list of agents overrides."""
    strength = {layer.where: index for index, layer in enumerate(layers)}
    weakest = strength[found["agents"][0]] if "agents" in found else len(layers)
    return {
        name: checked[name] for name in agent_settings.SHORT if name in checked and strength[found[name][0]] <= weakest
    }


def _users(
    checked: Mapping[str, Any], found: Mapping[str, tuple[str, Any]], flow: Flow
) -> list[dict[str, Any]]:
    """The users of the list, and the one of the variables ``user_…``."""
    single = single_user(checked)
    listed = found["users"][1] if "users" in found else []
    if flow.playbook == "set_user" and not single and not values.is_given(listed or None):
        raise TenancyError(
            "set_user needs to know which user", remedy="Give user_email, or several in users", kind="missing_variable"
        )
    return parse_users([*values.as_list(listed, "users"), *([single] if single else [])])


def _cleared(found: Mapping[str, tuple[str, Any]]) -> list[str]:
    """The variables to empty."""
    names = [values.text(name, "clear") for name in values.as_list(found["clear"][1], "clear")] if "clear" in found else []
    for name in names:
        if name not in CLEARABLE:
            raise TenancyError(
                f"clear: '{name}' can't be cleared",
                remedy=nearest(name, CLEARABLE) or f"It can be {', '.join(CLEARABLE)}",
                kind="invalid_clear",
            )
        if name in found and found[name][0] == found["clear"][0]:
            raise TenancyError(
                f"{name} is both given and cleared in {found[name][0]}", remedy="Keep one of the two", kind="invalid_clear"
            )
    return names


def check_hosts(agents: Iterable[Mapping[str, Any]], hosts: Sequence[str]) -> None:
    """Return when all agents that name a host name one of the inventory.

    :raises TenancyError: ``unknown_host``.
    """
    for agent in agents:
        if "host" in agent:
            known_hosts.check_agent_host("agent_host", agent["host"], hosts)


def _record(result: Mapping[str, Any], cleared: Sequence[str]) -> dict[str, Any]:
    """The entity for the module ``tenant``. What is not given is not in it, so it stays as the catalog has it."""
    record = {option: result[name] for name, option in TENANT_FIELDS.items() if name in result}
    record.update({TENANT_FIELDS[name]: "" for name in cleared})
    if result["users"]:
        record["users"] = result["users"]
    # An entry that gives nothing asks that there is an agent at all.
    record["agents"] = result["agents"] or [{}]
    return record
