# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names the vocabulary fixes: tenants, agents, models, emails, the Docker objects called after them, and URLs."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Iterable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,30}[a-z0-9]")
_EMAIL = re.compile(r"[^@\s,;<>\"()]+@[^@\s,;<>\"().]+(?:\.[^@\s,;<>\"().]+)*")
_MODEL = re.compile(
    r"(?:(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?=[^/]+/))?(?:(?P<namespace>[A-Za-z0-9_][A-Za-z0-9_.-]*)/)?"
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*))?"
)

# What goes without saying in the name of a model.
DEFAULT_REGISTRY = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
CONTAINER_PREFIX = "ollama-agent-"
NETWORK_PREFIX = "ollama-tenant-"
# What is bound to every address is reached from its own host by loopback.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def check_slug(text: str, name: str = "tenant") -> str:
    """``text`` when it is a slug.

    :raises TenancyError: ``invalid_slug``, with the nearest slug that would do.
    """
    if _SLUG.fullmatch(text):
        return text
    suggestion = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32].strip("-")
    hint = f", for example '{suggestion}'" if _SLUG.fullmatch(suggestion) else ""
    raise TenancyError(
        f"{name} '{text}' is not a valid name",
        cause="it must be 2 to 32 characters of a-z, 0-9 and '-', with a letter or digit at both ends",
        remedy=f"Choose another name{hint}",
        kind="invalid_slug",
    )


def check_email(text: str) -> str:
    """``text`` when it is an email address that has the same lower case everywhere.

    :raises TenancyError: ``invalid_email``.
    """
    if not text.isprintable():
        raise TenancyError(
            f"{ascii(text)} is not an email address",
            cause="it has characters that can't be seen",
            remedy="Type it anew, as name@domain",
            kind="invalid_email",
        )
    if not _EMAIL.fullmatch(text) or len(text) > 320:
        raise TenancyError(
            f"'{text}' is not an email address", remedy="Write it as name@domain", kind="invalid_email"
        )
    # Only for ASCII do Python and PostgreSQL, with any locale, agree on what the lower case of a capital is.
    capitals = [char for char in text if not char.isascii() and char.lower() != char]
    if capitals:
        raise TenancyError(
            f"Email '{text}' has the capital letter '{capitals[0]}'",
            cause="an email stands for one user whatever its case, which is certain for the letters A to Z alone",
            remedy=f"Write it as '{text.lower()}'",
            kind="invalid_email",
        )
    return text


def full_model(reference: str) -> str:
    """The model reference as Ollama lists it: ``phi4-mini`` and ``library/phi4-mini`` are ``phi4-mini:latest``.

    :raises TenancyError: ``invalid_model``.
    """
    match = _MODEL.fullmatch(reference)
    if not match:
        raise TenancyError(
            f"'{reference}' is not a model reference",
            remedy="Write [host[:port]/][namespace/]name[:tag], for example phi4-mini or phi4-mini:3.8b",
            kind="invalid_model",
        )
    return listed_model(match["host"] or DEFAULT_REGISTRY, match["namespace"] or DEFAULT_NAMESPACE, match["name"], match["tag"] or "latest")


def listed_model(host: str, namespace: str, name: str, tag: str) -> str:
    """A model as Ollama lists it: without the registry and the namespace that go without saying."""
    before = "" if host == DEFAULT_REGISTRY else f"{host}/"
    before += "" if not before and namespace == DEFAULT_NAMESPACE else f"{namespace}/"
    return f"{before}{name}:{tag}"


def has_registry(listed: str) -> bool:
    """Whether a model that Ollama lists so is of another registry than its own, so that no mirror has it."""
    return listed.count("/") == 2


def each_once(models: Iterable[str]) -> dict[str, str]:
    """How each of these models is spelled at first, by the name that Ollama lists.

    :raises TenancyError: ``invalid_model``.
    """
    found: dict[str, str] = {}
    for model in models:
        found.setdefault(full_model(model), model)
    return found


def container_name(agent: str) -> str:
    """Name of the container (and of the models volume) of an agent."""
    return CONTAINER_PREFIX + agent


def network_name(tenant: str) -> str:
    """Name of the bridge network of a tenant."""
    return NETWORK_PREFIX + tenant


def local_url(address: str, port: int) -> str:
    """URL of what a host has at one of its addresses, as seen from that host.

    :param address: as it is bound to, maybe to all of them; one of IPv6 gets brackets.
    """
    host = _LOOPBACK.get(address, address)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def nearest(word: str, known: Iterable[str]) -> str:
    """` did you mean …?` for a misspelled word, or an empty string."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{matches[0]}'?" if matches else ""


def some(names: Sequence[str], most: int = 10) -> str:
    """The first of many names, for a message: ``a, b and 3 more``. :param most: how many are told."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
