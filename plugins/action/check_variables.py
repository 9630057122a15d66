# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses variables that look like a role's options and are none; reaches no host."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.unknown_names import refuse_unknown


class ActionModule(ActionBase):
    """Compare the variables a task sees with the argument specs of the role it stands in."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when a variable starts with the role's prefix and the role has no such option."""
        result = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "role": {"type": "str"},
                "options": {"type": "list", "elements": "str"},
                "also": {"type": "list", "elements": "str", "default": []},
            }
        )
        role, known = options["role"], options["options"]
        if role is None or known is None:
            own_role, own_options = self._role_options(task_vars or {})
            role, known = role or own_role, own_options if known is None else known
        try:
            refuse_unknown(
                (name for name in task_vars or {} if name.startswith(f"{role}_")),
                [*known, *options["also"]],
                where=f"Role {role}",
            )
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}
        return {**result, "changed": False, "role": role, "options": sorted(known)}

    def _role_options(self, task_vars: dict[str, Any]) -> tuple[str, list[str]]:
        """Name and options (of all entry points) of the role that the task stands in."""
        if "role_path" not in task_vars:
            raise AnsibleActionFail("llmops.tenancy.check_variables: give 'role' and 'options' when used outside a role")
        path = os.path.join(task_vars["role_path"], "meta", "argument_specs.yml")
        specs = self._loader.load_from_file(path)["argument_specs"]
        return (
            task_vars["ansible_role_name"].split(".")[-1],
            sorted({name for spec in specs.values() for name in spec.get("options", {})}),
        )
