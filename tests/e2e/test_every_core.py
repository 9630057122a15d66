# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a tenant in short. `make test` runs it with the newest ansible-core; where that is not there, with 2.19."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ollama
from tests.support.ansible import PlaybookRun
from tests.support.engine import Engine
from tests.support.fixtures import Database

TENANT = "every-core"
ASKED = {
    "tenant": TENANT,
    "model": "demo",
    "memory_limit": "512m",
    "cpu_limit": "0.5",
    "users": [{"email": "ana@every.example", "role": "admin"}, {"email": "leo@every.example"}],
}


@pytest.fixture
def play(
    run_playbook: Callable[..., PlaybookRun],
    run_module: Callable[..., object],
    clean_engine: Engine,
    database: Database,
) -> Callable[..., PlaybookRun]:
    """Runs a playbook on an empty engine and an empty catalog."""
    run_module("catalog", {"catalog_dsn": database.dsn}).ok()

    def run(playbook: str, *args: str, **variables: object) -> PlaybookRun:
        given = json.dumps({"catalog_dsn": database.dsn, **variables})
        return run_playbook([f"playbooks/{playbook}.yml", "-e", given, *args]).ok()

    return run


def test_life_of_a_tenant(play: Callable[..., PlaybookRun], clean_engine: Engine, tmp_path: Path) -> None:
    """Check mode, onboarding, again, an answer, a change in place, stop, start, removal."""
    report = tmp_path / "status.json"

    def agents() -> list[dict]:
        play("tenant_status", tenant=TENANT, output="json", output_file=str(report))
        return [agent for tenant in json.loads(report.read_text())["tenants"] for agent in tenant["agents"]]

    assert play("onboard_tenant", "--check", "--diff", **ASKED).changed > 0
    assert clean_engine.docker("ps", "-aq").strip() == ""

    assert play("onboard_tenant", **ASKED).changed > 0
    assert play("onboard_tenant", **ASKED).changed == 0
    # Packed and handed to another Python, as on a remote host, the modules find the same.
    assert play("onboard_tenant", tenant=TENANT, ansible_llmops_direct_execution=False).changed == 0
    (agent,) = agents()
    assert ollama.generate(agent["port"], "demo")

    assert play("onboard_tenant", tenant=TENANT, memory_limit="768m").changed > 0
    assert clean_engine.docker("inspect", "-f", "{{.HostConfig.Memory}}", f"ollama-agent-{TENANT}").strip() == str(768 * 1024**2)

    assert play("stop_agent", tenant=TENANT).changed > 0
    assert play("start_agent", tenant=TENANT).changed > 0
    assert ollama.generate(agent["port"], "demo")

    play("offboard_tenant", tenant=TENANT, remove_data=True, confirm=TENANT)
    assert clean_engine.docker("ps", "-aq").strip() == ""
    assert clean_engine.docker("volume", "ls", "-q").strip() == ""
