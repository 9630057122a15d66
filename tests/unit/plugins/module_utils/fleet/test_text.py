# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports about a thousand tenants: a line for each that was changed, every one that failed by name, the rest counted."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import text

FLEET = [f"tenant-{number:03}" for number in range(1000)]


def action(verb, kind, name, impact="in_place", **fields):
    pairs = {field: {"before": before, "after": after} for field, (before, after) in fields.items()}
    return {"action": verb, "kind": kind, "name": name, "impact": impact, "fields": pairs}


def outcome(changed=(), failed=(), **more):
    return {"tenants_changed": list(changed), "tenants_failed": list(failed), "left": [], "orphans": [], "moving": [], "retry": [], "unchanged": 0, **more}


def made(tenant, users=1):
    container, network = f"ollama-agent-{tenant}", f"ollama-tenant-{tenant}"
    people = [action("create", "tenant user", f"{tenant}/u{number}@{tenant}.example") for number in range(users)]
    return {"tenant": tenant, "actions": [
        action("create", "tenant", tenant), *people, action("create", "agent", tenant), action("create", "network", network),
        action("create", "volume", container), action("create", "container", container), action("start", "container", container),
    ]}


@pytest.mark.parametrize(
    ("tenant", "line"),
    [
        (made("acme"), "create tenant, tenant user u0@acme.example, agent, network, volume, container; start container"),
        (made("acme", 20), "create tenant, 20 tenant users, agent, network, volume, container; start container"),
        (
            {"tenant": "acme", "actions": [
                action("update", "container", "ollama-agent-chat", memory_limit=(1024**3, 2 * 1024**3)),
                action("switch", "view", "ollama-agent-acme", "restart", models=([], ["demo"])),
            ]},
            "update container chat (memory_limit 1.0 GiB -> 2.0 GiB); switch view (models - -> demo)",
        ),
    ],
)
def test_what_was_done_to_a_tenant_is_one_line(tenant, line):
    assert text.reconciled(outcome([tenant]), 1.0)[0] == f"Changed    acme  {line}"


def test_a_thousand_that_changed_are_a_thousand_lines():
    lines = text.reconciled(outcome([made(tenant) for tenant in FLEET], unchanged=3), 60.0)
    assert len(lines) == 1002
    assert [line[11:21] for line in lines[:1000]] == FLEET
    assert lines[-2:] == ["Tenants    1000 changed, 0 failed, 3 unchanged", "Took       60.0 s"]


def test_all_that_failed_of_one_cause_are_named():
    failure = {"msg": "Agent host gpu-02 can't be asked: no route.", "error": {"kind": "host_unreachable"}}
    failed = [{"tenant": tenant, "failures": [failure, failure]} for tenant in FLEET]
    lines = text.reconciled(outcome(failed=failed, retry=FLEET), 60.0)
    assert lines[0] == "Failed     1000 tenants: Agent host gpu-02 can't be asked: no route."
    named = lines[1:-3]
    assert " ".join(named).replace(",", "").split() == FLEET and max(map(len, named)) <= 120
    assert lines[-3] == "Tenants    0 changed, 1000 failed, 0 unchanged"


def test_of_a_tenant_that_is_missing_whole_its_record_is_told():
    def missing(thing):
        return {"object": thing, "field": "", "from": "missing", "to": "made", "impact": "in_place"}

    tenants = [
        {"tenant": tenant, "status": "missing", "failures": [],
         "differences": [missing(f"record of tenant {tenant}"), missing(f"record of agent {tenant}"), missing("container c")]}
        for tenant in FLEET
    ]
    counts = {"in_sync": 0, "different": 0, "missing": 1000, "unreachable": 0, "failed": 0, "orphans": 0, "moving": 0}
    lines = text.drift({"tenants": tenants, "orphans": [], "moving": [], "counts": counts}, 1.0)
    assert len(lines) == 1000 + 4
    assert lines[1].split() == ["tenant-000", "missing", "record", "of", "tenant", "tenant-000", "missing", "made", "in_place"]
