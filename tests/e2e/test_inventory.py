# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin on a real catalog, by ``ansible-inventory`` and by a play. `make test` runs it with both cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ansible import run_playbook
from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.settings import ROOT

HOSTILE = "{{ lookup('pipe', 'touch %s') }}"


@pytest.fixture
def catalog(postgres: Postgres, make_database: Callable[..., Database]) -> Catalog:
    """Two tenants with three agents, and one without."""
    catalog = make_catalog(postgres, make_database)
    catalog.ok("tenant", agent_hosts=[{"name": "gpu-01", "labels": ["gpu=a100"]}, {"name": "gpu-02"}], tenants=[
        {"tenant": "acme", "name": "Acme", "agents": [
            {
                "agent": "acme", "host": "gpu-01", "models": ["phi4-mini"], "memory_limit": "8g", "affinity": ["gpu=a100"],
            },
            {"agent": "acme-lab", "host": "gpu-02", "models": ["llama3.2:3b", "phi4-mini"], "desired_state": "stopped"},
        ]},
        {"tenant": "beta-corp", "agents": [{"agent": "gpu-01", "host": "gpu-01", "port": 12000, "bind_address": "0.0.0.0"}]},
        {"tenant": "empty"},
    ])
    return catalog


class Inventory:
    """Inventory files in a folder, read by ``ansible-inventory``."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder = folder
        self.env = {
            **os.environ, "LLMOPS_CATALOG_DSN": catalog.database.dsn, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        }

    def write(self, name: str = "tenancy.yml", **options: Any) -> Path:
        """Write a file of the plugin."""
        path = self.folder / name
        path.write_text(yaml.safe_dump({"plugin": "llmops.tenancy.tenancy", **options}))
        return path

    def run(self, *args: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``ansible-inventory`` on the folder."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(self.folder), *map(str, args)],
            capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env={**self.env, **(env or {})},
        )

    def listed(self, *args: str) -> dict[str, Any]:
        """What ``--list`` says, less the marks of values that are never templated."""
        done = self.run("--list", *args)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout, object_hook=lambda found: found.get("__ansible_unsafe", found))


@pytest.fixture
def inventory(tmp_path: Path, catalog: Catalog) -> Inventory:
    """An empty folder for inventory files, and the environment that leads to the catalog."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    return Inventory(folder, catalog)


def members(listed: dict[str, Any]) -> dict[str, list[str]]:
    """Hosts of each group that has any."""
    return {name: group["hosts"] for name, group in listed.items() if "hosts" in group}


def test_agents_are_hosts_in_groups(inventory: Inventory) -> None:
    """Groups, variables, names that are taken, expressions, filters, and a tenant that has no agent."""
    (inventory.folder / "a-machines.yml").write_text(yaml.safe_dump({"agent_hosts": {"hosts": {"gpu-01": {"rack": 7}}}}))
    inventory.write(
        "b-tenancy.yml", strict=True, compose={"ansible_connection": "'local'", "gib": "llmops_memory_limit / 1024 ** 3"},
        keyed_groups=[{"key": "llmops_tenant", "prefix": "", "separator": ""}], groups={"large": "llmops_memory_limit > 7 * 1024 ** 3"},
    )
    listed = inventory.listed()
    machine = "ollama-agent-gpu-01"
    assert members(listed) == {
        "agent_hosts": ["gpu-01"],
        "llmops_agents": ["acme", "acme-lab", machine],
        "tenant_acme": ["acme", "acme-lab"], "tenant_beta_corp": [machine],
        "model_phi4_mini": ["acme", "acme-lab", machine], "model_llama3_2_3b": ["acme-lab"],
        "host_gpu_01": ["acme", machine], "host_gpu_02": ["acme-lab"],
        "state_started": ["acme", machine], "state_stopped": ["acme-lab"], "label_gpu_a100": ["acme"],
        # The group that the key asks for is called like a host.
        "acme_group": ["acme", "acme-lab"], "beta_corp": [machine], "large": ["acme"],
    }
    assert "tenant_empty" in listed["all"]["children"]
    hostvars = listed["_meta"]["hostvars"]
    assert hostvars["gpu-01"] == {"rack": 7}
    expected = {"llmops_agent": "gpu-01", "llmops_host": "gpu-01", "llmops_endpoint": "http://127.0.0.1:12000", "gib": 6.0}
    assert {name: hostvars[machine][name] for name in expected} == expected
    assert (hostvars["acme"]["llmops_tenant_name"], hostvars["acme"]["llmops_models"]) == ("Acme", ["phi4-mini"])
    graph = inventory.run("--graph", "tenant_acme")
    assert graph.stdout.split() == ["@tenant_acme:", "|--acme", "|--acme-lab"] and not graph.stderr

    inventory.write("b-tenancy.yml", filters={"tenants": ["a*"], "models": ["phi4-mini"], "state": "started"}, group_by=["host"])
    assert members(inventory.listed()) == {"agent_hosts": ["gpu-01"], "llmops_agents": ["acme"], "host_gpu_01": ["acme"]}


def test_values_of_the_catalog_are_never_templated(inventory: Inventory, catalog: Catalog, tmp_path: Path) -> None:
    """Not in the listing, not by an expression, not in a play, and not from the cache."""
    marker = tmp_path / "templated"
    hostile = HOSTILE % marker
    catalog.ok("tenant", tenant="acme", name=hostile)
    catalog.sql("ALTER TABLE llmops.agents DROP CONSTRAINT agents_host_valid")
    catalog.sql(f"UPDATE llmops.agents SET host = $${hostile}$$, models = ARRAY[$${hostile}$$], image = $${hostile}$$ WHERE agent = 'acme'")
    inventory.write(
        compose={"copied": "llmops_tenant_name", "ansible_connection": "'local'"}, strict=True,
        keyed_groups=[{"key": "llmops_host", "prefix": "on", "parent_group": "parents"}], groups={"named": "llmops_tenant_name != ''"},
        cache=True, cache_plugin="ansible.builtin.jsonfile", cache_connection=str(tmp_path / "cache"),
    )
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "acme", "gather_facts": False, "tasks": [
        {"name": "Show", "ansible.builtin.debug": {"msg": "{{ [copied, llmops_tenant_name, llmops_host] + llmops_models }}"}},
    ]}]))
    for reading in ("from the catalog", "from the cache"):
        found = json.loads(inventory.run("--list").stdout)["_meta"]["hostvars"]["acme"]
        values = [found["llmops_tenant_name"], found["llmops_host"], *found["llmops_models"], found["llmops_image"], found["copied"]]
        assert values == [{"__ansible_unsafe": hostile}] * 5, reading
        shown = run_playbook(["-i", str(inventory.folder), str(play)], env={"LLMOPS_CATALOG_DSN": catalog.database.dsn}).ok()
        assert shown.stdout.count("lookup(") == 4
        assert not marker.exists()


def test_the_cache_serves_until_it_is_flushed(inventory: Inventory, catalog: Catalog, tmp_path: Path) -> None:
    inventory.write(cache=True, cache_plugin="ansible.builtin.jsonfile", cache_connection=str(tmp_path / "cache"))
    assert "acme" in members(inventory.listed())["llmops_agents"]
    catalog.ok("tenant_agent", tenant="acme", agent="acme", state="absent")
    assert "acme" in members(inventory.listed())["llmops_agents"]
    assert "acme" not in members(inventory.listed("--flush-cache"))["llmops_agents"]
    assert "acme" not in members(inventory.listed())["llmops_agents"]


def test_what_is_wrong_is_one_clear_line(inventory: Inventory, catalog: Catalog) -> None:
    """A catalog that does not answer, a wrong password, a filter that is none; never a password, never a traceback."""
    cases = [
        ({"catalog_dsn": "host=127.0.0.1 port=9 dbname=llmops password=s3cret!"}, ["127.0.0.1:9", "no PostgreSQL answers there"]),
        ({"catalog_dsn": "{{ 'host=127.0.0.1 port=' ~ 9 }}"}, ["127.0.0.1:9"]),
        ({"catalog_dsn": "postgresql://u:s3cret!@h:x/llmops"}, ["catalog_dsn is not a libpq connection string"]),
        ({"catalog_dsn": catalog.database.tcp_dsn(), "catalog_password": "s3cret!"}, ["the password is wrong or missing"]),
        ({"filters": {"tenant": ["acme"]}}, ["unknown key 'tenant'", "Did you mean 'tenants'?"]),
        ({"filters": {"state": "running"}}, ["not one of started, stopped"]),
        ({"strict": True, "compose": {"x": "no_such_variable"}}, ["Could not set x for host acme"]),
    ]
    for options, said in cases:
        inventory.write(**options)
        done = inventory.run("--list")
        assert done.returncode != 0 and "s3cret" not in done.stdout + done.stderr and "Traceback" not in done.stderr
        text = " ".join(done.stderr.split())
        assert all(part in text for part in said), text


def test_a_thousand_agents(inventory: Inventory, catalog: Catalog) -> None:
    """All of them in one read of the catalog, with an expression for each."""
    catalog.ok("tenant", agent_hosts=[{"name": "gpu-03"}], tenants=[
        {"tenant": f"many-{number:03}", "agents": [{"agent": f"many-{number:03}-{part}", "host": "gpu-03"} for part in range(4)]}
        for number in range(250)
    ])
    inventory.write(strict=True, compose={"gib": "llmops_memory_limit // 1024 ** 3"}, keyed_groups=[{"key": "llmops_keep_alive"}])
    found = members(inventory.listed())
    assert len(found["llmops_agents"]) == 1003 and len(found["tenant_many_007"]) == 4 and len(found["_5m"]) == 1003
