# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module of this name, executed directly where its host is the controller itself."""

from __future__ import annotations

from ansible_collections.llmops.tenancy.plugins.plugin_utils.direct import DirectModule


class ActionModule(DirectModule):
    """Runs the module."""
