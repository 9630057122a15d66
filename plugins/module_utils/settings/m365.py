# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a tenant is synchronised from Microsoft 365, as an operator gives it. Pure.

Secrets are not among these variables: what is resolved here is shown with -v.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options import m365 as options
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

PREFIX = "m365_"
# They come from a vaulted file or the environment, straight to the module.
SECRETS = tuple(f"{PREFIX}{name}" for name, option in options.ENTITY.items() if option.get("no_log"))


def _roles(value: Any, name: str) -> dict[str, str]:
    """Roles by group id or app role: a mapping, JSON text, or ``key:role,key:role``."""
    given = value if isinstance(value, Mapping) else None
    for item in () if given is not None else values.as_list(value, name):
        pair = dict([item.rsplit(":", 1)]) if isinstance(item, str) and ":" in item else item
        if not isinstance(pair, Mapping):
            raise TenancyError(
                f"{name}: '{item}' has no role", remedy="Write it as group-id: admin", kind="invalid_value"
            )
        given = {**(given or {}), **pair}
    return {str(key).strip(): values.role(role, f"{name}: {key}") for key, role in (given or {}).items()}


# Variable -> check. Without the prefix it is the option of the module `m365_sync`.
CHECKS: dict[str, values.Check] = {
    "m365_mode": values.one_of("auto", "full", "delta"),
    "m365_full_every": values.number(1, 6),
    "m365_client_id": values.text,
    "m365_client_certificate": values.text,
    "m365_client_certificate_key": values.text,
    "m365_client_assertion_file": values.text,
    "m365_managed_identity": values.boolean,
    "m365_cloud": values.one_of("global", "usgov", "usgov_dod", "china"),
    "m365_authority_url": values.text,
    "m365_graph_url": values.text,
    "m365_ca_path": values.text,
    "m365_request_timeout": values.number(1, 3600),
    "m365_throttle_budget": values.number(0, 86_400),
    "m365_scope_groups": values.texts,
    "m365_filter": values.text,
    "m365_guests": values.boolean,
    "m365_unlicensed": values.boolean,
    "m365_role_mapping": _roles,
    "m365_default_role": values.one_of(*values.ROLES, "none"),
    "m365_manage_roles": values.boolean,
    "m365_role_app_id": values.text,
    "m365_manual_users": values.one_of("report", "link"),
    "m365_max_deactivations": values.number(0, 1_000_000),
    "m365_max_deactivations_percent": values.number(0, 100),
    "m365_allow_deactivations": values.boolean,
    "m365_allow_empty": values.boolean,
    "m365_allow_missing_groups": values.boolean,
}


def entity(checked: Mapping[str, Any]) -> dict[str, Any]:
    """The entity for the module ``m365_sync``."""
    found = {name.removeprefix(PREFIX): value for name, value in checked.items() if name in CHECKS}
    return {**{name: checked[name] for name in ("tenant", "m365_tenant_id") if name in checked}, **found}


def check_entries(entries: Any, tenant: str | None) -> None:
    """Return when the list of tenants has the shape that the module takes. Its values are the module's to check.

    A misspelled key is refused here, since the module's own refusal would show what was given, a secret perhaps.

    :param tenant: the one tenant that is given, too.
    :raises TenancyError: ``unknown_key``, ``invalid_value``, ``invalid_options``.
    """
    if tenant:
        raise TenancyError(
            f"m365_tenants and tenant={tenant} are both given",
            cause="what a run would synchronise is unclear",
            remedy="Leave one of them out; where m365_tenants stands in the inventory, -e '{\"m365_tenants\": []}'",
            kind="invalid_options",
        )
    for number, entry in enumerate(values.as_list(entries, "m365_tenants")):
        where = f"m365_tenants[{number}]"
        if not isinstance(entry, Mapping):
            raise TenancyError(
                f"{where} is not a mapping", remedy="Write it as {tenant: …, client_id: …}", kind="invalid_value"
            )
        values.refuse_unknown_keys(entry, options.ENTITY, where)


def refuse_secrets(names: Any, where: str) -> None:
    """Return when none of the names is a secret's.

    :raises TenancyError: ``secret_in_file``.
    """
    for name in SECRETS:
        if name in names:
            raise TenancyError(
                f"{where} holds {name}",
                cause="what stands there is shown with -v, so secrets are not read from it",
                remedy=f"Move {name} to a vaulted file of group_vars or host_vars, or into the environment",
                kind="secret_in_file",
            )
