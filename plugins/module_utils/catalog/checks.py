# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of options that PostgreSQL would refuse in words of its own, without the option's name."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# The largest value of a column of type integer.
LARGEST = 2**31 - 1


def storable(options: Mapping[str, Any]) -> None:
    """Return when PostgreSQL can store every text of the options, also those inside lists and mappings.

    :param options: values by the names that an error gives them.
    :raises TenancyError: ``invalid_value`` for a NUL character, or for text that is not Unicode.
    """
    for name, value in options.items():
        if value is None:
            continue
        if isinstance(value, str):
            _storable_text(value, name)
        elif isinstance(value, Mapping):
            storable({f"{name}.{key}": item for key, item in value.items()})
            storable({f"a key of {name}": key for key in value})
        elif isinstance(value, (list, tuple)):
            storable({f"{name}[{index}]": item for index, item in enumerate(value)})


def _storable_text(text: str, name: str) -> None:
    if "\0" in text:
        cause = "it has a NUL character"
    elif text.isascii():
        return
    else:
        try:
            text.encode()
            return
        except UnicodeEncodeError as error:
            cause = f"it is not Unicode: {ascii(text[error.start])}"
    raise TenancyError(
        f"{name.encode('ascii', 'backslashreplace').decode()} can't be stored",
        cause=cause, remedy="Take the character out", kind="invalid_value",
    )


def whole_number(value: Any, name: str, low: int, high: int) -> None:
    """Return for a whole number in the range, both ends included; true and false are none.

    :raises TenancyError: ``invalid_number``.
    """
    if isinstance(value, bool) or not low <= value <= high:
        raise TenancyError(
            f"{name} {str(value).lower()} is not a number from {low} to {high}",
            remedy="Correct the number, or leave it out",
            kind="invalid_number",
        )
