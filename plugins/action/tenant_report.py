# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what a run ends with, as text that reads well under every callback. Reaches no host."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import report, stores

display = Display()

SPEC: dict[str, dict[str, Any]] = {
    "view": {"type": "str", "choices": ["onboarded", "changed", "offboarded", "users", "status", "files", "stores", "adopted"], "required": True},
    "tenant": {"type": "str"},
    "tenants": {"type": "list", "elements": "dict", "default": []},
    "agents": {"type": "list", "elements": "dict", "default": []},
    "observed": {"type": "list", "elements": "dict", "default": []},
    "users": {"type": "list", "elements": "dict", "default": []},
    "synchronised": {"type": "list", "elements": "dict", "default": []},
    "files": {"type": "list", "elements": "dict", "default": []},
    "stores": {"type": "dict", "default": {}},
    "adoption": {"type": "dict", "default": {}},
    "failures": {"type": "list", "elements": "dict", "default": []},
    "silent": {"type": "list", "elements": "str", "default": []},
    "erased": {"type": "list", "elements": "dict", "default": []},
    "kept": {"type": "list", "elements": "dict", "default": []},
    "actions": {"type": "list", "elements": "dict", "default": []},
    "store_use": {"type": "list", "elements": "dict", "default": []},
    "known": {"type": "bool", "default": True},
    "remove_data": {"type": "bool", "default": False},
    "started": {"type": "float"},
    "output": {"type": "str", "choices": ["table", "json"], "default": "table"},
    "output_file": {"type": "path"},
}


class ActionModule(ActionBase):
    """Turn values into text, print it, and return both."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The text that was printed, as ``lines``."""
        result = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=SPEC)
        seconds = round(time.time() - (options["started"] or time.time()), 1)
        lines = self._lines(options, seconds)
        try:
            self._publish(lines, options["output_file"])
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}
        return {**result, "changed": False, "lines": lines, "seconds": seconds}

    def _lines(self, options: dict[str, Any], seconds: float) -> list[str]:
        check = self._task.check_mode
        actions, observed = options["actions"], options["observed"]
        match options["view"]:
            case "onboarded":
                lines = []
                for tenant in options["tenants"]:
                    lines += report.onboarded(
                        tenant, observed, actions, seconds=seconds, check=check, synchronised=options["synchronised"],
                        store_use=options["store_use"],
                    )
                return lines
            case "changed":
                return report.changed(
                    options["tenant"], options["agents"], observed, actions, seconds=seconds, check=check,
                    store_use=options["store_use"],
                )
            case "offboarded":
                return report.offboarded(
                    options["tenant"], options["kept"], actions, known=options["known"],
                    remove_data=options["remove_data"], seconds=seconds, check=check, erased=options["erased"],
                )
            case "users":
                return report.user_set(options["tenant"], options["users"], actions, seconds=seconds, check=check)
            case "files":
                return report.files(options["files"], check=check)
            case "stores":
                if options["output"] == "json":
                    return json.dumps({"stores": options["stores"]}, indent=2, default=str).splitlines()
                return stores.stores_table(options["stores"])
            case "adopted":
                return report.adopted(options["adoption"], options["failures"], options["silent"], check=check)
        if options["output"] == "json":
            return json.dumps({"tenants": options["tenants"]}, indent=2, default=str).splitlines()
        return report.status(options["tenants"])

    def _publish(self, lines: list[str], path: str | None) -> None:
        """Print the lines, or write them to a file of the controller.

        :raises TenancyError: ``output_file`` when that can't be written.
        """
        if not path:
            for line in lines:
                display.display(line)
            return
        try:
            with open(os.path.expanduser(path), "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        except OSError as error:
            raise TenancyError(
                f"output_file {path} can't be written", cause=error.strerror or str(error),
                remedy="Name a file in a folder that you may write to", kind="output_file",
            ) from error
        display.display(f"Written to {path}")
