# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents of the catalog as hosts of an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tenancy
short_description: Agents of the catalog as hosts, in groups by tenant, model, agent host, state and label
version_added: 0.1.0
description:
  - Reads the catalog, and only reads. Each agent is a host; its groups are C(llmops_agents), C(tenant_<tenant>), C(model_<model>),
    C(host_<agent host>), C(state_started) or C(state_stopped), and C(label_<label>) by the labels that its host must have (C(affinity)).
    Characters that a group's name can't have become C(_).
  - What the catalog has of an agent stands in variables that begin with C(llmops_), for example C(llmops_tenant), C(llmops_host),
    C(llmops_port), C(llmops_models), C(llmops_memory_limit) in bytes, C(llmops_cpu_limit) in millicpus, C(llmops_endpoint) as seen
    from its agent host, C(llmops_observed), C(llmops_tenant_name).
  - A host is called like its agent. When a host or group of an earlier inventory source has that name already, or it is C(localhost),
    C(all) or C(ungrouped), the host is called like the agent's container, C(ollama-agent-<agent>). A group that would be
    called like a host gets C(_group) behind its name.
  - Values of the catalog are never templated, whatever is in them. Expressions of this file are.
  - How an agent is reached is not set. To run tasks on its agent host, which another source of the inventory describes,
    delegate to C(llmops_host); to run them on the controller, set C(ansible_connection) by O(compose).
  - The file's name ends in C(tenancy.yml) or C(tenancy.yaml).
author:
  - llmops.tenancy contributors (@llmops)
extends_documentation_fragment:
  - llmops.tenancy.catalog.plugin
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Always V(llmops.tenancy.tenancy).
    type: str
    required: true
    choices: [llmops.tenancy.tenancy]
  filters:
    description: Which agents there are; those that fit all that is given. Without it, all.
    type: dict
    default: {}
    suboptions:
      tenants:
        description: Shell patterns of tenants, for example V(empresa-*).
        type: list
        elements: str
      agents:
        description: Shell patterns of agents.
        type: list
        elements: str
      hosts:
        description: Shell patterns of agent hosts.
        type: list
        elements: str
      models:
        description: Shell patterns of models. One without a tag means all its tags.
        type: list
        elements: str
      state:
        description: Only agents that shall be so by their record.
        type: str
        choices: [started, stopped]
  group_by:
    description: Which of the groups are made.
    type: list
    elements: str
    choices: [tenant, model, host, state, label]
    default: [tenant, model, host, state, label]
"""

EXAMPLES = r"""
# inventory/tenancy.yml: the catalog is where LLMOPS_CATALOG_DSN or libpq's own environment says
plugin: llmops.tenancy.tenancy

---
# inventory/gpu.tenancy.yml
plugin: llmops.tenancy.tenancy
catalog_dsn: host=db.example.com dbname=llmops user=llmops_auditor
filters:
  tenants: ['empresa-*']
  models: [phi4-mini]
  state: started
strict: true
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/llmops-inventory
cache_timeout: 60
compose:
  # Tasks against agents run on the controller.
  ansible_connection: "'local'"
keyed_groups:
  - {key: llmops_keep_alive, prefix: keep_alive}
groups:
  large: llmops_memory_limit >= 8 * 1024 ** 3
"""

from typing import Any, Mapping

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, to_safe_group_name

from ansible_collections.llmops.tenancy.plugins.module_utils.catalog import info
from ansible_collections.llmops.tenancy.plugins.module_utils.catalog.session import reading
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options import catalog
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import inventory as fleet
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import values

Records = dict[str, list[dict[str, Any]]]

_FILTERS: dict[str, values.Check] = {
    **dict.fromkeys(("tenants", "agents", "hosts", "models"), lambda value, name: [str(v) for v in values.as_list(value, name)]),
    "state": values.one_of("started", "stopped"),
}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Read the catalog, and hand what it has to the pure logic."""

    NAME = "llmops.tenancy.tenancy"
    # Ansible templates no text of a source that is not trusted: an operator types the names in the catalog, a customer
    # may have chosen them.
    trusted_by_default = False

    def verify_file(self, path: str) -> bool:
        """Whether the file is named as one of this plugin."""
        return super().verify_file(path) and path.endswith(("tenancy.yml", "tenancy.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            filters = values.mapping(self.get_option("filters"), _FILTERS, f"{path}: filters")
            records = self._records(path, cache)
            self._add(fleet.select(records["agents"], filters), records["tenants"], filters)
        except TenancyError as error:
            raise AnsibleParserError(str(error)) from None

    def _records(self, path: str, cache: bool) -> Records:
        """What the catalog has, or had when the cache was filled."""
        key, cached = self.get_cache_key(path), self.get_option("cache")
        if cached and cache:
            try:
                return self._cache[key]
            except KeyError:
                # Nothing there yet, or too old: read, and kept below.
                cache = False
        records = self._read()
        if cached:
            self._cache[key] = records
        return records

    def _read(self) -> Records:
        catalog.GROUP.require()
        with reading(catalog.read({name: self._option(name) for name in catalog.SPEC})) as conn:
            return {"agents": info.agents(conn), "tenants": info.tenants(conn)}

    def _option(self, name: str) -> Any:
        """An option, its expressions filled in: a password comes from a lookup or a vaulted variable."""
        return self.templar.template(self.get_option(name))

    def _add(self, agents: list[Mapping[str, Any]], tenants: list[dict[str, Any]], filters: Mapping[str, Any]) -> None:
        names = fleet.host_names(agents, {*self.inventory.hosts, *self.inventory.groups})
        for name in names.values():
            # All before the first group, whose name must be none of theirs.
            self.inventory.add_host(name)
        kinds, owners = self.get_option("group_by"), {tenant["tenant"]: tenant for tenant in tenants}
        if "tenant" in kinds:
            for tenant in fleet.select_tenants(tenants, filters):
                self.inventory.add_group(self._sanitize_group_name(f"tenant_{tenant}"))
        for agent in agents:
            self._add_agent(names[agent["agent"]], agent, owners.get(agent["tenant"], {}), kinds)

    def _add_agent(self, name: str, agent: Mapping[str, Any], tenant: Mapping[str, Any], kinds: list[str]) -> None:
        known, strict = fleet.variables(agent, tenant), self.get_option("strict")
        for variable, value in known.items():
            self.inventory.set_variable(name, variable, value)
        for group in fleet.groups(agent, kinds):
            self.inventory.add_host(name, self.inventory.add_group(self._sanitize_group_name(group)))
        self._set_composite_vars(self.get_option("compose"), known, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, name, strict=strict)

    def _sanitize_group_name(self, name: str) -> str:
        """A name that is right for a group and no host's: Ansible can't tell the two apart in a pattern."""
        safe = to_safe_group_name(name)
        return f"{safe}_group" if safe in self.inventory.hosts else safe
