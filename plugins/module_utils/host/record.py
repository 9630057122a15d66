# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record, on a host, of what the collection added to it, so that exactly that can be taken away again."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


def read(path: str) -> dict[str, Any]:
    """Content of a record, empty when there is none.

    :raises TenancyError: ``bad_record``.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TenancyError(
            f"The record {path} can't be read", cause=str(error), remedy="Mend or remove the file", kind="bad_record"
        ) from error


def add(path: str, key: str, value: str) -> None:
    """Put ``value`` into the list ``key``; call it before what it records is done."""
    content = read(path)
    content[key] = sorted({*content.get(key, []), value})
    _write(path, content)


def discard(path: str, key: str, value: str) -> None:
    """Take ``value`` out of the list ``key``; call it after what it recorded is undone. An empty record goes."""
    content = read(path)
    content[key] = [kept for kept in content.get(key, []) if kept != value]
    if any(content.values()):
        _write(path, content)
    else:
        os.unlink(path)


def _write(path: str, content: dict[str, Any]) -> None:
    """Replace the file in one step: a run that is cut off leaves the old or the new one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = f"{path}.new"
    try:
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=4, sort_keys=True)
            file.write("\n")
        os.replace(draft, path)
    except OSError as error:
        raise TenancyError(
            f"The record {path} can't be written", cause=str(error), remedy="Check the folder and its disk", kind="bad_record"
        ) from error
