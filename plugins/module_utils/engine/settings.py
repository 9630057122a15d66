# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what was asked and what is there to complete settings: defaults at creation, checks that need both."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import fields, replace
from typing import Any, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSettings, AgentSpec
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_slug, full_model
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size, is_duration

GIB = 1024**3
DEFAULTS = AgentSettings(
    image="docker.io/ollama/ollama:0.24.0",
    port=None,
    bind_address="127.0.0.1",
    memory_limit=6 * GIB,
    memory_reservation=3 * GIB,
    cpu_limit=2000,
    context_length=4096,
    num_parallel=1,
    keep_alive="5m",
    model="",
)
# Below this no Ollama starts; Docker itself refuses less than 6 MiB.
MINIMUM_MEMORY = 16 * 1024**2
# Variables that an option or the design owns.
RESERVED = {
    "OLLAMA_CONTEXT_LENGTH": "context_length",
    "OLLAMA_NUM_PARALLEL": "num_parallel",
    "OLLAMA_KEEP_ALIVE": "keep_alive",
    "OLLAMA_HOST": "port and bind_address",
    "OLLAMA_MODELS": "",
    "OLLAMA_NOPRUNE": "",
    "NVIDIA_VISIBLE_DEVICES": "",
    "HOME": "",
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]*")


def resolve(spec: AgentSpec, current: AgentSettings | None) -> AgentSettings:
    """Complete settings: what is given, else what is there, else the default.

    :param current: settings of the agent that is there, or None at creation.
    :raises TenancyError: ``invalid_memory`` when the reservation is above the limit.
    """
    base = current or replace(DEFAULTS, memory_reservation=0)
    given: dict[str, Any] = {
        field.name: getattr(spec, field.name)
        for field in fields(AgentSettings)
        if getattr(spec, field.name) is not None
    }
    if given.get("port") == 0:
        given["port"] = None
    settings = replace(base, **given)
    if settings.port is None:
        settings = replace(settings, bind_address=DEFAULTS.bind_address)
    if spec.memory_reservation and spec.memory_reservation > settings.memory_limit:
        raise _invalid(
            spec,
            "invalid_memory",
            f"memory_reservation {human_size(spec.memory_reservation)} is above memory_limit "
            f"{human_size(settings.memory_limit)}",
            "Lower memory_reservation or raise memory_limit",
        )
    # Not asked for, or asked as "half": it follows a limit that sank below it.
    if not settings.memory_reservation or settings.memory_reservation > settings.memory_limit:
        settings = replace(settings, memory_reservation=settings.memory_limit // 2)
    return settings


def check_spec(spec: AgentSpec) -> None:
    """Check what can be checked without an engine.

    :raises TenancyError: naming the agent, the option and what would do.
    """
    check_slug(spec.agent, "agent")
    check_slug(spec.tenant, "tenant")
    if spec.model:
        full_model(spec.model)
    if spec.image is not None and not _IMAGE.fullmatch(spec.image):
        raise _invalid(spec, "invalid_image", f"'{spec.image}' is not an image reference", "Write [host/]name[:tag]")
    if spec.port is not None and not 0 <= spec.port <= 65535:
        raise _invalid(spec, "invalid_port", f"port {spec.port} is out of range", "Choose one from 1 to 65535")
    if spec.bind_address is not None:
        _check_address(spec, spec.bind_address)
    if spec.memory_limit is not None and spec.memory_limit < MINIMUM_MEMORY:
        raise _invalid(
            spec,
            "invalid_memory",
            f"memory_limit {human_size(spec.memory_limit)} is below the {human_size(MINIMUM_MEMORY)} that Ollama needs",
            "Raise it; a model needs about its own size and 1 GiB more",
        )
    if spec.cpu_limit is not None and spec.cpu_limit < 10:
        raise _invalid(spec, "invalid_cpus", f"cpu_limit {spec.cpu_limit}m is below 0.01 CPU", "Raise it, for example to 0.5")
    for name in ("context_length", "num_parallel"):
        value = getattr(spec, name)
        if value is not None and value < 1:
            raise _invalid(spec, f"invalid_{name}", f"{name} {value} is below 1", "Raise it")
    if spec.keep_alive is not None and not is_duration(spec.keep_alive):
        raise _invalid(
            spec, "invalid_keep_alive", f"keep_alive '{spec.keep_alive}' is not a duration",
            "Write for example 5m, 1h30m, 0 (unload at once) or -1 (keep for ever)",
        )
    for name in spec.environment or {}:
        _check_variable(spec, name)


def check_specs(specs: Sequence[AgentSpec]) -> None:
    """Check what needs no engine.

    :raises TenancyError: naming the agent and the option.
    """
    seen: set[str] = set()
    for spec in specs:
        check_spec(spec)
        if spec.agent in seen:
            raise TenancyError(
                f"Agent '{spec.agent}' is described twice",
                remedy="Keep one of the two; names of agents are unique on a host, whatever their tenant",
                kind="duplicate_agent",
            )
        seen.add(spec.agent)


def _check_address(spec: AgentSpec, address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise _invalid(
            spec, "invalid_address", f"bind_address '{address}' is not an IP address", "Write for example 127.0.0.1"
        ) from error


def _check_variable(spec: AgentSpec, name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise _invalid(spec, "invalid_environment", f"'{name}' is not the name of a variable", "Use letters, digits and _")
    if name in RESERVED:
        option = RESERVED[name]
        remedy = f"Use {option}" if option else "Leave it out: it is fixed, since other values harm other tenants"
        raise _invalid(spec, "invalid_environment", f"environment must not set {name}", remedy)


def _invalid(spec: AgentSpec, kind: str, cause: str, remedy: str) -> TenancyError:
    return TenancyError(
        f"Agent '{spec.agent}' is not described well", cause=cause, remedy=remedy, kind=kind, agent=spec.agent
    )
