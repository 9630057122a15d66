# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft 365 as an operator uses it: the playbook, a tenant's file, many tenants, and onboarding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.graph import Directory, StandIn, tenant
from tests.support.m365 import CLIENT_ID, GROUP_A, SECRET, TENANT, TENANT_ID
from tests.support.site import Site

OTHER_ID = "22222222-2222-3333-4444-555555555555"


@pytest.fixture
def directory() -> Directory:
    """30 users."""
    return tenant(TENANT_ID, 30, CLIENT_ID, SECRET)


@pytest.fixture
def microsoft(directory: Directory, tmp_path: Path) -> Iterator[StandIn]:
    """Microsoft 365 with two tenants."""
    (tmp_path / "tls").mkdir()
    with StandIn(tmp_path / "tls", directory, tenant(OTHER_ID, 5, CLIENT_ID, SECRET)) as servers:
        yield servers


@pytest.fixture
def reach(microsoft: StandIn) -> dict[str, str]:
    """Variables that lead to it."""
    return {
        "m365_client_id": CLIENT_ID,
        "m365_authority_url": microsoft.sign_in.url,
        "m365_graph_url": microsoft.graph.url,
        "m365_ca_path": str(microsoft.ca_path),
    }


def users(site: Site) -> dict[str, tuple[str, str, str]]:
    """Role, source and whether active, by email."""
    return {
        row[0]: (row[1], row[2], row[3]) for row in site.rows("SELECT email, role, source, active FROM llmops.users")
    }


def counts(outcome: Any) -> dict[str, int]:
    """Counts of the tenant in a run."""
    return outcome.result("m365_sync")["tenants"][0]["counts"]


def test_onboarding_synchronises(site: Site, directory: Directory, reach: dict[str, str]) -> None:
    """Check mode says what happens; again nothing changes; then only what changed in the directory."""
    directory.group(GROUP_A, [directory.id_of(0)])
    given = {**reach, "m365_tenant_id": TENANT_ID, "m365_role_mapping": {GROUP_A: "admin"}}
    site.write_tenant(TENANT, {**given, "users": [{"email": "boss@empresa.example", "role": "admin"}]})
    secret = {"AZURE_CLIENT_SECRET": SECRET}
    predicted = site.onboard(TENANT, "--check", "--diff", env=secret).ok()
    assert counts(predicted)["added"] == 30 and users(site) == {}
    done = site.onboard(TENANT, env=secret).ok()
    assert counts(done) == counts(predicted)
    assert len(users(site)) == 31 and users(site)["user0@empresa.example"] == ("admin", "m365", "t")
    assert users(site)["boss@empresa.example"] == ("admin", "manual", "t")
    again = site.run("onboard_tenant", tenant=TENANT, env=secret).ok()
    assert again.changed == 0 and again.result("m365_sync")["tenants"][0]["mode"] == "delta"
    directory.remove(directory.id_of(3))
    assert site.run("onboard_tenant", tenant=TENANT, env=secret).ok().changed == 1
    assert users(site)["user3@empresa.example"] == ("viewer", "m365", "f")
    assert SECRET not in predicted.run.output + done.run.output


def test_onboarding_without_credentials_says_so_and_goes_on(site: Site) -> None:
    first = site.onboard(TENANT, m365_tenant_id=TENANT_ID).ok()
    assert "were not synchronised from Microsoft 365: no Microsoft 365 credentials were given" in " ".join(
        first.run.output.split()
    )
    assert site.run("onboard_tenant", tenant=TENANT).ok().changed == 0
    assert "Microsoft 365" not in site.onboard("plain-corp").ok().run.stderr


def test_playbook(site: Site, directory: Directory, reach: dict[str, str]) -> None:
    site.env["AZURE_CLIENT_SECRET"] = SECRET
    site.database.sql(
        f"INSERT INTO llmops.tenants (tenant, name, m365_tenant_id) VALUES ('{TENANT}', 'E', '{TENANT_ID}')"
    )
    assert counts(site.run("sync_m365", tenant=TENANT, **reach).ok())["added"] == 30
    again = site.run("sync_m365", tenant=TENANT, **reach).ok()
    assert again.changed == 0 and len([task for task in again.tasks if task.reached_host]) == 1
    directory.set(directory.id_of(1), displayName="Renamed")
    assert counts(site.run("sync_m365", tenant=TENANT, **reach).ok())["changed"] == 1
    for number in range(2, 12):
        directory.remove(directory.id_of(number))
    stopped = site.run("sync_m365", tenant=TENANT, **reach)
    assert stopped.run.rc != 0 and "10 of 30 active" in stopped.error and "allow_deactivations=true" in stopped.error
    assert site.run("sync_m365", tenant=TENANT, m365_allow_deactivations=True, **reach).ok().changed == 1
    actor = site.rows("SELECT DISTINCT run LIKE 'sync_m365-%' FROM llmops.audit WHERE entity = 'users'")
    assert actor == [["t"]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tenant": TENANT, "m365_moode": "full"}, "Did you mean 'm365_mode'"),
        ({"tenant": TENANT, "m365_mode": "half"}, "m365_mode"),
        ({"tenant": TENANT, "m365_role_mapping": "group:owner"}, "m365_role_mapping"),
        ({"tenant": TENANT, "m365_full_every": "9"}, "m365_full_every"),
        ({}, "tenant"),
        ({"tenant": TENANT, "m365_tenants": [{"tenant": "other-corp"}]}, "m365_tenants and tenant=empresa-corp"),
        ({"m365_tenants": [{"tenant": TENANT, "client_secert": SECRET}]}, "Did you mean 'client_secret'"),
        ({"m365_tenants": [f"tenant={TENANT} client_secret={SECRET}"]}, "m365_tenants[0] is not a mapping"),
    ],
    ids=["misspelled", "mode", "role", "number", "nothing", "both", "misspelled-entry", "text"],
)
def test_bad_input_is_one_clear_line(site: Site, given: dict[str, Any], words: str) -> None:
    """With a secret in it, too: nothing shows it."""
    variables = site.folder / "given.yml"
    variables.write_text(json.dumps(given))
    outcome = site.run("sync_m365", "-e", f"@{variables}", "-vvv")
    assert outcome.run.rc != 0 and words in outcome.error and "Traceback" not in outcome.run.output
    assert SECRET not in outcome.run.output


def test_secret_in_the_tenants_file_is_refused(site: Site) -> None:
    site.write_tenant(TENANT, {"m365_client_secret": SECRET})
    for playbook in ("sync_m365", "onboard_tenant"):
        outcome = site.run(playbook, "-vvv", tenant=TENANT)
        assert outcome.run.rc != 0 and "vaulted file" in outcome.error and SECRET not in outcome.run.output


def test_many_tenants_in_one_run(site: Site, reach: dict[str, str], tmp_path: Path) -> None:
    site.env["AZURE_CLIENT_SECRET"] = SECRET
    for name, known in (
        (TENANT, TENANT_ID),
        ("broken-corp", "33333333-2222-3333-4444-555555555555"),
        ("other-corp", OTHER_ID),
    ):
        site.database.sql(
            f"INSERT INTO llmops.tenants (tenant, name, m365_tenant_id) VALUES ('{name}', 'E', '{known}')"
        )
    where = {name.removeprefix("m365_"): value for name, value in reach.items()}
    fleet = [{"tenant": name, **where} for name in (TENANT, "broken-corp", "other-corp")]
    site.env.pop("AZURE_CLIENT_SECRET")
    given = tmp_path / "fleet.yml"
    given.write_text(json.dumps({"m365_tenants": [{**entry, "client_secret": SECRET} for entry in fleet]}))
    outcome = site.run("sync_m365", "-e", f"@{given}", "-vvv", "--diff", m365_fail_at_end=False).ok()
    assert SECRET not in outcome.run.output
    assert site.rows("SELECT DISTINCT run LIKE 'sync_m365-%' FROM llmops.audit WHERE entity = 'users'") == [["t"]]
    site.env["AZURE_CLIENT_SECRET"] = SECRET
    assert outcome.result("m365_sync")["failed_tenants"] == ["broken-corp"]
    assert site.rows("SELECT tenant, count(*) FROM llmops.users GROUP BY tenant ORDER BY tenant") == [
        [TENANT, "30"],
        ["other-corp", "5"],
    ]
    failed = site.run("sync_m365", m365_tenants=fleet)
    assert failed.run.rc != 0 and "1 of 3 tenants failed" in failed.error
