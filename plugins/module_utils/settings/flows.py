# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables each playbook takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.agents import CHECKS as AGENT_CHECKS
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.agents import SHORT
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.m365 import CHECKS as M365_CHECKS


@dataclass(frozen=True)
class Flow:
    """What a playbook asks its operator for.

    :param playbook: its name.
    :param checks: check of each plain variable.
    :param lists: variables with a shape of their own (users, agents, clear, m365_tenants).
    :param required: those that must be given.
    :param file: whether ``tenants/<tenant>.yml`` is read.
    :param file_also: keys of that file that other playbooks read.
    """

    playbook: str
    checks: Mapping[str, values.Check]
    lists: tuple[str, ...] = ()
    required: tuple[str, ...] = ("tenant",)
    file: bool = False
    file_also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All variables that the playbook takes."""
        return (*self.checks, *self.lists)


# Variable of the play -> option of the module `tenant`.
TENANT_FIELDS: dict[str, str] = {
    "tenant": "tenant",
    "tenant_name": "name",
    "tenant_domain": "domain",
    "m365_tenant_id": "m365_tenant_id",
    "tenant_active": "active",
    "quota_agents": "quota_agents",
    "quota_memory": "quota_memory",
    "quota_cpus": "quota_cpus",
    "quota_disk": "quota_disk",
    "quota_agents_per_hour": "quota_agents_per_hour",
}
# What `clear` can empty again: the fields that need not have a value.
CLEARABLE = (
    "tenant_name",
    "tenant_domain",
    "m365_tenant_id",
    "quota_agents",
    "quota_memory",
    "quota_cpus",
    "quota_disk",
    "quota_agents_per_hour",
)

_TENANT = {"tenant": values.slug}
_AGENT = {**_TENANT, "agent": values.slug}
_ONBOARD = {
    **_TENANT,
    "tenant_name": values.text,
    "tenant_domain": values.domain,
    "m365_tenant_id": values.directory_id,
    "tenant_active": values.boolean,
    "quota_agents": values.number(0, 100_000),
    "quota_memory": values.size,
    "quota_cpus": values.cpus,
    "quota_disk": values.size,
    "quota_agents_per_hour": values.number(0, 100_000),
    **{name: AGENT_CHECKS[key] for name, key in SHORT.items()},
    **M365_CHECKS,
}
_ONBOARD_LISTS = ("users", "agents", "clear")
_FILES: dict[str, values.Check] = {"tenants": values.texts, "tenants_path": values.text}

_FLEET = {
    "agent_host": values.text,
    "retry": values.boolean,
    "retry_file": values.text,
    "output": values.one_of("table", "json"),
    "output_file": values.text,
}

FLOWS: dict[str, Flow] = {
    "onboard": Flow("onboard_tenant", _ONBOARD, _ONBOARD_LISTS, file=True),
    "m365": Flow(
        "sync_m365",
        {**_TENANT, "m365_tenant_id": values.directory_id, **M365_CHECKS},
        ("m365_tenants",),
        required=(),
        file=True,
        file_also=(*_ONBOARD, *_ONBOARD_LISTS),
    ),
    "offboard": Flow("offboard_tenant", {**_TENANT, "remove_data": values.boolean, "confirm": values.text}),
    "start": Flow("start_agent", _AGENT),
    "stop": Flow("stop_agent", _AGENT),
    "pull": Flow(
        "pull_model", {**_AGENT, "model": values.model, "latest": values.boolean}, required=("tenant", "model")
    ),
    "migrate": Flow("migrate_to_store", {**_AGENT, "migrate": values.one_of("shared", "private")}, required=()),
    "promote": Flow(
        "promote_model",
        {**_AGENT, "promote": values.model, "promote_as": values.model, "promote_replace": values.boolean},
        required=("agent", "promote"),
    ),
    "user": Flow(
        "set_user",
        {
            **_TENANT,
            "user_email": values.email,
            "user_name": values.text,
            "user_role": values.role,
            "user_active": values.boolean,
            "user_state": values.one_of("present", "absent"),
            "user_force": values.boolean,
        },
        ("users",),
    ),
    "move": Flow("move_agent", {**_AGENT, "to_host": values.text}),
    "drain": Flow("drain_host", {"agent_host": values.text, "to_host": values.text}, required=("agent_host",)),
    "status": Flow(
        "tenant_status",
        {**_AGENT, "output": values.one_of("table", "json"), "output_file": values.text},
        required=(),
    ),
    "drift": Flow(
        "drift",
        {**_FLEET, "fail_on_drift": values.boolean},
        ("tenants",),
        required=(),
    ),
    "reconcile": Flow(
        "reconcile",
        {
            **_FLEET,
            "max_disruption": values.number(0, 1_000_000),
            "max_disruption_percent": values.number(0, 100),
            "wave_size": values.number(1, 10_000),
        },
        ("tenants",),
        required=(),
    ),
    "validate": Flow("validate_tenants", _FILES, required=()),
    "adopt": Flow("adopt_agents", {"tenants": values.texts}, required=()),
    "export": Flow("export_tenants", {**_FILES, "overwrite": values.boolean}, required=()),
}

# Variables that say how to reach things, taken by every playbook.
CONNECTION = (
    "catalog_dsn",
    "catalog_password",
    "docker_host",
    "docker_tls",
    "docker_ca_path",
    "docker_client_cert",
    "docker_client_key",
    "audit_actor",
    "audit_run",
    "known_variables",
)
# Variables of playbooks that are of no role.
OF_PLAYBOOKS = ("copy_from", "copy_to", "copy_models", "copy_archive", "export_from", "prepare_host_python")
# Variables that Ansible, AWX and Molecule bring along.
FOREIGN_PREFIXES = ("ansible_", "awx_", "tower_", "molecule_")
