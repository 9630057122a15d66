# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Model references: which registry, and what a model is called there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import DEFAULT_NAMESPACE, DEFAULT_REGISTRY, full_model

_MIRROR = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[A-Za-z0-9.-]+(?::\d+)?)(?:/(?P<namespace>[A-Za-z0-9_][A-Za-z0-9_.-]*))?/?"
)


@dataclass(frozen=True)
class Reference:
    """A model as a registry has it.

    :param host: registry, with its port. :param insecure: it speaks plain HTTP.
    :param mirror: it stands in for the model's own registry, so the model gets its plain name after the pull.
    """

    host: str
    namespace: str
    name: str
    tag: str
    insecure: bool = False
    mirror: bool = False

    @property
    def manifest_path(self) -> str:
        """Where its manifest is on the registry."""
        return f"/v2/{self.namespace}/{self.name}/manifests/{self.tag}"

    @property
    def registry_url(self) -> str:
        """The registry's URL, with its port."""
        scheme, port = ("http", 80) if self.insecure else ("https", 443)
        return f"{scheme}://{self.host}" + ("" if ":" in self.host else f":{port}")

    def without_tls(self) -> Reference:
        """The same on a registry that speaks plain HTTP."""
        return replace(self, insecure=True)

    @property
    def text(self) -> str:
        """The reference in full; also the name under which Ollama lists it after a pull from a mirror."""
        return f"{self.host}/{self.namespace}/{self.name}:{self.tag}"


def parse_model(model: str) -> Reference:
    """The reference of a model's plain name: ``phi4-mini`` is ``library/phi4-mini:latest`` of registry.ollama.ai.

    :raises TenancyError: ``invalid_model``.
    """
    path, _colon, tag = full_model(model).rpartition(":")
    *before, name = path.split("/")
    namespace = before.pop() if before else DEFAULT_NAMESPACE
    return Reference(before.pop() if before else DEFAULT_REGISTRY, namespace, name, tag)


def on_mirror(model: str, mirror: str, insecure: bool) -> Reference:
    """Where a mirror has a model.

    :param mirror: ``[http[s]://]host[:port][/namespace]``. The namespace stands for the model's own, since a mirror
        often keeps all models under one.
    :raises TenancyError: ``invalid_mirror``, or ``invalid_model`` for a model that names a registry of its own.
    """
    if "@" in mirror:
        raise TenancyError(
            "The mirror carries a user or password",
            cause="Ollama can't pass them on, and a model's name shows up in logs",
            remedy="Name the mirror as host[:port][/namespace] and let it serve the agents without a password",
            kind="invalid_mirror",
        )
    match = _MIRROR.fullmatch(mirror)
    if not match:
        raise TenancyError(
            f"'{mirror}' is not a mirror",
            remedy="Write host[:port][/namespace], for example mirror.example.com:5000",
            kind="invalid_mirror",
        )
    if match["scheme"] == "https" and insecure:
        raise TenancyError(
            f"Mirror '{mirror}' says https and 'insecure' says plain HTTP",
            remedy="Leave one of them out",
            kind="invalid_mirror",
        )
    plain = parse_model(model)
    if plain.host != DEFAULT_REGISTRY:
        raise TenancyError(
            f"Model '{model}' names the registry {plain.host} and can't come from mirror {match['host']} too",
            remedy="Give the model without its registry, or leave the mirror out",
            kind="invalid_model",
        )
    namespace = match["namespace"] or plain.namespace
    return Reference(match["host"], namespace, plain.name, plain.tag, insecure or match["scheme"] == "http", True)
