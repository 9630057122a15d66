# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several agent hosts: one that is down, slow or full keeps no other from its work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.hosts import agent_hosts
from tests.support.site import Outcome, Site

GO = {"max_disruption": 100, "max_disruption_percent": 100}
HOSTS = ("gpu-01", "gpu-02", "gpu-03")
TENANTS = [f"{place}-{host}" for host in HOSTS for place in ("first", "second")]


def write(site: Site, tenants: list[str], **content: Any) -> None:
    for tenant in tenants:
        site.write_tenant(tenant, {"model": "demo", "memory_limit": "128m", "agent_host": tenant[-6:], **content})


def told(outcome: Outcome) -> tuple[set[str], dict[str, set[str]]]:
    """Tenants that were changed, and the kinds of failures of those that failed."""
    report = outcome.result("fleet_report")
    kinds = {each["tenant"]: {failure["error"]["kind"] for failure in each["failures"]} for each in report["tenants_failed"]}
    return {each["tenant"] for each in report["tenants_changed"]}, kinds


@pytest.mark.timeout(900)
def test_hosts_in_trouble(site: Site) -> None:
    with agent_hosts(*HOSTS, disks={"gpu-03": 400}) as hosts:
        one, two, three = hosts

        def inventory(**instead: dict[str, Any]) -> None:
            members = {host.name: instead.get(host.name.replace("-", "_"), host.variables) for host in hosts}
            site.write_inventory(members, retry_file=str(site.folder / "left.json"), agent_model_store_min_free="1m")

        inventory()
        write(site, TENANTS)
        site.run("reconcile").ok()
        for host in hosts:
            assert len(host.engine.docker("ps", "--quiet").split()) == 2
        assert site.run("reconcile").ok().changed == 0

        # One host is down, one answers slowly; the others' tenants are brought about, and the run fails at its end.
        two.slow_down(1.0)
        inventory(gpu_01=one.unreachable)
        write(site, TENANTS, cpu_limit="0.5")
        changed, failed = told(site.run("reconcile"))
        assert failed == {tenant: {"host_unreachable"} for tenant in TENANTS[:2]}
        # The records of all were written; what the host that is down lacks is done once it is back.
        assert changed == set(TENANTS)
        # Even slower, it is still told how it is, beside an engine that is down.
        two.slow_down(5.0)
        one.engine.kill()
        inventory()
        file = site.folder / "drift.json"
        assert site.run("drift", output="json", output_file=str(file)).run.rc == 2
        statuses = {tenant["tenant"]: tenant["status"] for tenant in json.loads(file.read_text())["tenants"]}
        assert statuses == {tenant: "unreachable" if tenant in TENANTS[:2] else "in_sync" for tenant in TENANTS}
        two.slow_down(0)
        inventory()
        one.engine.start()
        changed, failed = told(site.run("reconcile", retry=True))
        assert changed == set(TENANTS[:2]) and failed == {}

        # A disk that is full fails who needs it, with its cause.
        filler = three.fill_disk()
        write(site, ["third-gpu-03", "third-gpu-02"])
        full = site.run("reconcile")
        changed, failed = told(full)
        assert failed == {"third-gpu-03": {"disk_full"}}
        for failure in full.result("fleet_report")["tenants_failed"][0]["failures"]:
            assert failure["host"] == "gpu-03" and "no space left on device" in failure["error"]["cause"].lower()
            assert "Free space" in failure["error"]["remedy"]
        assert "third-gpu-02" in changed
        filler.unlink()
        # Freed, it has what it lacks, also where the engine keeps a network that it could not write.
        changed, failed = told(site.run("reconcile", retry=True))
        assert failed == {}
        assert site.run("reconcile").ok().changed == 0
        # Only one host is asked, and nothing of the others.
        limited = site.run("reconcile", agent_host="gpu-02").ok().result("fleet_report")
        assert limited["unchanged"] == 3
