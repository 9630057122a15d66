# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a run over the fleet notes what it left to do, for ``retry=true``."""

from __future__ import annotations

import json
import os
from typing import Any, Iterable

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

DEFAULT_FILE = "~/.ansible/llmops-tenancy-left.json"


def read(path: str) -> list[str]:
    """The tenants that the last run left.

    :raises TenancyError: ``nothing_to_retry`` without such a note, ``invalid_file`` for a broken one.
    """
    path = os.path.expanduser(path)
    try:
        with open(path, encoding="utf-8") as file:
            found: Any = json.load(file)
        return [str(tenant) for tenant in found["tenants"]]
    except FileNotFoundError as error:
        raise TenancyError(
            "There is nothing to retry",
            cause=f"the last reconcile left nothing undone, or noted it elsewhere: {path} is not there",
            remedy="Run it without retry, or name the note with retry_file",
            kind="nothing_to_retry",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TenancyError(
            f"retry_file {path} can't be read", cause=str(error), remedy="Remove it and run without retry", kind="invalid_file"
        ) from error


def write(path: str, tenants: Iterable[str]) -> None:
    """Note what is left; nothing left takes the note away.

    :raises TenancyError: ``retry_file``.
    """
    path, left = os.path.expanduser(path), sorted(set(tenants))
    try:
        if not left:
            if os.path.exists(path):
                os.remove(path)
            return
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"tenants": left}, file, indent=2)
        os.replace(path + ".new", path)
    except OSError as error:
        raise TenancyError(
            f"retry_file {path} can't be written", cause=error.strerror or str(error),
            remedy="Name a file in a folder that you may write to", kind="retry_file",
        ) from error
