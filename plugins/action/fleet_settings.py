# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolves what an operator asked of the fleet: its variables, and all files of tenants. Reaches no host."""

from __future__ import annotations

import os
import time
from itertools import chain
from typing import Any, Iterable, Iterator, Mapping

from ansible.utils.vars import load_extra_vars

from ansible_collections.llmops.tenancy.plugins.action.tenant_settings import ActionModule as TenantSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import retry
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.selection import Selection, patterns
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import resolve, values
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows import FLOWS, Flow
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.hosts import check_variables
from ansible_collections.llmops.tenancy.plugins.plugin_utils.role_options import ROOT
from ansible_collections.llmops.tenancy.plugins.plugin_utils.tenant_folders import SUFFIXES, tenant_folders

ROLES = ("tenant", "agent", "fleet")
# What an extra variable selects is, as a variable of the inventory, a default of new agents.
ONLY_EXTRA = ("tenants", "agent_host", "retry")
# Options of the roles that a playbook about the fleet does not read: the roles hand some on to each other, others are what
# another playbook is for.
HANDED_ON = {"agent_records", "agent_actions", "agent_flow", "agent_tenants", "agent_synchronised"}
ELSEWHERE = {"agent_renew": "onboard_tenant", "agent_migrate": "migrate_to_store"}


class ActionModule(TenantSettings):
    """Read all sources of settings and hand them to the pure logic; a bad file is its tenant's failure."""

    FLOWS = ("drift", "reconcile")

    def _settings(self, flow: Flow, known: list[str], task_vars: dict[str, Any]) -> dict[str, Any]:
        extra_names = load_extra_vars(self._loader)
        _refuse_elsewhere(extra_names, flow)
        resolve.refuse_unknown_extra(extra_names, flow, chain(known, self._role_options()))
        extra = {name: self._value(name) for name in flow.names if name in extra_names}
        named = {name: self._value(name) for name in flow.names if name in task_vars and name not in {*extra_names, *ONLY_EXTRA}}
        hosts = self._agent_hosts(task_vars)
        self._check_variables([host["name"] for host in hosts], known, task_vars)
        layers = [resolve.Layer("the extra variables", extra), resolve.Layer("the variables of the play", named)]
        asked = resolve.resolve(flow, layers, [host["name"] for host in hosts])
        if values.is_given(extra.get("tenants")):
            asked["tenants"] = patterns(extra["tenants"])
        asked["retry_file"] = asked.get("retry_file", retry.DEFAULT_FILE)
        if asked.get("retry"):
            asked["retried"] = retry.read(asked["retry_file"])
        records, failures = self._records(Selection.of(asked), [host["name"] for host in hosts], extra_names, task_vars)
        return {
            **asked, "records": records, "failures": failures, "agent_hosts": hosts, "started": time.time(),
            "audit_run": self._run_id(flow, task_vars),
            "audit_actor": self._first("audit_actor", "awx_user_name", "tower_user_name", task_vars=task_vars),
        }

    def _role_options(self) -> Iterator[str]:
        """Options of the roles that have a default: what describes one tenant would describe all, and is refused."""
        for role in ROLES:
            defaults = self._loader.load_from_file(str(ROOT / "roles" / role / "defaults" / "main.yml")) or {}
            yield from (name for name in defaults if name not in HANDED_ON)

    def _check_variables(self, hosts: list[str], known: list[str], task_vars: Mapping[str, Any]) -> None:
        """Refuse on the controller, before anything is asked, what role agent would refuse on a host."""
        options = self._options("agent")
        for host in hosts:
            check_variables(host, task_vars["hostvars"][host], options, known)

    def _records(
        self, selection: Selection, hosts: list[str], extra_names: Mapping[str, Any], task_vars: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """An entity for the module ``tenant`` of each file, and what is wrong with the others."""
        onboard = FLOWS["onboard"]
        names = [name for name in onboard.names if name in task_vars and name not in {*extra_names, "tenant"}]
        play = resolve.Layer("the variables of the play", {name: self._value(name) for name in names})
        records, failures = [], []
        for tenant, paths in sorted(self._all_files(task_vars).items()):
            if not selection.wants(tenant):
                continue
            try:
                resolve.refuse_several(tenant, paths)
                content = self._read_file(paths[0], values.slug(tenant, "tenant"), onboard)
                layers = [resolve.Layer(paths[0], {**content, "tenant": tenant}), play]
                records.append(resolve.resolve(onboard, layers, hosts)["record"])
            except TenancyError as error:
                failures.append({"tenant": tenant, "file": paths[0], **error.as_result()})
        return records, failures

    def _all_files(self, task_vars: Mapping[str, Any]) -> dict[str, list[str]]:
        """Paths by tenant."""
        found: dict[str, list[str]] = {}
        for folder in tenant_folders(task_vars):
            for entry in os.scandir(folder):
                tenant, suffix = os.path.splitext(entry.name)
                if suffix in SUFFIXES and not tenant.startswith(".") and entry.is_file():
                    paths = found.setdefault(tenant, [])
                    paths += [path for path in [os.path.realpath(entry.path)] if path not in paths]
        return found


def _refuse_elsewhere(names: Iterable[str], flow: Flow) -> None:
    for name in sorted(ELSEWHERE.keys() & set(names)):
        raise TenancyError(
            f"{flow.playbook} does not take the variable '{name}'",
            cause=f"that is what {ELSEWHERE[name]} is for",
            remedy=f"Leave it out here, and run {ELSEWHERE[name]} for those that it is about",
            kind="unknown_variable",
            unknown=[name],
        )
