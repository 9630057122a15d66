# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant's file from the catalog's rows: only what a file can say, quoted where YAML would read something else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import export

TENANT = {
    "tenant": "acme", "name": "Acme", "domain": None, "m365_tenant_id": None, "active": True, "quota_agents": 2, "quota_memory": 6 * 1024**3,
    "quota_cpus": 0,
}
AGENT = {"agent": "acme", "tenant": "acme", "host": "gpu-01", "port": 11435, "models": ["demo"], "memory_limit": 1536, "cpu_limit": 500}


def test_contents() -> None:
    """Empty columns, users of Microsoft 365, and a limit of nothing are left out."""
    users = [
        {"email": "ana@x.example", "name": "", "role": "admin", "active": True, "source": "manual"},
        {"email": "leo@x.example", "name": "Leo", "role": "viewer", "active": True, "source": "m365"},
    ]
    assert export.contents(TENANT, users, [{**AGENT, "observed": {"state": "running"}, "memory_reservation": 0}]) == {
        "tenant_name": "Acme", "tenant_active": True, "quota_agents": 2, "quota_memory": "6g",
        "users": [{"email": "ana@x.example", "role": "admin", "active": True}],
        "agents": [{"agent": "acme", "host": "gpu-01", "port": 11435, "models": ["demo"], "memory_limit": "1536b", "cpu_limit": "0.5"}],
    }


VALUES = [
    ("Empresa Corp", "Empresa Corp"), ("yes", '"yes"'), ("6g", "6g"), ("12", '"12"'), ("a: b", '"a: b"'), ("# no", '"# no"'), ("Ana ", '"Ana "'),
    ("{{ x }}", '!unsafe "{{ x }}"'), ("á", '"á"'), ("\U0001f600", '"\U0001f600"'),
    ("a\u2028b", '"a\\U00002028b"'), ("", '""'), ("127.0.0.1", '"127.0.0.1"'), (True, "true"), (7, "7"),
    (["demo", "a:b"], '[demo, "a:b"]'), ({"gpu": "a100"}, "{gpu: a100}"), ("- x", '"- x"'), ("a\\b\"", '"a\\\\b\\""'),
]


@pytest.mark.parametrize(("value", "written"), VALUES)
def test_value(value: Any, written: str) -> None:
    assert export.text({"key": value}).endswith(f"\nkey: {written}\n")


@pytest.mark.parametrize(
    "odd",
    [
        "\U0001f468\u200d\U0001f469", "\U0001f600", "a\xa0\U0001f600", "\ufeffa", "a\x7fb\x85c", "\u2028\u2029",
        "\ud7ff\ue000\uffff", "\U000e0001\U0010ffff",
        "\t\n\r\b\f\x00\x1b", "\\ud83d\\n", "'\"\\/", " a", "~", "null", "0x1f", "1e3", "12:30", "2026-01-01",
        "=", "<<", "a #b", "!unsafe", "*a", "&a", "%a", "@a",
    ],
)
def test_any_text_is_read_back(odd: str) -> None:
    content = {"name": odd, "affinity": {odd: odd}, "models": [odd, "demo"], "users": [{"name": odd}]}
    assert yaml.safe_load(export.text(content).encode()) == content


def test_lists_of_mappings_are_blocks() -> None:
    assert export.text({"agents": [{"agent": "a1", "port": 1}, {"agent": "b1"}]}).endswith(
        "\n\nagents:\n  - agent: a1\n    port: 1\n  - agent: b1\n"
    )
