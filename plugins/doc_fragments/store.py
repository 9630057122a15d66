# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of module_utils/options/store.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules for an agent host's model store."""

    DOCUMENTATION = r"""
options:
  store:
    description:
      - Directory of the agent host's model store, for example C(/var/lib/llmops/models).
      - Absolute, and without colon, comma, backslash and white space, which the options of a mount can't hold.
      - It belongs to root alone. A directory with something else in it is refused; a disk of its own is welcome.
    type: path
    required: true
requirements:
  - Python library C(requests), which comes with C(docker)
"""
