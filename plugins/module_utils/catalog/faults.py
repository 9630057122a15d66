# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what PostgreSQL reports into the collection's one error, at the edge where it is understood."""

from __future__ import annotations

try:
    import psycopg
except ImportError:
    psycopg = None

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# SQLSTATE of the catalog's own rules: message, detail, hint and constraint are what, cause, remedy and kind.
OWN_RULE = "LT000"

# Constraint -> kind, what is wrong, remedy.
CONSTRAINTS = {
    "tenants_pkey": ("conflict", "Another run made the same tenant just now", "Run it again"),
    "tenants_tenant_slug": ("invalid_slug", "The tenant's name is not valid", "Use 2 to 32 of a-z, 0-9 and '-'"),
    "tenants_name_given": (
        "invalid_name",
        "A tenant's display name must have 1 to 200 characters",
        "Give another name",
    ),
    "tenants_domain_valid": ("invalid_domain", "The domain is not valid", "Write it as example.com"),
    "tenants_m365_tenant_id_valid": (
        "invalid_m365_tenant_id",
        "The Microsoft 365 tenant id is not valid",
        "Give its GUID or its domain",
    ),
    "tenants_quota_valid": ("invalid_quota", "A quota can't be negative", "Give 0 or more, or '' for no limit"),
    "tenants_more_quota_valid": ("invalid_quota", "A quota can't be negative", "Give 0 or more, or '' for no limit"),
    "users_tenant_exists": ("tenant_missing", "The tenant does not exist", "Make it first with llmops.tenancy.tenant"),
    "users_email_valid": ("invalid_email", "An email address is not valid", "Write it as name@domain"),
    "users_role_known": ("invalid_role", "The role is not known", "Use admin, analyst or viewer"),
    "users_email_unique": ("email_taken", "Two users of a tenant can't have the same email", "Give another email"),
    "users_external_id_unique": (
        "external_id_taken",
        "Two users of a tenant can't have the same external id",
        "Give another id",
    ),
    "agents_pkey": ("conflict", "Another run made the same agent just now", "Run it again"),
    "agents_tenant_exists": ("tenant_missing", "The tenant does not exist", "Make it first with llmops.tenancy.tenant"),
    "agents_agent_slug": ("invalid_slug", "The agent's name is not valid", "Use 2 to 32 of a-z, 0-9 and '-'"),
    "agents_host_valid": ("invalid_host", "The agent host's name is not valid", "Give a name without spaces"),
    "agents_port_valid": ("invalid_port", "A port is a number from 1 to 65535", "Give another port"),
    "agents_host_port_unique": ("port_taken", "The port is taken on that host", "Choose another port, or give none"),
    "agents_bind_address_valid": ("invalid_address", "bind_address is not an IP address", "Use 127.0.0.1 or 0.0.0.0"),
    "agents_memory_limit_valid": ("invalid_size", "memory_limit is below 6m, the least Docker takes", "Give more"),
    "agents_memory_reservation_valid": (
        "invalid_size",
        "memory_reservation can't exceed memory_limit",
        "Give a smaller memory_reservation",
    ),
    "agents_cpu_limit_valid": ("invalid_cpus", "cpu_limit must be from 0.01 to 1024", "Give another"),
    "agents_disk_limit_valid": ("invalid_size", "disk_limit can't be negative", "Give 0 or more"),
    "agents_gpus_valid": ("invalid_number", "gpus must be from 0 to 1024", "Give another"),
    "agents_affinity_valid": ("invalid_label", "A label can't have spaces", "Write it as gpu=a100"),
    "agents_context_length_valid": ("invalid_number", "context_length must be from 1 to 16777216", "Give another"),
    "agents_num_parallel_valid": ("invalid_number", "num_parallel must be from 1 to 1024", "Give another"),
    "agents_keep_alive_valid": ("invalid_duration", "keep_alive is not a duration", "Write 5m, 24h, 0 or -1"),
    "agents_desired_state_known": ("invalid_state", "desired_state is not known", "Use started or stopped"),
    "moves_pkey": ("conflict", "Another run began to move the same agent just now", "Run it again"),
    "moves_host_port_unique": ("port_taken", "The port is taken on that host", "Run it again"),
    "audit_pkey": ("conflict", "Another transaction wrote to the catalog at the same time", "Run it again"),
}

# Without its schema or without its tables: to an operator that is one thing.
_NO_CATALOG = (
    "schema_missing",
    "The database has no catalog",
    "Run llmops.tenancy.catalog (playbooks/prepare_host.yml)",
)

# SQLSTATE or its class -> kind, what is wrong, remedy. The longer one wins.
STATES = {
    "55P03": (
        "lock_timeout",
        "Another run held the catalog longer than lock_timeout",
        "Run it again, or raise lock_timeout",
    ),
    "57014": ("statement_timeout", "A statement took longer than statement_timeout", "Raise statement_timeout"),
    "25P03": ("unavailable", "The catalog ended the transaction because it idled", "Run it again"),
    "40": ("conflict", "Another transaction got in the way; nothing was changed", "Run it again"),
    "57P": ("unavailable", "The catalog was stopped in mid-run; nothing of this call was kept", "Run it again"),
    "08": ("unavailable", "The connection to the catalog was lost; nothing of this call was kept", "Run it again"),
    "42501": (
        "no_permission",
        "The database role may not do this",
        "GRANT llmops_operator TO it (llmops_auditor to read only)",
    ),
    "25006": ("read_only", "The catalog is read-only, perhaps a standby", "Connect to the primary server"),
    "3F000": _NO_CATALOG,
    "42P01": _NO_CATALOG,
    "53": (
        "out_of_resources",
        "The catalog's server has run out of a resource",
        "Free disk, memory or connections there",
    ),
    "22": ("invalid_value", "PostgreSQL refused a value", "Correct the value"),
}


def _state_of_client(error: psycopg.Error) -> str:
    """The SQLSTATE class of an error that psycopg itself reports."""
    if isinstance(error, psycopg.OperationalError):
        return "08"
    return "22" if isinstance(error, psycopg.DataError) else ""


def of_a_value(error: psycopg.Error) -> bool:
    """Whether the catalog refused what was to be written, rather than failed to write anything at all."""
    state = _state(error)
    return state == OWN_RULE or state[:2] in ("22", "23")


def _state(error: psycopg.Error) -> str:
    return error.sqlstate or _state_of_client(error)


def translate(error: psycopg.Error, where: str) -> TenancyError:
    """The collection's error for one of PostgreSQL.

    :param where: the catalog, named by host, database and role.
    """
    diag = error.diag
    said = diag.message_primary or str(error)
    if error.sqlstate == OWN_RULE:
        return TenancyError(
            said,
            cause=diag.message_detail or "",
            remedy=diag.message_hint or "",
            kind=diag.constraint_name or "refused",
        )
    if diag.constraint_name in CONSTRAINTS:
        kind, what, remedy = CONSTRAINTS[diag.constraint_name]
        # A check constraint's detail prints the whole row; only keys are short enough to help.
        detail = diag.message_detail or ""
        return TenancyError(what, cause=detail if detail.startswith("Key ") else "", remedy=remedy, kind=kind)
    state = _state(error)
    for length in (5, 3, 2):
        if state[:length] in STATES:
            kind, what, remedy = STATES[state[:length]]
            return TenancyError(what, cause=f"{where}: {said}", remedy=remedy, kind=kind)
    return TenancyError(
        "The catalog refused a statement",
        cause=f"{where}: {said} (SQLSTATE {state or 'none'})",
        remedy="Please report it",
        kind="catalog_error",
    )
