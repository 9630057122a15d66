# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of model_store: brings the files that models are made of, and shows progress while the worker on
the host is at it. All else is the module's."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.plugin_utils.model_files import describe, paths_of
from ansible_collections.llmops.tenancy.plugins.plugin_utils.pulling import FIRST_PATIENCE, PullingAction


class ActionModule(PullingAction):
    """Runs the module."""

    module = "llmops.tenancy.model_store"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Entry point of Ansible."""
        began = time.monotonic()
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        if self._task.async_val:
            return self._execute_module(self.module, module_args=args, task_vars=variables, wrap_async=True)
        args["patience"] = FIRST_PATIENCE
        try:
            if not boolean(args.get("remote_src", False)):
                remote = self._connection.transport != "local" or bool(self._task.become)
                describe(args, lambda path: self._found(path, variables), remote=remote)
            result = self._execute_module(self.module, module_args=args, task_vars=variables)
            if result.get("needs"):
                args["wait"] = True
                self._bring(args, result["needs"])
                result = self._execute_module(self.module, module_args=args, task_vars=variables)
        except TenancyError as error:
            return {"failed": True, "changed": False, **error.as_result()}
        if result.get("needs"):
            raise AnsibleActionFail("A file could not be brought to the host", result=result)
        return {**self._finished(result, args, variables), "seconds": round(time.monotonic() - began, 2)}

    def _bring(self, args: dict[str, Any], needed: list[str]) -> None:
        """Copy the files that the host lacks."""
        for number, (path, places) in enumerate(sorted(paths_of(args, needed).items())):
            there = self._brought(path, f"{number}-{os.path.basename(path)}")
            for place in places:
                place["path"] = there
