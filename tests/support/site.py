# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site as an operator has it: an inventory, a catalog of its own, agent hosts, and the playbooks run against them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.ansible import Playbook, PlaybookRun, run_module
from tests.support.engine import Engine
from tests.support.fixtures import Database
from tests.support.settings import ROOT

# Controller-side actions: they reach no host.
CONTROLLER_ONLY = {
    "ansible.builtin.validate_argument_spec", "ansible.builtin.assert", "llmops.tenancy.check_variables",
    "llmops.tenancy.tenant_settings", "llmops.tenancy.tenant_report", "llmops.tenancy.fleet_settings",
    "llmops.tenancy.fleet_report",
}
LOCAL_HOST = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@dataclass(frozen=True)
class Task:
    """What one task did on one host, and the seconds that it took."""

    task: str
    action: str
    host: str
    status: str
    result: dict[str, Any]
    seconds: float

    @property
    def reached_host(self) -> bool:
        """Whether it ran a module."""
        return self.status != "skipped" and self.action not in CONTROLLER_ONLY


@dataclass(frozen=True)
class Outcome:
    """What a run of a playbook did, task by task."""

    run: PlaybookRun
    tasks: list[Task]

    def ok(self) -> Outcome:
        """This outcome, which must not be a failure."""
        self.run.ok()
        return self

    @property
    def changed(self) -> int:
        """Changed tasks of all hosts."""
        return self.run.changed

    @property
    def plan(self) -> list[tuple[str, str, bool, list[Any]]]:
        """Of each module that ran: task, host, whether it changed anything, and its actions.

        Hosts that ran a task side by side stand in the order of their names.
        """
        order = list(dict.fromkeys(task.task for task in self.tasks))
        ran = sorted((task for task in self.tasks if task.reached_host), key=lambda task: (order.index(task.task), task.host))
        return [
            (task.task, task.host, bool(task.result.get("changed")), task.result.get("actions", [])) for task in ran
        ]

    @property
    def actions(self) -> list[str]:
        """All actions of all tasks, in words."""
        return [f"{a['action']} {a['kind']} {a['name']}" for _t, _h, _c, actions in self.plan for a in actions]

    def result(self, action: str) -> dict[str, Any]:
        """The result of the last task of a module, by its short name."""
        return [task.result for task in self.tasks if task.action == f"llmops.tenancy.{action}"][-1]

    @property
    def error(self) -> str:
        """The message of the one task that failed."""
        [failed] = [task.result["msg"] for task in self.tasks if task.status == "failed"]
        return failed


class Site:
    """An inventory with a catalog.

    Args:
        folder: Empty folder for the inventory.
        database: Database with the catalog's schema.
        engine: Docker Engine of all agent hosts.
        hosts: Names of the agent hosts; all of them are this machine.
    """

    def __init__(self, folder: Path, database: Database, engine: Engine, hosts: Sequence[str] = ("localhost",)) -> None:
        self.folder = folder
        self.database = database
        self.engine = engine
        self.inventory = folder / "hosts.yml"
        self.env = {"LLMOPS_CATALOG_DSN": database.dsn, "ANSIBLE_INVENTORY": str(self.inventory)}
        self.write_inventory({name: {} for name in hosts})

    def write_inventory(self, hosts: Mapping[str, Mapping[str, Any]], **variables: Any) -> None:
        """Write the inventory: agent hosts with their variables, and variables of all."""
        members = {name: {**LOCAL_HOST, **host} for name, host in hosts.items()}
        local = {"localhost": {**LOCAL_HOST, **hosts.get("localhost", {})}}
        inventory = {"all": {"hosts": local, "vars": variables, "children": {"agent_hosts": {"hosts": members}}}}
        self.inventory.write_text(yaml.safe_dump(inventory))

    def write_tenant(self, tenant: str, content: Mapping[str, Any]) -> None:
        """Write ``tenants/<tenant>.yml`` beside the inventory."""
        (self.folder / "tenants").mkdir(exist_ok=True)
        (self.folder / "tenants" / f"{tenant}.yml").write_text(yaml.safe_dump(dict(content)))

    def start(
        self, playbook: str, *args: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT, terminal: bool = False,
        **variables: Any,
    ) -> Playbook:
        """Start a playbook by its file's or its full name, and go on."""
        name = playbook if "." in playbook or "/" in playbook else f"playbooks/{playbook}.yml"
        extra = ["-e", json.dumps(variables)] if variables else []
        return Playbook([name, *extra, *args], {**self.env, **dict(env or {})}, cwd, terminal)

    def run(
        self, playbook: str, *args: str, env: Mapping[str, str] | None = None, timeout: float = 600, cwd: Path = ROOT,
        terminal: bool = False, **variables: Any,
    ) -> Outcome:
        """Run a playbook to its end, and record its tasks.

        Args:
            playbook: Name of one of the collection's, a path, or a full name.
            args: Further arguments.
            env: Added to the environment.
            timeout: Seconds until it is killed.
            cwd: Folder it is started in.
            terminal: Whether it writes to a terminal.
            variables: Extra variables.
        """
        log, recording = self.recording()
        started = self.start(playbook, *args, env={**recording, **dict(env or {})}, cwd=cwd, terminal=terminal, **variables)
        return self.outcome(started, log, timeout)

    def outcome(self, started: Playbook, log: Path, timeout: float = 600) -> Outcome:
        """What a run that was started with a `recording` did, once it has ended."""
        run = started.wait(timeout)
        return Outcome(run, [Task(**json.loads(line)) for line in log.read_text().splitlines()])

    def recording(self) -> tuple[Path, dict[str, str]]:
        """A file that gets a line for each task as it ends, and the environment of a run that writes it."""
        log = self.folder / f"tasks-{uuid.uuid4().hex}.jsonl"
        log.touch()
        return log, {
            "LLMOPS_TEST_TASKS": str(log), "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "support" / "callback"),
        }

    def onboard(self, tenant: str, *args: str, **variables: Any) -> Outcome:
        """Onboard a tenant; without ``model`` with the tiny demo model in little memory."""
        small = {"model": "demo", "memory_limit": "512m"} if not {"model", "agents"} & set(variables) else {}
        return self.run("onboard_tenant", *args, **{"tenant": tenant, **small, **variables})

    def record(self, tenant: str, **options: Any) -> None:
        """Have the catalog know a tenant, by module ``tenant`` alone: where a test needs no agent that runs."""
        run_module("tenant", {"catalog_dsn": self.database.dsn, "tenant": tenant, **options}).ok()

    def rows(self, statement: str) -> list[list[str]]:
        """Rows of a query of the catalog."""
        return [line.split("|") for line in self.database.sql(statement).splitlines() if line]

    def ports(self) -> dict[str, int]:
        """Ports that the catalog gave, by agent."""
        return {agent: int(port) for agent, port in self.rows("SELECT agent, port FROM llmops.agents ORDER BY agent")}

    def leftovers(self) -> dict[str, set[str]]:
        """Objects of the engine that no record of the catalog stands for."""
        agents = {f"ollama-agent-{agent}" for [agent] in self.rows("SELECT agent FROM llmops.agents")}
        networks = {f"ollama-tenant-{tenant}" for [tenant] in self.rows("SELECT DISTINCT tenant FROM llmops.agents")}
        listed = {
            "containers": set(self.engine.docker("ps", "--all", "--format", "{{.Names}}").split()) - agents,
            "volumes": set(self.engine.docker("volume", "ls", "--quiet").split()) - agents,
            "networks": {
                name for name in self.engine.docker("network", "ls", "--format", "{{.Name}}").split()
                if name.startswith("ollama-")
            } - networks,
        }
        return {kind: names for kind, names in listed.items() if names}
