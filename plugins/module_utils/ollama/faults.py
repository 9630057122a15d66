# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ollama's own words mean when a pull or a create fails: cause, remedy, and whether trying again may help. Pure.

The texts are those of release 0.24 and before; https://github.com/ollama/ollama/tree/v0.24.0/server has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


@dataclass(frozen=True)
class _Meaning:
    """What one text means.

    :param lasting: trying again won't help.
    """

    pattern: str
    kind: str
    cause: str
    remedy: str
    lasting: bool = True


# First match counts. {registry} and {model} are filled in.
_MEANINGS = (
    _Meaning(
        r"no space left on device|disk quota exceeded",
        "disk_full",
        "the agent's models volume is full",
        "Free space on it or remove models with state=absent, then run again: what was pulled is kept",
    ),
    _Meaning(
        r"pull model manifest: file does not exist",
        "model_not_in_registry",
        "{registry} has no model {model}",
        "Check the name and the tag",
    ),
    _Meaning(
        r"file does not exist",
        "layer_not_in_registry",
        "{registry} lists the model but lacks one of its layers",
        "Push the model to the registry again, as a whole",
    ),
    _Meaning(
        r"requires a newer version of Ollama|\b412:",
        "ollama_too_old",
        "the model needs a newer Ollama than the agent runs",
        "Give the agent a newer image, then run again",
    ),
    _Meaning(
        r"no Location header",
        "mirror_unsuitable",
        "{registry} serves blobs itself, and Ollama wants a Location header on the answer, as registries behind a"
        " content network give",
        "Put a proxy in front of the mirror that adds Location to the answers for /v2/…/blobs/…",
    ),
    _Meaning(
        r"server gave HTTP response to HTTPS client",
        "mirror_speaks_http",
        "{registry} speaks plain HTTP",
        "Set insecure=true if that is meant",
    ),
    _Meaning(
        r"HTTP request to an HTTPS server|insecure protocol http",
        "mirror_speaks_https",
        "{registry} and 'insecure' don't agree on HTTPS or plain HTTP",
        "Leave insecure out for HTTPS, set insecure=true for plain HTTP",
    ),
    _Meaning(
        r"x509:|certificate",
        "registry_untrusted",
        "the agent does not trust the certificate of {registry}: {text}",
        "Give the registry a certificate of a known authority, or the agent's image the authority's certificate",
    ),
    _Meaning(
        r"\b401\b|\b403\b|realm host|unauthorized|access denied|authorization|denied",
        "registry_denied",
        "{registry} refuses access: {text}",
        "Let the registry serve this model without a password, or check the model's name: a private or unknown model"
        " answers so too",
    ),
    _Meaning(
        r"\b429\b|too many requests",
        "registry_busy",
        "{registry} limits the number of requests",
        "Wait, pull fewer models at once, or use a mirror",
        lasting=False,
    ),
    _Meaning(
        r"\b404\b",
        "model_not_in_registry",
        "{registry} has no model {model}: {text}",
        "Check the name, the tag and the mirror's namespace",
    ),
    _Meaning(
        r"\b5\d\d:|unexpected status code 5\d\d",
        "registry_error",
        "{registry} is in trouble: {text}",
        "See the registry's log, then run again: what was pulled is kept",
        lasting=False,
    ),
    _Meaning(
        r"digest mismatch",
        "digest_mismatch",
        "bytes from {registry} were damaged on the way or are wrong there: {text}",
        "Run again; if it stays so, push the model to the registry again",
        lasting=False,
    ),
    _Meaning(
        r"no such host",
        "registry_unreachable",
        "the agent does not find {registry} by name: {text}",
        "Check the mirror's name and the DNS of the agent's host",
    ),
    _Meaning(
        r"invalid model name|invalid model path",
        "invalid_model",
        "Ollama does not take the name {model}",
        "Write [host[:port]/][namespace/]name[:tag]",
    ),
    _Meaning(
        r"dial tcp|connection refused|network is unreachable|i/o timeout|TLS handshake timeout",
        "registry_unreachable",
        "the agent can't reach {registry}: {text}",
        "Check the registry and the way to it from the agent's host; a host without internet needs a mirror",
        lasting=False,
    ),
)
_OTHER = _Meaning(
    "", "pull_failed", "{text}", "Run again: what was pulled is kept. See the agent's log for more", lasting=False
)
_BAD_FILE = _Meaning(
    "",
    "bad_model_file",
    "Ollama can't make a model of {registry}: {text}",
    "Give a GGUF file of a model that this Ollama knows, whole and undamaged",
)
# Faults of the agent itself that a restart of it heals.
_PASSING = {"agent_unreachable", "agent_timeout", "agent_disconnected", "stalled"}


def meaning_of(text: str, *, model: str, agent: str, registry: str = "", file: str = "") -> TenancyError:
    """The error for Ollama's ``text``.

    :param agent: how to call the agent. :param registry: host that the model was asked of.
    :param file: the file that it is made of instead.
    """
    meanings = _MEANINGS[:1] if file else _MEANINGS
    found = next((m for m in meanings if re.search(m.pattern, text, re.IGNORECASE)), _BAD_FILE if file else _OTHER)
    words = {"registry": file or registry, "model": model, "text": " ".join(text.split())[:500]}
    return TenancyError(
        f"Model {model} could not be brought to {agent}",
        cause=found.cause.format(**words),
        remedy=found.remedy.format(**words),
        kind=found.kind,
        lasting=found.lasting,
    )


def may_pass(error: TenancyError) -> bool:
    """Whether trying again may help."""
    return error.kind in _PASSING or error.details.get("lasting") is False
