# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a model registry has, asked from the machine that the module runs on. For predictions and good errors only.

Ollama itself pulls; it keeps a manifest byte for byte, so a model's digest is the SHA-256 of what the registry serves.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import nearest, some
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import Reference
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.transport import Endpoint

_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"


class _NoAnswer(Exception):
    """The registry did not give what it was asked for; ``status`` is 0 when it said nothing at all."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Published:
    """A model as a registry has it now.

    :param digest: as Ollama lists it, in hexadecimal. :param layers: bytes of each, by its digest (``sha256:…``).
    """

    digest: str
    layers: Mapping[str, int]

    @property
    def size(self) -> int:
        """Bytes of all its layers."""
        return sum(self.layers.values())


def look_up(reference: Reference, timeout: float) -> Published | None:
    """The model on its registry; None when the registry can't be asked from here.

    :raises TenancyError: ``model_not_in_registry`` when the registry says that it has none.
    """
    try:
        body = _get(reference, reference.manifest_path, timeout)
        manifest = json.loads(body)
        listed = [*manifest["layers"], *filter(None, [manifest.get("config")])]
        layers = {str(layer["digest"]): int(layer.get("size", 0)) for layer in listed}
    except _NoAnswer as error:
        if error.status == 404:
            raise not_found(reference, timeout) from error
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Published(hashlib.sha256(body).hexdigest(), layers)


def layers(reference: Reference, timeout: float) -> Mapping[str, int]:
    """Bytes of each layer by its digest; empty when the registry does not tell, for whatever reason."""
    try:
        published = look_up(reference, timeout)
    except TenancyError:
        # The agent will be told the same, or knows a way that we don't.
        return {}
    return published.layers if published else {}


def not_found(reference: Reference, timeout: float) -> TenancyError:
    """The error for a model that its registry does not have, with the nearest one that it has."""
    plain = f"{reference.namespace}/{reference.name}"
    tags = _names(reference, f"/v2/{plain}/tags/list", "tags", timeout)
    if tags:
        hint = f"{plain} is there with the tags {some(sorted(tags))}"
    else:
        hint = nearest(plain, _names(reference, "/v2/_catalog?n=1000", "repositories", timeout))
    return TenancyError(
        f"Model {reference.name}:{reference.tag} is not in registry {reference.host}",
        cause=f"it has no {plain}:{reference.tag}",
        remedy=hint or "Check the name and the tag",
        kind="model_not_in_registry",
    )


def _names(reference: Reference, path: str, key: str, timeout: float) -> list[str]:
    """A list of the registry; empty when it does not give any, as registry.ollama.ai."""
    try:
        return [str(name) for name in json.loads(_get(reference, path, timeout))[key] or []]
    except (_NoAnswer, ValueError, KeyError, TypeError):
        return []


def _get(reference: Reference, path: str, timeout: float) -> bytes:
    try:
        with Endpoint(reference.registry_url, timeout).open("GET", path, accept=_ACCEPT) as answer:
            if answer.status != 200:
                raise _NoAnswer(answer.status)
            return answer.read_bytes()
    except TenancyError as error:
        raise _NoAnswer(0) from error
