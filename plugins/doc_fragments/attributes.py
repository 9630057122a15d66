# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Honest attributes: what a module does in check mode, with --diff and on a second run."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of the modules of this collection."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return what the real run would do, without changing anything.
  diff_mode:
    description: Returns what changed, or would change, when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode, with the same options, the second run changes nothing.
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/llmops.tenancy.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - llmops.tenancy.all
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: It only reads, so it does the same in check mode.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
"""
