# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of model_export: brings a tar from the host, unless the one that is here has the same models."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store.unpack import checksum_of
from ansible_collections.llmops.tenancy.plugins.plugin_utils import bringing
from ansible_collections.llmops.tenancy.plugins.plugin_utils.direct import DirectAction

MODULE = "llmops.tenancy.model_export"


class ActionModule(DirectAction):
    """Runs the module, and fetches what it wrote."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Entry point of Ansible."""
        super().run(tmp, task_vars)
        variables, args = task_vars or {}, dict(self._task.args)
        if not args.get("fetch"):
            return self._execute_module(MODULE, module_args=args, task_vars=variables)
        try:
            return self._fetched(args, variables)
        except TenancyError as error:
            return {"failed": True, "changed": False, **error.as_result()}

    def _fetched(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        here = os.path.abspath(os.path.expanduser(str(args["fetch"])))
        if args.get("format", "tar") != "tar":
            raise TenancyError(
                "A directory can't be brought to the controller",
                remedy="Leave format at tar, or leave fetch out",
                kind="invalid_options",
            )
        known = checksum_of(here)
        result = self._predicted({**args, "known": known}, variables)
        same = not result.get("failed") and known == result["checksum"]
        if not result.get("failed") and not same and not self._task.check_mode:
            result = self._brought(here, args, variables)
        if result.get("failed"):
            return result
        if same:
            result.pop("manifests", None)
        # What matters is the one on the controller; that of the host is only on its way.
        action = {"action": "export", "kind": "archive", "name": here, "impact": "in_place", "fields": {}}
        return {**result, "path": here, "changed": not same, "actions": [] if same else [action]}

    def _predicted(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """What the store would give, without writing it."""
        before = self._task.check_mode
        self._task.check_mode = True
        try:
            return self._execute_module(MODULE, module_args=args, task_vars=variables)
        finally:
            self._task.check_mode = before

    def _brought(self, here: str, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Export on the host, and have it here whole or not at all."""
        if user := bringing.reader(self):
            args["owner"] = user
        result = self._execute_module(MODULE, module_args=args, task_vars=variables)
        if result.get("failed"):
            return result
        try:
            bringing.bring(self, result["path"], here, lambda path: checksum_of(path) == result["checksum"])
        finally:
            self._low_level_execute_command(f"rm -f {self._connection._shell.quote(result['path'])}")
        return result
