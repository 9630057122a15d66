# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A models volume as Docker's own driver ``local`` has it: plain, or an overlay mount. Both directions. Pure, no SDK.

The driver mounts with the first container that starts and unmounts with the last that stops, also for a restart after
a crash and after a restart of the engine. The kernel follows a symbolic link in ``lowerdir`` at that moment.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount

_PARTS = {"lowerdir": "lower", "upperdir": "upper", "workdir": "work"}


def options(mount: ModelMount | None) -> dict[str, str]:
    """The driver's options of a volume."""
    if mount is None:
        return {}
    parts = ",".join(f"{name}={getattr(mount, part)}" for name, part in _PARTS.items())
    return {"type": "overlay", "device": "overlay", "o": parts}


def bound(source: str) -> dict[str, str]:
    """The driver's options of a volume that stands for a folder of the host."""
    return {"type": "none", "device": source, "o": "bind"} if source else {}


def read_bound(found: Mapping[str, Any] | None) -> str:
    """The folder of the host that a volume stands for; empty for any other volume."""
    options = found or {}
    return str(options.get("device", "")) if (options.get("type"), options.get("o")) == ("none", "bind") else ""


def read_mount(found: Mapping[str, Any] | None) -> ModelMount | None:
    """What a volume is made of, by its driver's options. None for a plain one, and for a mount of another kind."""
    if (found or {}).get("type") != "overlay":
        return None
    pairs = (part.partition("=") for part in str((found or {}).get("o", "")).split(","))
    parts = {_PARTS[name]: value for name, separator, value in pairs if name in _PARTS}
    return ModelMount(**parts) if len(parts) == len(_PARTS) else None
