# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses variables that nothing knows, and such as name hosts that the inventory does not have; reaches no host."""

from __future__ import annotations

import os
from typing import Any, Iterator

from ansible.errors import AnsibleActionFail
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import FLOWS, OF_PLAYBOOKS, Flow
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.hosts import check_pattern
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.resolve import refuse_unknown_extra
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.values import is_given
from ansible_collections.llmops.tenancy.plugins.module_utils.unknown_names import refuse_unknown
from ansible_collections.llmops.tenancy.plugins.plugin_utils.role_options import ROOT, options_of


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
                "extra": {"type": "bool", "default": False},
                "hosts": {"type": "list", "elements": "str", "default": []},
            }
        )
        variables = task_vars or {}
        role, known = options["role"], options["options"]
        if role is None or known is None:
            own_role, own_options = self._role_options(variables)
            role, known = role or own_role, own_options if known is None else known
        try:
            refuse_unknown(
                (name for name in variables if name.startswith(f"{role}_")),
                [*known, *options["also"]],
                where=f"Role {role}",
            )
            if options["extra"] and self._is_ours(variables):
                flow = Flow("The playbook", dict.fromkeys(known, is_given), required=())
                refuse_unknown_extra(load_extra_vars(self._loader), flow, self._all_names(options["also"]))
            for name in options["hosts"]:
                self._check_hosts(name, variables)
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}
        return {**result, "changed": False, "role": role, "options": sorted(known)}

    def _is_ours(self, variables: dict[str, Any]) -> bool:
        """Whether the run is of a playbook of this collection: what variables another one takes is for its author to know."""
        return os.path.realpath(variables.get("playbook_dir", "")) == str(ROOT / "playbooks")

    def _all_names(self, also: list[str]) -> Iterator[str]:
        """What any playbook of this collection knows; one that is of another playbook than this is not misspelled."""
        yield from (*also, *OF_PLAYBOOKS, *(name for flow in FLOWS.values() for name in flow.names))
        for specs in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
            yield from options_of(self._loader, specs.parents[1])

    def _check_hosts(self, name: str, variables: dict[str, Any]) -> None:
        """Refuse a host that the inventory does not have, since a play with it would do nothing."""
        pattern = self._templar.resolve_variable_expression(name) if name in variables else None
        if is_given(pattern):
            groups = variables["groups"]
            check_pattern(name, split_host_pattern(pattern), {"localhost", *groups, *groups["all"]})

    def _role_options(self, task_vars: dict[str, Any]) -> tuple[str, list[str]]:
        """Name and options (of all entry points) of the role that the task stands in."""
        if "role_path" not in task_vars:
            raise AnsibleActionFail("llmops.tenancy.check_variables: give 'role' and 'options' when used outside a role")
        return task_vars["ansible_role_name"].split(".")[-1], sorted(options_of(self._loader, task_vars["role_path"]))
