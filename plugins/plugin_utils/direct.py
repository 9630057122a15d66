# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Direct execution: a module whose host is the controller itself runs in Ansible's own worker process.

Otherwise a module that does its work in 0.1 s costs 0.7 s more: it is packed with all that it imports, handed to a shell,
and compiled anew by another Python. For every other host, user, or interpreter Ansible runs it as it runs any module.
``ansible.netcommon`` does the same for network devices; ``AnsibleModule`` has its hooks for it.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any, Mapping

from ansible import constants as C
from ansible.module_utils import basic
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

# A variable that turns it off, for who wants to see each module as a process of its own.
SWITCH = "ansible_llmops_direct_execution"
_MODULES = "ansible_collections.llmops.tenancy.plugins.modules"
_PROFILE = "legacy"

display = Display()


class DirectAction(ActionBase):
    """Executes modules of this collection in this process where that is the same as elsewhere."""

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: dict[str, Any] | None = None,
        tmp: str | None = None,
        task_vars: dict[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Run a module and give its result, like ActionBase."""
        variables = task_vars or {}
        params = dict(self._task.args if module_args is None else module_args)
        # What goes on after the module would keep this process's command line and variables for as long.
        leaves = not boolean(params.get("wait", True), strict=False)
        if leaves or not self._here(variables):
            return super()._execute_module(module_name, module_args, tmp, task_vars, **options)
        name = module_name or self._task.resolved_action
        self._update_module_args(name, params, variables)
        display.vvv(f"Running {name} in this process", host=variables.get("inventory_hostname"))
        output = _run(name.rpartition(".")[2], params)
        return _cleaned(self._parse_returned_data({"rc": 0, "stdout": output, "stderr": ""}, _PROFILE))

    def _here(self, variables: Mapping[str, Any]) -> bool:
        """Whether a process of its own would be a child of this one, of the same user and Python, in the same environment."""
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        return (
            self._connection.transport == "local"
            and self._connection.become is None
            and not self._task.async_val
            and not any(self._task.environment or ())
            and not C.DEFAULT_KEEP_REMOTE_FILES
            and self._interpreter(variables) == os.path.abspath(sys.executable)
            and boolean(self._templar.template(variables.get(SWITCH, True)))
        )

    def _interpreter(self, variables: Mapping[str, Any]) -> str:
        """The Python that the host is said to have; empty when Ansible would have to look for it."""
        path = variables.get("ansible_python_interpreter") or C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        path = str(self._templar.template(path))
        return os.path.abspath(path) if os.path.isabs(path) else ""


class DirectModule(DirectAction, NormalAction):
    """The action of a module that is nothing but its module: Ansible's own, but for how it executes the module."""


def _cleaned(data: Any) -> dict[str, Any]:
    """What a module returned, without what is meant for Ansible alone; core 2.21 has an object of its own for it."""
    if isinstance(data, dict):
        import_module("ansible.vars.clean").remove_internal_keys(data)
        return data
    data.remove_internal_keys()
    return data.as_result_dict(for_round_trip=True)


def _run(name: str, params: Mapping[str, Any]) -> str:
    """Run a module's entry point and give what it printed: its result as JSON."""
    encoder = get_module_encoder(_PROFILE, Direction.CONTROLLER_TO_MODULE)
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": params}, cls=encoder).encode()
    basic._ANSIBLE_PROFILE = _PROFILE
    printed = io.StringIO()
    with redirect_stdout(printed):
        try:
            import_module(f"{_MODULES}.{name}").main()
        except SystemExit:
            pass  # how a module ends
    return printed.getvalue()
