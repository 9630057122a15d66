# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make onboard and make clean-demo: what they hand on, what they note, and whom they leave alone. The playbooks are stood in for
by a program that keeps the catalog in a file; the rules of the scripts are what is tested here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = """#!{python}
import json, pathlib, sys
root = pathlib.Path(__file__).resolve().parents[2]
store = root / "catalog.json"
catalog = json.loads(store.read_text())
words = sys.argv[1:]
given = dict(word.split("=", 1) for word in words if "=" in word)
with open(root / "calls", "a") as calls:
    calls.write(json.dumps(words) + chr(10))
tenant = given.get("tenant", "")
if "scripts/tenant_identity.yml" in words:
    found = catalog["tenants"].get(tenant, dict(run="", since=""))
    made = "made" if found["run"] == given["identity_run"] else "found"
    text = " ".join([given.get("catalog_dsn", catalog["name"]), made, found["since"]]).strip()
    pathlib.Path(given["identity_file"]).write_text(text)
elif "playbooks/onboard_tenant.yml" in words and not catalog.get("dry") and tenant:
    catalog["count"] += 1
    catalog["tenants"].setdefault(tenant, dict(run=given.get("audit_run", ""), since="2026-01-01 10:00:" + str(catalog["count"])))
elif "playbooks/offboard_tenant.yml" in words:
    del catalog["tenants"][tenant]
store.write_text(json.dumps(catalog))
sys.exit(catalog.get("rc", 0) if "playbooks/onboard_tenant.yml" in words else 0)
"""
RECORDER = """#!{python}
import json, sys
with open("calls", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + chr(10))
"""


class Checkout:
    """A copy of the scripts and the Makefile with stand-ins for what they call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(ROOT / "scripts", path / "scripts")
        # The machine's own store is none of their business.
        self.models = path / "lib" / "llmops" / "models"
        for script in (path / "scripts" / "onboard.sh", path / "scripts" / "clean_demo.sh"):
            script.write_text(script.read_text().replace("STORE=/var/lib/llmops/models", f"STORE='{self.models}'"))
        self.models.parent.parent.mkdir()
        shutil.copy(ROOT / "Makefile", path)
        (path / "tests").mkdir()
        (path / "tests" / "tests.mk").touch()
        (path / "requirements.txt").touch()
        (path / ".collections/ansible_collections/llmops/tenancy").mkdir(parents=True)
        self.program(".venv/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        self.program(".venv/bin/ansible-playbook", PLAYBOOK.format(python=sys.executable))
        self.program("scripts/packages.sh", "#!/bin/sh\n")
        (path / ".venv/.ready").touch()
        self.catalog(name="local", count=0, tenants={})

    def program(self, name: str, text: str) -> None:
        """An executable file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def catalog(self, **changes: Any) -> dict[str, Any]:
        """The catalog, after these changes."""
        store = self.path / "catalog.json"
        content = {**(json.loads(store.read_text()) if store.exists() else {}), **changes}
        store.write_text(json.dumps(content))
        return content

    @property
    def tenants(self) -> list[str]:
        """Tenants of the catalog."""
        return sorted(self.catalog()["tenants"])

    @property
    def calls(self) -> list[list[str]]:
        """The words of each playbook that was called."""
        return [json.loads(line) for line in (self.path / "calls").read_text().splitlines()]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command here."""
        return subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False, timeout=120)

    def onboard(self, tenant: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """scripts/onboard.sh with the model left to it."""
        return self.run("scripts/onboard.sh", tenant, "", *arguments)

    def clean(self) -> str:
        """What scripts/clean_demo.sh says; the machine itself is left as it is."""
        (self.path / ".cache/onboard/prepared").unlink(missing_ok=True)
        done = self.run("scripts/clean_demo.sh")
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(name="checkout")
def checkout_fixture(tmp_path: Path) -> Checkout:
    """A fresh one."""
    return Checkout(tmp_path)


def made_by_hand(checkout: Checkout, tenant: str = "acme") -> None:
    """A tenant that make onboard did not make."""
    checkout.catalog(tenants={**checkout.catalog()["tenants"], tenant: {"run": "by-hand", "since": "2025-01-01"}})


def test_a_tenant_that_was_made_is_taken_away(checkout: Checkout) -> None:
    """Also after it was onboarded again, and no other goes with it."""
    made_by_hand(checkout)
    for tenant in ("demo-corp", "demo-corp", "acme"):
        assert checkout.onboard(tenant).returncode == 0
    assert checkout.tenants == ["acme", "demo-corp"]
    checkout.clean()
    assert checkout.tenants == ["acme"]


@pytest.mark.parametrize(
    ("there", "left"),
    [("", ""), ("llmops", "llmops"), ("llmops/models", "llmops/models/blobs")],
    ids=["nothing", "the folder above", "a store"],
)
def test_the_model_store_is_taken_away_where_there_was_none(checkout: Checkout, there: str, left: str) -> None:
    """With no more than the folders that were missing, and not before the last agent has left it."""
    (checkout.path / "lib" / there).mkdir(exist_ok=True, parents=True)
    for tenant in ("demo-corp", "acme"):
        assert checkout.onboard(tenant).returncode == 0
        (checkout.models / "agents" / "of-another").mkdir(exist_ok=True, parents=True)
        (checkout.models / "blobs").mkdir(exist_ok=True)
    said = checkout.clean()
    assert ("agents have models in it" in said) is (there != "llmops/models") and checkout.models.exists()
    (checkout.models / "agents" / "of-another").rmdir()
    checkout.clean()
    assert (checkout.path / "lib" / left).is_dir()
    assert checkout.models.exists() is (there == "llmops/models")
    assert (checkout.path / "lib" / "llmops").exists() is bool(there)
    assert not (checkout.path / ".cache").exists()


@pytest.mark.parametrize("spelling", ["-C", "-vC", "--check", "--chec", "--syntax-check", "--list-tasks"])
def test_a_dry_run_notes_nothing(checkout: Checkout, spelling: str) -> None:
    """Else a tenant of the same name that someone makes later would be taken for the demo's."""
    checkout.catalog(dry=True)
    assert checkout.onboard("acme", spelling).returncode == 0
    assert not (checkout.path / ".cache").exists()


@pytest.mark.parametrize("spelling", [["-i", "other"], ["-iother"], ["-vi", "other"], ["--inventory-f=other"]])
def test_an_inventory_is_refused(checkout: Checkout, spelling: list[str]) -> None:
    """However it is spelled."""
    done = checkout.onboard("acme", *spelling)
    assert (done.returncode, "for this machine" in done.stderr) == (2, True)


def test_the_arguments_decide_which_catalog_is_asked(checkout: Checkout) -> None:
    """Of another catalog than clean-demo reaches nothing is taken away, and the note stays."""
    assert checkout.onboard("acme", "-e", "catalog_dsn=elsewhere").returncode == 0
    asked = [call for call in checkout.calls if "scripts/tenant_identity.yml" in call]
    assert asked and all("catalog_dsn=elsewhere" in call for call in asked)
    assert "Tenant acme is left alone: the catalog is another one" in checkout.clean()
    assert checkout.tenants == ["acme"]
    assert (checkout.path / ".cache/onboard/tenants/acme").exists()


def test_a_tenant_made_anew_is_left_alone(checkout: Checkout) -> None:
    """Its name is that of the note, but another run made it."""
    checkout.onboard("acme")
    made_by_hand(checkout)
    assert "Tenant acme is left alone: make onboard did not make it" in checkout.clean()
    assert checkout.tenants == ["acme"]


def test_a_note_of_the_name_alone_is_no_proof(checkout: Checkout) -> None:
    """As earlier versions wrote them."""
    notes = checkout.path / ".cache/onboard/tenants"
    notes.mkdir(parents=True)
    (notes / "acme").write_text("demo\n")
    made_by_hand(checkout)
    checkout.clean()
    assert checkout.tenants == ["acme"]


def test_a_failed_run_notes_only_what_it_made(checkout: Checkout) -> None:
    """A run that failed after it had made the tenant is cleaned up; one that failed before leaves no note."""
    checkout.catalog(rc=2)
    assert checkout.onboard("made").returncode == 2
    checkout.catalog(dry=True)
    assert checkout.onboard("not-made").returncode == 2
    assert [note.name for note in (checkout.path / ".cache/onboard/tenants").iterdir()] == ["made"]
    checkout.clean()
    assert checkout.tenants == []


def test_a_run_that_was_killed_is_cleaned_up(checkout: Checkout) -> None:
    """Its note names no time yet; the audit trail names its run."""
    checkout.onboard("acme")
    note = checkout.path / ".cache/onboard/tenants/acme"
    note.write_text("".join(line for line in note.read_text().splitlines(True) if not line.startswith("since=")))
    checkout.clean()
    assert checkout.tenants == []


@pytest.mark.parametrize("text", ["$(touch hit)", "`touch hit`", "'; touch hit; '", '"; touch hit; "', "$(shell touch hit)", "a&&touch hit"])
@pytest.mark.parametrize("variable", ["TENANT", "MODEL", "ARGS"])
def test_nothing_in_a_variable_of_make_is_evaluated(checkout: Checkout, variable: str, text: str) -> None:
    """Neither by make nor by a shell; the script gets it as it is."""
    checkout.program("scripts/onboard.sh", RECORDER.format(python=sys.executable))
    given = {"TENANT": "acme", **{variable: text}}
    checkout.run("make", "onboard", *(f"{name}={value}" for name, value in given.items()))
    assert not (checkout.path / "hit").exists()
    if variable != "ARGS":
        assert checkout.calls == [[given["TENANT"], given.get("MODEL", "")]]


def test_args_are_words(checkout: Checkout) -> None:
    """Quotes keep them together, and a quote that does not end is told."""
    checkout.program("scripts/onboard.sh", RECORDER.format(python=sys.executable))
    checkout.run("make", "onboard", "TENANT=acme", "ARGS=-e 'tenant_name=Acme $Corp *' -v")
    assert checkout.calls == [["acme", "", "-e", "tenant_name=Acme $Corp *", "-v"]]
    done = checkout.run("make", "onboard", "TENANT=acme", "ARGS=-e 'open")
    assert "ARGS can't be read as words" in done.stderr
