# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agent as a Docker container: what is sent to create it, and what an inspected one says. Pure, no SDK.

Both directions stand here together: a field that is made and not read back is a drift that nobody sees.
"""

from __future__ import annotations

import json
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentSettings, Deviation
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS
from ansible_collections.llmops.tenancy.plugins.module_utils.names import container_name, network_name
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Change, Impact
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import format_size

LABEL = "llmops.tenancy."
LABELS = ("tenant_id", "agent", "model", "memory_limit", "created_at", "spec")
MODELS = "/models"
CPU_PERIOD = 100_000
_PORT = "11434/tcp"
_SECOND = 1_000_000_000
RESTART = {"Name": "unless-stopped", "MaximumRetryCount": 0}
# `ollama list`, as the image has neither curl nor wget. Each one costs 30 ms of CPU: a minute apart is enough for the
# engine's own view, the collection asks the API itself.
_HEALTHCHECK = {
    "Test": ["CMD", "ollama", "list"],
    "Interval": 60 * _SECOND,
    "Timeout": 10 * _SECOND,
    "StartPeriod": 10 * _SECOND,
    "Retries": 3,
}
# Other values are traps: without NOPRUNE models of this instance are pruned that another one wrote, the image sees all
# GPUs unless told otherwise, and models are to be where the volume is.
FIXED_ENVIRONMENT = {
    "OLLAMA_HOST": "0.0.0.0:11434",
    "OLLAMA_MODELS": MODELS,
    "OLLAMA_NOPRUNE": "1",
    "NVIDIA_VISIBLE_DEVICES": "void",
    # Ollama writes its key under it; an image without a passwd file would leave it at /, which is read-only.
    "HOME": "/root",
}
HARDENING: dict[str, Any] = {
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges:true"],
    "ReadonlyRootfs": True,
    "Tmpfs": {"/tmp": "rw,nosuid,nodev", "/root": "rw,nosuid,nodev"},
    "PidsLimit": 512,
}
# Never set by us: anything there was added by hand. Empty and missing are the same to the engine.
_NEVER = (
    "CapAdd", "Privileged", "PidMode", "UsernsMode", "UTSMode", "Devices", "DeviceRequests", "DeviceCgroupRules", "ExtraHosts",
    "VolumesFrom", "Links", "NanoCpus", "CpusetCpus", "CpusetMems", "CpuShares", "OomKillDisable", "OomScoreAdj",
    "PublishAllPorts", "AutoRemove", "GroupAdd", "Sysctls", "Dns", "DnsSearch", "DnsOptions",
)


def labels(agent: str, tenant: str, settings: AgentSettings, created_at: str) -> dict[str, str]:
    """The labels of a container. They can't be changed later: ``memory_limit`` is that of its creation.

    ``spec`` repeats them with the names of the operator's variables, so that an edited label is seen and restored.
    """
    facts = {"model": settings.model, "memory_limit": format_size(settings.memory_limit), "created_at": created_at}
    spec = {"layout": 1, "environment": sorted(settings.environment), **facts}
    named = {"tenant_id": tenant, "agent": agent, **facts, "spec": json.dumps(spec, sort_keys=True)}
    return {LABEL + key: value for key, value in named.items()}


def owner_labels(agent: str, tenant: str, created_at: str) -> dict[str, str]:
    """The labels of a volume or network (``agent`` empty)."""
    named = {"tenant_id": tenant, "agent": agent, "created_at": created_at}
    return {LABEL + key: value for key, value in named.items() if value}


def limits(settings: AgentSettings) -> dict[str, int]:
    """Memory and CPU as the engine wants them. Swap is sent with memory: left at its old value it caps growth."""
    return {
        "Memory": settings.memory_limit,
        "MemorySwap": settings.memory_limit,
        "MemoryReservation": settings.memory_reservation,
        "CpuPeriod": CPU_PERIOD,
        "CpuQuota": settings.cpu_limit * CPU_PERIOD // 1000,
    }


def container(agent: str, tenant: str, settings: AgentSettings, created_at: str) -> dict[str, Any]:
    """Body of ``POST /containers/create``."""
    environment = {**settings.environment, **_setting_variables(settings), **FIXED_ENVIRONMENT}
    network = network_name(tenant)
    return {
        "Image": settings.image,
        "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
        "Labels": labels(agent, tenant, settings, created_at),
        "Healthcheck": _HEALTHCHECK,
        "ExposedPorts": {_PORT: {}},
        "HostConfig": {
            **HARDENING,
            **limits(settings),
            "RestartPolicy": RESTART,
            "NetworkMode": network,
            "Mounts": [{"Type": "volume", "Source": container_name(agent), "Target": MODELS}],
            "PortBindings": _bindings(settings),
        },
        "NetworkingConfig": {"EndpointsConfig": {network: {}}},
    }


def read_settings(inspected: Mapping[str, Any], image: Mapping[str, Any] | None) -> AgentSettings:
    """The settings of a container.

    :param inspected: answer of ``GET /containers/…/json``. :param image: of its image, None when that is gone.
    """
    host, config = inspected["HostConfig"], inspected["Config"]
    variables = environment(config)
    binding = ((host.get("PortBindings") or {}).get(_PORT) or [{}])[0]
    port = _number(binding.get("HostPort")) or None
    spec = read_spec(config)
    theirs = _recorded(spec, variables, image)
    period = host.get("CpuPeriod") or CPU_PERIOD
    return AgentSettings(
        image=config["Image"],
        port=port,
        bind_address=binding.get("HostIp") or ("0.0.0.0" if port else DEFAULTS.bind_address),
        memory_limit=host.get("Memory") or 0,
        memory_reservation=host.get("MemoryReservation") or 0,
        cpu_limit=(host.get("CpuQuota") or 0) * 1000 // period or (host.get("NanoCpus") or 0) // 1_000_000,
        context_length=_number(variables.get("OLLAMA_CONTEXT_LENGTH")),
        num_parallel=_number(variables.get("OLLAMA_NUM_PARALLEL")),
        keep_alive=variables.get("OLLAMA_KEEP_ALIVE", ""),
        model=str(spec.get("model", (config.get("Labels") or {}).get(LABEL + "model", ""))),
        environment={name: variables[name] for name in theirs if name in variables},
    )


def read_deviations(
    agent: str, tenant: str, inspected: Mapping[str, Any], image: Mapping[str, Any] | None, swap_limited: bool = True
) -> tuple[Deviation, ...]:
    """What is not as :func:`container` makes it, whatever the settings.

    :param swap_limited: False where the kernel does not account for swap, so that its limit reads as unlimited.
    """
    host, config = inspected["HostConfig"], inspected["Config"]
    recreate = [
        *_hardening_changes(host),
        *_mount_changes(agent, inspected),
        *_environment_changes(config, image),
        *_label_changes(config, image),
        *_process_changes(config, image),
    ]
    if host.get("NetworkMode") != network_name(tenant):
        recreate.append(Change("NetworkMode", host.get("NetworkMode"), network_name(tenant)))
    bindings = host.get("PortBindings") or {}
    if set(bindings) - {_PORT} or len(bindings.get(_PORT) or []) > 1:
        recreate.append(Change("PortBindings", sorted(bindings), [_PORT]))
    in_place = []
    if host.get("RestartPolicy") != RESTART:
        in_place.append(Change("RestartPolicy", (host.get("RestartPolicy") or {}).get("Name"), RESTART["Name"]))
    if swap_limited and host.get("MemorySwap") != host.get("Memory"):
        in_place.append(Change("MemorySwap", host.get("MemorySwap"), "as memory_limit"))
    return (
        *(Deviation(change, Impact.RECREATE) for change in recreate),
        *(Deviation(change, Impact.IN_PLACE) for change in in_place),
    )


def environment(config: Mapping[str, Any] | None) -> dict[str, str]:
    """Variables of a container's or an image's configuration."""
    pairs = (entry.partition("=") for entry in (config or {}).get("Env") or [])
    return {name: value for name, separator, value in pairs}


def read_spec(config: Mapping[str, Any]) -> dict[str, Any]:
    """The label ``spec``; empty when it is missing or not ours."""
    try:
        spec = json.loads((config.get("Labels") or {}).get(LABEL + "spec", ""))
    except ValueError:
        return {}
    return spec if isinstance(spec, dict) and isinstance(spec.get("environment"), list) else {}


def _setting_variables(settings: AgentSettings) -> dict[str, str]:
    return {
        "OLLAMA_CONTEXT_LENGTH": str(settings.context_length),
        "OLLAMA_NUM_PARALLEL": str(settings.num_parallel),
        "OLLAMA_KEEP_ALIVE": settings.keep_alive,
    }


def _bindings(settings: AgentSettings) -> dict[str, Any]:
    if not settings.port:
        return {}
    return {_PORT: [{"HostIp": settings.bind_address, "HostPort": str(settings.port)}]}


def _recorded(spec: Mapping[str, Any], variables: Mapping[str, str], image: Mapping[str, Any] | None) -> list[str]:
    """Names of the operator's variables: those recorded, else all that neither we nor the image set."""
    if spec:
        return [str(name) for name in spec["environment"]]
    return _strangers(variables, image)


def _strangers(variables: Mapping[str, str], image: Mapping[str, Any] | None) -> list[str]:
    known = {**environment(image), **FIXED_ENVIRONMENT, **_setting_variables(DEFAULTS)}
    own = {*FIXED_ENVIRONMENT, *_setting_variables(DEFAULTS)}
    return sorted(name for name, value in variables.items() if name not in own and known.get(name) != value)


def _hardening_changes(host: Mapping[str, Any]) -> list[Change]:
    changes = [Change(name, host.get(name), value) for name, value in HARDENING.items() if host.get(name) != value]
    return changes + [Change(name, host[name], None) for name in _NEVER if host.get(name)]


def _mount_changes(agent: str, inspected: Mapping[str, Any]) -> list[Change]:
    wanted = [f"{container_name(agent)} at {MODELS}"]
    found = [
        f"{mount.get('Name') or mount.get('Source')} at {mount.get('Destination')}{'' if mount.get('RW') else ' read-only'}"
        for mount in inspected.get("Mounts") or []
    ]
    return [] if found == wanted else [Change("mounts", found, wanted)]


def _environment_changes(config: Mapping[str, Any], image: Mapping[str, Any] | None) -> list[Change]:
    variables, spec = environment(config), read_spec(config)
    changes = [
        Change(f"environment {name}", variables.get(name, "not set"), value)
        for name, value in FIXED_ENVIRONMENT.items()
        if variables.get(name) != value
    ]
    if not spec or image is None:
        return changes
    recorded = {str(name) for name in spec["environment"]}
    strangers = [name for name in _strangers(variables, image) if name not in recorded]
    changes += [Change(f"environment {name}", "set", "not set") for name in strangers]
    return changes + [Change(f"environment {name}", "lost", "not set") for name in sorted(recorded - set(variables))]


def _label_changes(config: Mapping[str, Any], image: Mapping[str, Any] | None) -> list[Change]:
    found, spec = config.get("Labels") or {}, read_spec(config)
    if not spec:
        return [Change("label spec", found.get(LABEL + "spec"), "as made")]
    changes = [
        Change(f"label {key}", found.get(LABEL + key), spec.get(key))
        for key in ("model", "memory_limit", "created_at")
        if found.get(LABEL + key) != spec.get(key)
    ]
    if image is not None:
        known = {**((image.get("Labels")) or {}), **{LABEL + key: "" for key in LABELS}}
        changes += [Change(f"label {name}", found[name], None) for name in sorted(found) if name not in known]
    return changes


def _process_changes(config: Mapping[str, Any], image: Mapping[str, Any] | None) -> list[Change]:
    changes = []
    if config.get("Healthcheck") != _HEALTHCHECK:
        changes.append(Change("Healthcheck", (config.get("Healthcheck") or {}).get("Test"), _HEALTHCHECK["Test"]))
    if image is not None:
        for name in ("User", "Cmd", "Entrypoint"):
            if (config.get(name) or None) != (image.get(name) or None):
                changes.append(Change(name, config.get(name), image.get(name)))
    return changes


def _number(text: Any) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        return 0
