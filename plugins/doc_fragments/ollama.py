# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of module_utils/options/ollama.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that reaches Ollama's API."""

    DOCUMENTATION = r"""
options:
  timeout:
    description: Seconds to wait for one answer of an agent's API. A pull has no limit as long as bytes come.
    type: int
    default: 30
"""
