# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with files of tenants, alone and together, and where; what is right with values that nobody knows yet."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import located, tenant_folder

ALONE = [
    ("", []),
    ("{}", []),
    ("[1]", [(1, 1, "invalid_file")]),
    ("tenant: acme\n", []),
    ("tenant: other\n", [(1, 1, "invalid_file")]),
    ("tenant: '{{ x }}'\n", []),
    ("modle: x\nmodel: a b\n", [(1, 1, "unknown_key"), (2, 1, "invalid_model")]),
    ("5: x\n", [(1, 1, "unknown_key")]),
    ("users:\n  - ana@x.example:admin\n  - {email: ANA@x.example}\n", [(1, 1, "duplicate_user")]),
    ("users: {name: x}\n", [(1, 1, "missing_value")]),
    ("users: ['']\n", [(1, 9, "empty_entry")]),
    ("agents: [{agent: a1}, {agent: a1}]\nagent_host: gpu-99\n", [(1, 1, "duplicate_agent"), (2, 1, "unknown_host")]),
    ("agents: [{agent: a1, host: gpu-99}]\n", [(1, 1, "unknown_host")]),
    ("agents: {agent: A}\n", [(1, 10, "invalid_slug")]),
    ("memory_limit: 1g\nmemory_reservation: 2g\n", [(2, 1, "invalid_size")]),
    ("memory_limit: !vault x\nmodle: y\n", [(2, 1, "unknown_key")]),
    ("tenant_name: !unsafe '{{ x }}'\n", []),
    ("tenant_name: !what x\n", [(1, 14, "invalid_file")]),
    ("a: &a {b: *a}\n", [(1, 4, "invalid_file")]),
    ("base: &b {model: a b}\n", [(1, 1, "unknown_key")]),
    ("users: &u [{email: ana@x.example}]\nclear: []\n", []),
    ("tenant_name: x\n---\ntenant_name: y\n", [(2, 1, "invalid_file")]),
    ("tenant_name: \x07\n", [(1, 1, "invalid_file")]),
    ("\ttenant_name: x\n", [(1, 1, "invalid_file")]),
    ("? [a, b]\n: 1\n", [(1, 3, "unknown_key")]),
]


@pytest.mark.parametrize(("text", "expected"), ALONE)
def test_one_file(text: str, expected: list[tuple[int, int, str]]) -> None:
    found = tenant_folder.check([located.parse("acme.yml", "acme", text)], ["gpu-01", "gpu-02"])
    assert [(finding.line, finding.column, finding.kind) for finding in found] == expected, found


TOGETHER = [
    ("agents: [{agent: beta}]\n", "", ["gpu-01"], ["duplicate_agent"]),
    ("model: demo\n", "agents: [{agent: acme}]\n", ["gpu-01"], ["duplicate_agent"]),
    ("agent_port: 12000\n", "agents: [{port: 12000}]\n", ["gpu-01"], ["duplicate_port"]),
    # On which of several hosts an agent goes that names none, only the catalog knows.
    ("agent_port: 12000\n", "agents: [{port: 12000}]\n", ["gpu-01", "gpu-02"], []),
    ("agent_port: 12000\nagent_host: gpu-01\n", "agents: [{port: 12000, host: gpu-02}]\n", ["gpu-01", "gpu-02"], []),
    ("agent_port: 12000\nagent_host: gpu-02\n", "agents: [{port: 12000, host: gpu-02}]\n", ["gpu-01", "gpu-02"], ["duplicate_port"]),
    ("agents: [{agent: !vault x, port: '{{ y }}'}]\n", "agents: [{agent: !vault x, port: '{{ y }}'}]\n", ["gpu-01"], []),
    ("tenant_nmae: x\nagents: [{agent: x1}]\n", "agents: [{agent: x1}]\n", ["gpu-01"], ["unknown_key", "duplicate_agent"]),
]


@pytest.mark.parametrize(("acme", "beta", "hosts", "expected"), TOGETHER)
def test_two_files(acme: str, beta: str, hosts: list[str], expected: list[str]) -> None:
    files = [located.parse("acme.yml", "acme", acme), located.parse("beta.yml", "beta", beta)]
    assert [finding.kind for finding in tenant_folder.check(files, hosts)] == expected


def test_two_files_of_one_tenant() -> None:
    files = [located.parse(name, "acme", "") for name in ("a/acme.yml", "b/acme.yaml")]
    [finding] = tenant_folder.check(files, ["gpu-01"])
    assert str(finding) == "b/acme.yaml:1:1: The tenant 'acme' stands in a/acme.yml:1, too. Keep one of the two."
