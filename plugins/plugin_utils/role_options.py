# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of roles, as their argument specs tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader

ROOT = Path(__file__).resolve().parents[2]


def options_of(loader: DataLoader, role: str | Path) -> dict[str, dict[str, Any]]:
    """The options of a role by name, of all its entry points. :param role: its folder."""
    specs = loader.load_from_file(str(Path(role) / "meta" / "argument_specs.yml"))["argument_specs"].values()
    return {name: option for spec in specs for name, option in spec.get("options", {}).items()}
