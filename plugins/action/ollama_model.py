# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of ollama_model: brings a model file to the host when its bytes are needed there, and shows
progress while the worker on the host pulls. All else is the module's."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import read_model_file
from ansible_collections.llmops.tenancy.plugins.plugin_utils.pulling import FIRST_PATIENCE, PullingAction


class ActionModule(PullingAction):
    """Runs the module, with the files that it needs."""

    module = "llmops.tenancy.ollama_model"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Entry point of Ansible."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        if self._task.async_val:
            return self._execute_module(self.module, module_args=args, task_vars=variables, wrap_async=True)
        args["patience"] = FIRST_PATIENCE
        try:
            files = self._files_of_the_controller(args, variables)
            result = self._execute_module(self.module, module_args=args, task_vars=variables)
            if result.get("needs"):
                args["wait"] = True
                self._bring(files, result["needs"])
                result = self._execute_module(self.module, module_args=args, task_vars=variables)
        except TenancyError as error:
            return {"failed": True, "changed": False, **error.as_result()}
        result = self._finished(result, args, variables)
        if result.get("needs"):
            raise AnsibleActionFail("A model file could not be brought to the host", result=result)
        return result

    def _files_of_the_controller(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Tell the module what it can't see: digest and size of the files that are here. By path, who wants them."""
        wanted: dict[str, list[dict[str, Any]]] = {}
        if boolean(args.get("remote_src", False)):
            return wanted
        listed = args.get("models")
        if isinstance(listed, list):
            args["models"] = listed = [dict(item) for item in listed]
        for entity in listed if isinstance(listed, list) else [args]:
            if entity.get("path"):
                path = self._found(str(entity["path"]), variables)
                entity["path"] = path
                wanted.setdefault(path, []).append(entity)
        if self._connection.transport == "local" and not self._task.become:
            return {}
        for path, entities in wanted.items():
            file = read_model_file(path)
            for entity in entities:
                entity["file"] = {"path": "", "digest": file.digest, "size": file.size}
        return wanted

    def _bring(self, files: dict[str, list[dict[str, Any]]], needed: list[str]) -> None:
        """Copy the files that the host lacks."""
        for path in sorted(set(needed)):
            there = self._brought(path, os.path.basename(path))
            for entity in files[path]:
                entity["file"]["path"] = there
