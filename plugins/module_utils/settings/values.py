# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of single values as operators, surveys and files give them. Each returns the value as the modules take it."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Callable, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import check_email, check_slug, full_model, nearest
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import is_duration, parse_cpus, parse_size

ROLES = ("admin", "analyst", "viewer")
_TRUE, _FALSE = ("true", "yes", "on", "1", "y"), ("false", "no", "off", "0", "n")
YES_NO = tuple(word for word in (*_TRUE, *_FALSE) if word.isalpha())
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}")

Check = Callable[[Any, str], Any]


def is_given(value: Any) -> bool:
    """False for what an AWX survey sends for a field left blank: null or an empty string."""
    return value is not None and value != ""


def _scalar(value: Any, name: str) -> str:
    """``value`` as text.

    :raises TenancyError: ``invalid_value`` for a list or a mapping.
    """
    if isinstance(value, (Mapping, list, tuple, set)):
        raise TenancyError(
            f"{name} must be a single value",
            cause=f"a {'mapping' if isinstance(value, Mapping) else 'list'} is given",
            remedy="Give one value",
            kind="invalid_value",
        )
    return str(value).strip()


def text(value: Any, name: str) -> str:
    """Any text on one line."""
    found = _scalar(value, name)
    if any(ord(char) < 32 for char in found):
        raise TenancyError(f"{name} has control characters", remedy="Write it on one line", kind="invalid_value")
    return found


def texts(value: Any, name: str) -> list[str]:
    """A list of texts."""
    return [text(item, name) for item in as_list(value, name)]


def slug(value: Any, name: str) -> str:
    """The name of a tenant or an agent."""
    return check_slug(_scalar(value, name), name)


def email(value: Any, name: str) -> str:
    """An email address. :param name: where it stands, for the error."""
    found = _scalar(value, name)
    try:
        return check_email(found)
    except TenancyError as error:
        raise TenancyError(f"{name}: {error.what}", cause=error.cause, remedy=error.remedy, kind=error.kind) from error


def model(value: Any, name: str) -> str:
    """A model reference, as given."""
    found = _scalar(value, name)
    full_model(found)
    return found


def size(value: Any, name: str) -> str:
    """A size such as ``6g``, more than nothing."""
    found = _scalar(value, name)
    if parse_size(found, name) <= 0:
        raise TenancyError(f"{name} '{found}' is no memory at all", remedy="Write for example 6g", kind="invalid_size")
    return found


def cpus(value: Any, name: str) -> str:
    """A number of CPUs such as ``0.5``, more than nothing."""
    found = _scalar(value, name)
    if parse_cpus(found, name) <= 0:
        raise TenancyError(f"{name} '{found}' is no CPU at all", remedy="Write for example 0.5", kind="invalid_cpus")
    return found


def number(low: int, high: int) -> Check:
    """Check of a whole number from ``low`` to ``high``."""

    def check(value: Any, name: str) -> int:
        found = _scalar(value, name)
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", found) or not low <= int(found) <= high:
            raise TenancyError(
                f"{name} '{found}' is not a whole number from {low} to {high}",
                remedy="Correct the number, or leave it out",
                kind="invalid_number",
            )
        return int(found)

    setattr(check, "bounds", (low, high))
    return check


port: Check = number(1, 65535)


def factor(value: Any, name: str) -> float:
    """A factor such as 1.5."""
    found = _scalar(value, name)
    if not re.fullmatch(r"\d{1,3}(\.\d{1,4})?", found):
        raise TenancyError(
            f"{name} '{found}' is not a factor", remedy="Write a number such as 1.5", kind="invalid_number"
        )
    return float(found)


def labels(value: Any, name: str) -> list[str]:
    """Labels of a host: a list or text with commas, ``gpu=a100, ssd``, or a mapping, ``{gpu: a100}``."""
    if isinstance(value, Mapping):
        value = [f"{key}={part}" for key, part in value.items()]
    return [text(item, name) for item in as_list(value, name)]


def boolean(value: Any, name: str) -> bool:
    """yes or no, as a bool or in words (extra variables written as key=value are always text)."""
    found = _scalar(value, name).lower()
    if found in _TRUE or found in _FALSE:
        return found in _TRUE
    raise TenancyError(f"{name} '{found}' is neither true nor false", remedy="Write true or false", kind="invalid_value")


def one_of(*choices: str) -> Check:
    """Check of a word among ``choices``."""

    def check(value: Any, name: str) -> str:
        found = _scalar(value, name).lower()
        if found in choices:
            return found
        hint = nearest(found, choices)
        raise TenancyError(
            f"{name} '{found}' is not one of {', '.join(choices)}",
            remedy=hint or f"Write {' or '.join(choices)}",
            kind="invalid_choice",
        )

    # For the schema of the tenants' files, which says the same to editors.
    setattr(check, "choices", choices)
    return check


role: Check = one_of(*ROLES)


def domain(value: Any, name: str) -> str:
    """An internet domain such as ``empresa.com``."""
    found = _scalar(value, name)
    if _DOMAIN.fullmatch(found):
        return found
    raise TenancyError(f"{name} '{found}' is not a domain", remedy="Write it as empresa.com", kind="invalid_domain")


def address(value: Any, name: str) -> str:
    """An IP address to bind to."""
    found = _scalar(value, name)
    try:
        return str(ipaddress.ip_address(found))
    except ValueError as error:
        raise TenancyError(
            f"{name} '{found}' is not an IP address", remedy="Write for example 127.0.0.1", kind="invalid_address"
        ) from error


def duration(value: Any, name: str) -> str:
    """A time as Ollama writes it."""
    found = _scalar(value, name)
    if is_duration(found):
        return found
    raise TenancyError(
        f"{name} '{found}' is not a duration",
        remedy="Write for example 5m, 1h30m, 0 (unload at once) or -1 (keep for ever)",
        kind="invalid_duration",
    )


def directory_id(value: Any, name: str) -> str:
    """A Microsoft Entra tenant: its GUID or one of its domains."""
    found = _scalar(value, name)
    if _GUID.fullmatch(found) or _DOMAIN.fullmatch(found):
        return found
    raise TenancyError(
        f"{name} '{found}' is neither a GUID nor a domain",
        remedy="Copy the tenant id from the Entra admin centre, for example 11111111-2222-3333-4444-555555555555",
        kind="invalid_directory_id",
    )


def as_list(value: Any, name: str) -> list[Any]:
    """A list that is given as one, as JSON text, as text with commas or line ends, or as one mapping.

    :raises TenancyError: ``invalid_json``, or ``empty_entry`` for null or an empty text in a list, which must become
        neither the text 'None' nor, as the only entry, an empty list.
    """
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, (list, tuple)):
        return _without_gaps(value, name)
    found = str(value).strip()
    if not found.startswith(("[", "{")):
        return [part.strip() for part in re.split(r"[,;\n]", found) if part.strip()]
    try:
        loaded = json.loads(found)
    except ValueError as error:
        raise TenancyError(f"{name} is not valid JSON", cause=str(error), remedy="Correct the text", kind="invalid_json") from error
    return _without_gaps(loaded, name) if isinstance(loaded, list) else [loaded]


def _without_gaps(items: Sequence[Any], name: str) -> list[Any]:
    for index, item in enumerate(items):
        if not is_given(item):
            raise TenancyError(
                f"{name}[{index}] is empty",
                cause="an entry of the list is null or an empty text",
                remedy="Give it a value, or take the entry out",
                kind="empty_entry",
            )
    return list(items)


def mapping(value: Mapping[str, Any], checks: Mapping[str, Check], name: str) -> dict[str, Any]:
    """The given ones of a mapping's values, each checked.

    :param checks: the known keys.
    :param name: where the mapping stands, for the errors.
    :raises TenancyError: ``unknown_key`` with the nearest right one.
    """
    refuse_unknown_keys(value, checks, name)
    return {key: checks[key](item, f"{name}.{key}") for key, item in value.items() if is_given(item)}


def refuse_unknown_keys(keys: Iterable[str], known: Iterable[str], name: str) -> None:
    """Return when all ``keys`` are known.

    :raises TenancyError: ``unknown_key``.
    """
    known = sorted(known)
    for key in keys:
        if key not in known:
            raise TenancyError(
                f"{name} has an unknown key '{key}'",
                remedy=nearest(str(key), known) or f"It knows {', '.join(known)}",
                kind="unknown_key",
            )
