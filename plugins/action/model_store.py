# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of model_store: shows progress while the worker on the host pulls. All else is the module's."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmops.tenancy.plugins.plugin_utils.pulling import FIRST_PATIENCE, PullingAction


class ActionModule(PullingAction):
    """Runs the module."""

    module = "llmops.tenancy.model_store"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Entry point of Ansible."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        if self._task.async_val:
            return self._execute_module(self.module, module_args=args, task_vars=variables, wrap_async=True)
        args["patience"] = FIRST_PATIENCE
        result = self._execute_module(self.module, module_args=args, task_vars=variables)
        return self._finished(result, args, variables)
