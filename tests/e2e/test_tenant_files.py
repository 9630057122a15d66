# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of tenants: checked offline, written from the catalog, and read back by an onboarding that changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.support.settings import ROOT
from tests.support.site import Site

SCHEMA = jsonschema.Draft7Validator(json.loads((ROOT / "schemas" / "tenant.schema.json").read_text()))
FILES = {
    "acme.yml": "tenant_nmae: Acme\nmemory_limit: 6q\nusers:\n  - {email: ana@x.example, role: boss}\n  - name: nobody\n",
    "beta.yml": "agents:\n  - agent: shared\n    prot: 1\n  - {agent: beta, port: 11450}\n",
    "beta.yaml": "",
    "gamma.yml": "tenant_name: '{{ anything }}'\nquota_agents: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3131\nagents:\n  - {agent: shared, port: 11450}\n",
    "delta.yml": "agents: [{agent: d, memory_limit: 1g, memory_reservation: 2g}]\nclear: [tenant]\nclear: [tenant_name]\n",
    "Bad Name.yml": "{}\n",
    "cut.yml": "users: [ana@x.example\nagents: []\n",
}
FOUND = [
    ("Bad Name.yml", 1, 1, "'Bad Name' is not a valid name"),
    ("acme.yml", 1, 1, "Did you mean 'tenant_name'?"),
    ("acme.yml", 2, 1, "'6q' is not a size"),
    ("acme.yml", 4, 28, "'boss' is not one of admin"),
    ("acme.yml", 5, 5, "users[1] has no email"),
    ("beta.yml", 1, 1, "The tenant 'beta' stands in"),
    ("beta.yml", 3, 5, "Did you mean 'port'?"),
    ("cut.yml", 2, 7, "This is not YAML"),
    ("delta.yml", 3, 1, "The key 'clear' stands in line 2, too"),
    ("gamma.yml", 6, 6, "The agent 'shared' stands in"),
    ("gamma.yml", 6, 21, "Port 11450 on localhost stands in"),
]


def vault(path: Path, password: Path) -> None:
    """Encrypt a file as a whole."""
    command = [str(Path(sys.executable).with_name("ansible-vault")), "encrypt", "--vault-password-file", str(password), str(path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def test_every_fault_of_every_file_in_one_run(site: Site, tmp_path: Path) -> None:
    """With file, line and column, without a catalog or a host; vaulted files with and without their password."""
    folder = site.folder / "tenants"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    password = tmp_path / "password"
    password.write_text("open sesame")
    (folder / "secret.yml").write_text("tenant_name: s3cret\nmodle: x\n")
    vault(folder / "secret.yml", password)
    offline = {"LLMOPS_CATALOG_DSN": "host=127.0.0.1 port=9", "DOCKER_HOST": "tcp://127.0.0.1:9"}

    outcome = site.run("validate_tenants", env=offline)
    result = outcome.result("tenant_files")
    found = [(Path(f["file"]).name, f["line"], f["column"], f["message"]) for f in result["findings"]]
    assert [(name, line, column) for name, line, column, _text in found] == [(name, line, column) for name, line, column, _text in FOUND]
    assert all(said in text for (*_place, text), (*_expected, said) in zip(found, FOUND))
    assert outcome.run.rc != 0 and f"{folder}/acme.yml:2:1: memory_limit '6q'" in outcome.run.stdout
    assert result["not_checked"] == [f"{folder}/secret.yml"] and "secret.yml: not checked, it is vaulted" in outcome.run.stdout
    assert "7 files of tenants checked, 1 vaulted and not checked: 11 faults in 6." in outcome.error

    opened = site.run("validate_tenants", "--vault-password-file", str(password), "--check", env=offline, tenants="secret,nobody")
    [finding] = opened.result("tenant_files")["findings"]
    assert (finding["line"], finding["kind"]) == (2, "unknown_key") and "s3cret" not in opened.run.output

    for name in FILES:
        (folder / name).unlink()
    (folder / "secret.yml").unlink()
    site.write_tenant("acme", {"agents": [{"agent": "acme", "port": 11450, "host": "localhost"}]})
    elsewhere = str(folder.rename(site.folder / "elsewhere"))
    valid = site.run("validate_tenants", env=offline, tenants_path=elsewhere).ok()
    assert "1 file of tenants checked: nothing wrong" in valid.result("tenant_files")["msg"]


def test_export_and_onboarding_are_inverse(site: Site) -> None:
    """What export writes, the schema takes and onboarding reads without a change; check mode and diff told it before."""
    users = [{"email": "ana@x.example", "name": "Ana", "role": "admin"}, {"email": "leo@x.example", "active": False}]
    site.onboard("acme", tenant_name="yes", tenant_domain="x.example", quota_memory="3g", users=users, cpu_limit="0.5").ok()
    site.onboard("beta", agents=[{"agent": "beta-lab", "model": "demo", "memory_limit": "512m", "keep_alive": "-1"}]).ok()
    site.database.sql("UPDATE llmops.users SET name = 'Ana: \"{{ x }}\"' WHERE email = 'ana@x.example'")
    folder = site.folder / "tenants"

    predicted = site.run("export_tenants", "--check", "--diff").ok()
    assert not folder.exists() and "tenant_domain: x.example" in predicted.run.stdout
    written = site.run("export_tenants").ok()
    assert predicted.plan == written.plan and written.changed == 1
    assert site.run("export_tenants").ok().changed == 0
    content = (folder / "acme.yml").read_text()
    assert "tenant_name: \"yes\"" in content and "!unsafe" in content
    for path in folder.iterdir():
        plain = yaml.safe_load(path.read_text().replace("!unsafe ", ""))
        assert not list(SCHEMA.iter_errors(plain)), path
    site.run("validate_tenants").ok()
    for tenant in ("acme", "beta"):
        assert site.run("onboard_tenant", tenant=tenant).ok().changed == 0
    assert site.rows("SELECT name FROM llmops.users WHERE email = 'ana@x.example'") == [["Ana: \"{{ x }}\""]]

    (folder / "acme.yml").write_text("tenant_name: Mine\n")
    kept = site.run("export_tenants").ok()
    assert kept.changed == 0 and "kept as it is" in kept.run.stdout
    assert site.run("export_tenants", overwrite=True, tenants="ac*").ok().changed == 1
    assert (folder / "acme.yml").read_text() == content


SPELLINGS = [
    ({"tenant_nmae": "x"}, False), ({"tenant": "Acme"}, False), ({"tenant": "acme"}, True), ({"memory_limit": "6q"}, False),
    ({"memory_limit": "1.5GiB", "cpu_limit": 0.5, "agent_port": "11435"}, True), ({"agent_port": 70000}, False),
    ({"cpu_limit": "500m", "model": "mirror.local:5000/library/demo:1"}, True), ({"model": "a b"}, False),
    ({"users": "ana@x.example:admin"}, True), ({"users": [{"email": "ana@x.example", "role": "boss"}]}, False),
    ({"users": [{"name": "x"}]}, False), ({"users": ["ana@x.example", {"email": "leo@x.example", "active": "no"}]}, True),
    ({"agents": [{"agent": "a1", "prot": 1}]}, False), ({"agents": {"agent": "a1", "keep_alive": "1h30m"}}, True),
    ({"clear": ["tenant_name"]}, True), ({"clear": ["tenant"]}, False), ({"quota_agents": None, "tenant_name": ""}, True),
    ({"quota_memory": "{{ quota }}"}, True), ({"m365_guests": "perhaps"}, False), ({"m365_tenant_id": "x.example"}, True), (None, True),
]


@pytest.mark.parametrize(("content", "right"), SPELLINGS)
def test_schema(content: object, right: bool) -> None:
    """Editors say the same as a run."""
    assert SCHEMA.is_valid(content) is right
