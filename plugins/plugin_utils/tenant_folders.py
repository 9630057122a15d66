# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the files of tenants are."""

from __future__ import annotations

import os
from typing import Any, Mapping

SUFFIXES = (".yml", ".yaml")


def tenant_folders(task_vars: Mapping[str, Any]) -> list[str]:
    """Folders ``tenants`` beside each source of the inventory, or inside of one that is a folder; each once."""
    sources = task_vars.get("ansible_inventory_sources") or []
    places = [place for source in sources for place in (source, os.path.dirname(source))]
    folders = dict.fromkeys(os.path.realpath(os.path.join(place, "tenants")) for place in places)
    return [folder for folder in folders if os.path.isdir(folder)]
