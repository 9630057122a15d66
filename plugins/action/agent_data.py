# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of agent_data: brings what was packed from the host, unless it is here."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import tree
from ansible_collections.llmops.tenancy.plugins.plugin_utils import bringing
from ansible_collections.llmops.tenancy.plugins.plugin_utils.direct import DirectModule


class ActionModule(DirectModule):
    """Runs the module, and fetches what it packed."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Entry point of Ansible."""
        folder = self._task.args.get("fetch")
        if not folder or self._task.args.get("state", "packed") != "packed" or self._task.check_mode:
            return super().run(tmp, task_vars)
        self._task.args["owner"] = bringing.reader(self)
        result = super().run(tmp, task_vars)
        if result.get("failed"):
            return result
        brought, failures = [], list(result["failures"])
        for packed in result["agents"]:
            try:
                self._bring(packed, os.path.abspath(os.path.expanduser(str(folder))))
                brought.append(packed)
            except TenancyError as error:
                failures.append({"agent": packed["agent"], **error.as_result()})
        return {**result, "agents": brought, "failures": failures}

    def _bring(self, packed: dict[str, Any], folder: str) -> None:
        here = os.path.join(folder, f"{packed['agent']}.tar")

        def same(path: str) -> bool:
            return tree.checksum_of(path) == packed["checksum"]

        if not same(here):
            bringing.bring(self, packed["archive"], here, same, aside=f"{here}.part", mode=0o700)
