# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolves what an operator asked for: extra variables, the tenant's file, variables of the play. Reaches no host."""

from __future__ import annotations

import os
import time
from itertools import chain
from typing import Any, Iterator, Mapping

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import capacity, resolve
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import FLOWS, Flow
from ansible_collections.llmops.tenancy.plugins.plugin_utils.role_options import ROOT, options_of
from ansible_collections.llmops.tenancy.plugins.plugin_utils.tenant_folders import SUFFIXES, tenant_folders

ROLES = ("tenant", "agent", "offboard", "m365", "move")


class ActionModule(ActionBase):
    """Read the sources of settings and hand them to the pure logic."""

    TRANSFERS_FILES = False
    _requires_connection = False
    FLOWS: tuple[str, ...] = tuple(name for name in FLOWS if name not in ("drift", "reconcile"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Checked settings, or one line that says what is wrong with them."""
        result = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "flow": {"type": "str", "choices": list(self.FLOWS), "default": self.FLOWS[0]},
                "known": {"type": "list", "elements": "str", "default": []},
            }
        )
        try:
            return {**result, "changed": False, **self._settings(FLOWS[options["flow"]], options["known"], task_vars or {})}
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}

    def _settings(self, flow: Flow, known: list[str], task_vars: dict[str, Any]) -> dict[str, Any]:
        extra_names = load_extra_vars(self._loader)
        resolve.refuse_unknown_extra(extra_names, flow, chain(known, self._role_options()))
        seen = {name: self._value(name) for name in flow.names if name in task_vars}
        extra = resolve.Layer("the extra variables", {name: seen[name] for name in seen if name in extra_names})
        play = resolve.Layer("the variables of the play", {name: seen[name] for name in seen if name not in extra_names})
        tenant = resolve.read_tenant([extra, play], flow)
        layers = [extra, *self._file_layers(flow, tenant, task_vars), play]
        hosts = self._agent_hosts(task_vars)
        return {
            **resolve.resolve(flow, layers, [host["name"] for host in hosts]),
            "agent_hosts": hosts,
            "started": time.time(),
            "audit_run": self._run_id(flow, task_vars),
            "audit_actor": self._first("audit_actor", "awx_user_name", "tower_user_name", task_vars=task_vars),
        }

    def _value(self, name: str) -> Any:
        """A variable's value, with its templates filled in."""
        return self._templar.resolve_variable_expression(name)

    def _role_options(self) -> Iterator[str]:
        """Options of the roles that the playbooks are made of: known, too."""
        for role in ROLES:
            yield from self._options(role)

    def _file_layers(self, flow: Flow, tenant: str, task_vars: Mapping[str, Any]) -> list[resolve.Layer]:
        """The tenant's file beside the inventory, if there is one."""
        if not flow.file:
            return []
        paths = list(self._tenant_files(tenant, task_vars))
        resolve.refuse_several(tenant, paths)
        return [resolve.Layer(path, self._read_file(path, tenant, flow)) for path in paths]

    def _tenant_files(self, tenant: str, task_vars: Mapping[str, Any]) -> Iterator[str]:
        """Paths of ``tenants/<tenant>.yml``."""
        seen = set()
        for folder in tenant_folders(task_vars):
            for suffix in SUFFIXES:
                path = os.path.realpath(os.path.join(folder, tenant + suffix))
                if os.path.isfile(path) and path not in seen:
                    seen.add(path)
                    yield path

    def _read_file(self, path: str, tenant: str, flow: Flow) -> Mapping[str, Any]:
        """A tenant's file, decrypted if it is vaulted, with its templates filled in as in group_vars."""
        try:
            # It is nobody else's, so it needs no copy, which takes as long as reading it.
            content = self._loader.load_from_file(path, cache="none", unsafe=True, trusted_as_template=True)
            content = self._templar.template(content)
        except Exception as error:
            raise TenancyError(
                f"{path} can't be read", cause=str(error), remedy="Correct the file", kind="invalid_file"
            ) from error
        return resolve.check_file(content, path, tenant, flow)

    def _agent_hosts(self, task_vars: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The inventory group ``agent_hosts`` with the capacities its hosts' variables tell."""
        names = task_vars["groups"].get("agent_hosts") or ["localhost"]
        # Each look into hostvars gathers all variables of a host anew.
        return [capacity.agent_host(name, task_vars["hostvars"][name]) for name in names]

    def _options(self, role: str) -> dict[str, dict[str, Any]]:
        """Options of a role, of all its entry points."""
        return options_of(self._loader, ROOT / "roles" / role)

    def _run_id(self, flow: Flow, task_vars: Mapping[str, Any]) -> str:
        """One name for all audit rows of this run: AWX's job id, or the playbook and when it began."""
        given = self._first("audit_run", task_vars=task_vars) or os.environ.get("LLMOPS_AUDIT_RUN", os.environ.get("JOB_ID"))
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return given or f"{flow.playbook}-{stamp}-{os.getppid()}"

    def _first(self, *names: str, task_vars: Mapping[str, Any]) -> str:
        """The first of these variables that has a value, or an empty string."""
        found = (self._value(name) for name in names if name in task_vars)
        return next((str(value) for value in found if value), "")
