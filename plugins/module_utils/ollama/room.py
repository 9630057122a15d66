# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a model fits on the volume of its agent, where this machine can see that."""

from __future__ import annotations

import os
from typing import Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.disk import MOUNTS, allocated_at, free_bytes, mounted, used
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import registry
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import OllamaClient
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.step import Step
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size

# The registry is asked for the size only, so it must not hold a run up for long.
_LOOK_UP_LIMIT = 10.0


def check_before(step: Step, client: OllamaClient, settings: TransferSettings, before: Mapping[str, int]) -> Mapping[str, int]:
    """Make sure that the model fits before its first byte is asked for, as far as its size is known.

    :param before: bytes that come to the same agent before it, by blob.
    :returns: bytes by blob that have come with it.
    :raises TenancyError: ``disk_full``, with both numbers; ``private_limit``.
    """
    # Where the room can't be seen, nobody has to be asked for the size.
    if not step.models_dir or free_bytes(step.models_dir) is None:
        return before
    coming = {**before, **_to_come(step, client, settings.timeout)}
    needed = sum(coming.values())
    check_room(step, needed, settings.min_free)
    check_limit(step, needed, settings.private_limit)
    return coming


def _to_come(step: Step, client: OllamaClient, timeout: float) -> dict[str, int]:
    """Bytes of the model that the agent does not have, by blob; none when its registry can't be asked from here."""
    if isinstance(step.source, ModelFile):
        layers: Mapping[str, int] = {step.source.digest: step.source.size}
    else:
        layers = registry.layers(step.source, min(timeout, _LOOK_UP_LIMIT))
    blobs = [(digest, size, os.path.join(step.models_dir, "blobs", digest.replace(":", "-"))) for digest, size in layers.items()]
    missing = [each for each in blobs if not os.path.exists(each[2]) and not _has_blob(client, each[0])]
    return {digest: max(0, size - allocated_at(f"{path}-partial")) for digest, size, path in missing}


def _has_blob(client: OllamaClient, digest: str) -> bool:
    try:
        return client.has_blob(digest)
    except TenancyError:
        # In check mode the agent may not run yet.
        return False


def check_room(step: Step, needed: int, min_free: int) -> None:
    """Make sure that ``needed`` bytes fit beside ``min_free`` others, as far as this machine sees the agent's volume.

    :raises TenancyError: ``disk_full``, with both numbers.
    """
    if not step.models_dir or needed <= 0:
        return
    free = free_bytes(step.models_dir)
    if free is None:
        return
    if needed + min_free > free:
        raise TenancyError(
            f"There is no room for model {step.model} of {step.agent}",
            cause=f"{human_size(needed)} are still to come and {human_size(min_free)} shall stay free, but"
            f" {step.models_dir} has {human_size(free)}",
            remedy="Free space there, remove models with state=absent, or take a smaller model",
            kind="disk_full",
            needed=needed,
            free=free,
        )


def check_limit(step: Step, needed: int, limit: int | None) -> None:
    """Make sure that an agent has no more of its own than it may, with ``needed`` bytes that are to come.

    :raises TenancyError: ``private_limit``, with all numbers.
    """
    if limit is None or not step.models_dir or free_bytes(step.models_dir) is None:
        return
    own = own_folder(step.models_dir)
    taken = used(own)
    if taken + needed > limit:
        raise TenancyError(
            f"Model {step.model} is more than {step.agent} may have of its own",
            cause=f"its limit is {human_size(limit)}; it has {human_size(taken)}, and {human_size(needed)} are still to come",
            remedy=f"Remove models of its own with state=absent, {_elsewhere(own != step.models_dir)}, or raise the limit"
            " (agent_model_private_limit)",
            kind="private_limit",
            lasting=True,
            limit=limit,
            used=taken,
            needed=needed,
        )


def _elsewhere(shares: bool) -> str:
    """What to do so that a model is shared. All that an agent has which shares nothing is its own."""
    if shares:
        return "have the model in the store that all agents share (prefetch_models and the agent's record)"
    return "move the agent to the model store of its host (migrate_to_store), where what it shares does not count"


def own_folder(models_dir: str, mounts: str = MOUNTS) -> str:
    """What an agent alone writes of its models directory: the upper part of one that lies over a store, else all of it."""
    kind, options = mounted(mounts).get(models_dir, ("", ""))
    upper = [part[9:] for part in options.split(",") if part.startswith("upperdir=")] if kind == "overlay" else []
    return upper[0] if upper else models_dir
