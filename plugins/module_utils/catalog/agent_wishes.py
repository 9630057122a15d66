# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of an agent, and a module's options as a wish for one."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import checks, placement, records
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.records import CLEAR, Kind, Row
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_slug, each_once
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import (
    MOST,
    format_cpus,
    format_size,
    parse_cpus,
    parse_size,
)

DEFAULT_MODEL = "phi4-mini"
DEFAULT_MEMORY = 6 * 1024**3
DEFAULT_CPUS = 2000
DEFAULT_DISK = 10 * 1024**3


def _defaults(row: Row) -> dict[str, Any]:
    memory = row.get("memory_limit") or DEFAULT_MEMORY
    return {
        "bind_address": "127.0.0.1",
        "models": [DEFAULT_MODEL],
        "memory_limit": memory,
        "memory_reservation": memory // 2,
        "cpu_limit": DEFAULT_CPUS,
        "disk_limit": DEFAULT_DISK,
        "gpus": 0,
        "affinity": [],
        "anti_affinity": False,
        "context_length": 4096,
        "num_parallel": 1,
        "keep_alive": "5m",
        "desired_state": "started",
        "adopted": False,
    }


AGENT = Kind(
    name="agent",
    table="agents",
    identity="agent",
    keys=("agent", "tenant"),
    fields=(
        "host",
        "port",
        "bind_address",
        "models",
        "memory_limit",
        "memory_reservation",
        "cpu_limit",
        "disk_limit",
        "gpus",
        "affinity",
        "anti_affinity",
        "context_length",
        "num_parallel",
        "keep_alive",
        "image",
        "desired_state",
        "adopted",
        "observed",
    ),
    key=lambda row: (row["agent"],),
    title=lambda row: row["agent"],
    defaults=_defaults,
    show={
        "memory_limit": format_size,
        "memory_reservation": format_size,
        "cpu_limit": format_cpus,
        "disk_limit": format_size,
    },
)


def wish(options: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's options, checked and in the catalog's units. Its name is None when it is left to :func:`name_all`.

    :raises TenancyError: ``invalid_slug``, ``invalid_size``, ``invalid_cpus``, ``invalid_port``, ``invalid_number``,
        ``invalid_model`` or ``invalid_value``.
    """
    clearable = records.clearable
    tenant = check_slug(options["tenant"])
    port = options["port"]
    if port is not None and (isinstance(port, bool) or not 0 <= port <= 65535):
        raise TenancyError(
            f"port {str(port).lower()} is not a port",
            cause="a port is a number from 1 to 65535",
            remedy="Give another, or 0 to have one chosen",
            kind="invalid_port",
        )
    for name, most in MOST.items():
        if options[name] is not None:
            checks.whole_number(options[name], name, 0, most)
    checks.storable(options)
    return {
        "tenant": tenant,
        "agent": check_slug(options["agent"], "agent") if options["agent"] else None,
        "state": options["state"],
        "host": clearable(options["host"], str.strip),
        "port": _number(port),
        "bind_address": clearable(options["bind_address"], str.strip),
        "models": _models(options["models"]),
        "memory_limit": clearable(options["memory_limit"], lambda text: parse_size(text, "memory_limit")),
        "memory_reservation": clearable(
            options["memory_reservation"], lambda text: parse_size(text, "memory_reservation")
        ),
        "cpu_limit": clearable(options["cpu_limit"], lambda text: parse_cpus(text, "cpu_limit")),
        "disk_limit": clearable(options["disk_limit"], lambda text: parse_size(text, "disk_limit")),
        "gpus": options["gpus"],
        "affinity": placement.labels(options["affinity"], "affinity"),
        "anti_affinity": options["anti_affinity"],
        "context_length": _number(options["context_length"]),
        "num_parallel": _number(options["num_parallel"]),
        "keep_alive": clearable(options["keep_alive"], str.strip),
        "image": clearable(options["image"], str.strip),
        "desired_state": options["desired_state"],
        "adopted": options.get("adopted"),
        "observed": CLEAR if options["observed"] == {} else options["observed"],
    }


def _number(value: int | None) -> Any:
    return CLEAR if value == 0 else value


def _models(models: Sequence[str] | None) -> Any:
    if models is None:
        return None
    named = each_once(model.strip() for model in models if model.strip())
    return list(named.values()) if named else CLEAR
