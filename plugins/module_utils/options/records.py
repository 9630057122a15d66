# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the records in the catalog: tenants, their users, their agents. No defaults: what is not given stays."""

from __future__ import annotations

from typing import Any

Spec = dict[str, dict[str, Any]]

STATE: Spec = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

_USER: Spec = {
    "email": {"type": "str", "required": True},
    **STATE,
    "name": {"type": "str"},
    "role": {"type": "str", "choices": ["admin", "analyst", "viewer"]},
    "active": {"type": "bool"},
    "force": {"type": "bool"},
}
_AGENT: Spec = {
    "agent": {"type": "str"},
    **STATE,
    "host": {"type": "str"},
    "port": {"type": "int"},
    "bind_address": {"type": "str"},
    "models": {"type": "list", "elements": "str"},
    "memory_limit": {"type": "str"},
    "memory_reservation": {"type": "str"},
    "cpu_limit": {"type": "str"},
    "disk_limit": {"type": "str"},
    "gpus": {"type": "int"},
    "affinity": {"type": "list", "elements": "str"},
    "anti_affinity": {"type": "bool"},
    "context_length": {"type": "int"},
    "num_parallel": {"type": "int"},
    "keep_alive": {"type": "str"},
    "image": {"type": "str"},
    "desired_state": {"type": "str", "choices": ["started", "stopped"]},
    "adopted": {"type": "bool"},
    "observed": {"type": "dict"},
}
_TENANT: Spec = {"tenant": {"type": "str", "required": True}}

USER: Spec = {**_TENANT, **_USER}
AGENT: Spec = {**_TENANT, **_AGENT}
TENANT: Spec = {
    **_TENANT,
    **STATE,
    "name": {"type": "str"},
    "domain": {"type": "str"},
    "m365_tenant_id": {"type": "str"},
    "active": {"type": "bool"},
    "quota_agents": {"type": "str"},
    "quota_memory": {"type": "str"},
    "quota_cpus": {"type": "str"},
    "quota_disk": {"type": "str"},
    "quota_agents_per_hour": {"type": "str"},
    "cascade": {"type": "bool"},
    "users": {"type": "list", "elements": "dict", "options": _USER},
    "agents": {"type": "list", "elements": "dict", "options": _AGENT},
}

PLACEMENT: Spec = {
    "agent_hosts": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "memory": {"type": "str"},
            "cpus": {"type": "str"},
            "agents": {"type": "int"},
            "gpus": {"type": "int"},
            "disk": {"type": "str"},
            "networks": {"type": "int"},
            "ports": {"type": "str"},
            "labels": {"type": "list", "elements": "str"},
            "memory_overcommit": {"type": "float", "default": 1.0},
            "cpus_overcommit": {"type": "float", "default": 1.0},
        },
    },
    "placement": {"type": "str", "choices": ["spread", "packed"], "default": "spread"},
    "port_range": {"type": "str", "default": "11435-12434"},
}

KEEP_GOING: Spec = {"keep_going": {"type": "bool", "default": False}}
