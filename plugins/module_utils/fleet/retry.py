# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a run over the fleet notes what it left to do, for ``retry=true``."""

from __future__ import annotations

import json
import os
from typing import Any, Iterable, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.selection import Selection
from ansible_collections.llmops.tenancy.plugins.module_utils.host import files

DEFAULT_FILE = "~/.ansible/llmops-tenancy-left.json"


def read(path: str) -> list[str]:
    """The tenants that the last runs left.

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


def note(settings: Mapping[str, Any], left: Iterable[str]) -> None:
    """Note the tenants that a run left, beside those noted before that it was not about. None at all takes the note away.

    Of two runs at once, the later one's counts.

    :param settings: as ``fleet_settings`` returned them.
    :raises TenancyError: ``file``.
    """
    path, selection = os.path.abspath(os.path.expanduser(settings["retry_file"])), Selection.of(settings)
    # Of one host, a tenant may be right, and lack something on another.
    others = [tenant for tenant in _noted(path) if selection.host or not selection.wants(tenant)]
    noted = sorted({*left, *others})
    if noted:
        files.write(path, json.dumps({"tenants": noted}, indent=2))
    else:
        files.remove(path)


def _noted(path: str) -> list[str]:
    try:
        return read(path)
    except TenancyError:
        return []
