# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mirror of role model_mirror: filled from a store, read by real Ollama and by another store, over TLS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ansible import run_playbook
from tests.support.ollama import generate, request
from tests.support.process import Server
from tests.support.settings import ADDRESS, OLLAMA_VERSION, Bench, cache_folder
from tests.support.site import LOCAL_HOST
from tests.support.stores import StoreFolder

PORT, BACKEND, OLLAMA = 12495, 12496, 12497
ACCOUNT = {"username": "hosts", "password": "read-only-secret"}
FILLER = {"username": "keeper", "password": "fill-it-secret"}


class Mirror:
    """A mirror on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = folder / "ca.crt"
        self.address = f"{ADDRESS}:{PORT}"
        names = ("storage", "folder", "run_folder", "log_folder")
        self._variables = {f"model_mirror_{name}": str(folder / name) for name in names} | {
            "model_mirror_record": str(folder / "record.json"),
            "model_mirror_ca_copy": str(self.ca),
            "model_mirror_service_manager": "none",
            "model_mirror_timeout": 300,
            "model_mirror_port": PORT,
            "model_mirror_backend_port": BACKEND,
            "model_mirror_bind": ADDRESS,
            "model_mirror_names": [ADDRESS],
            "model_mirror_reader": ACCOUNT["username"],
            "model_mirror_reader_password": ACCOUNT["password"],
            "model_mirror_filler": FILLER["username"],
            "model_mirror_filler_password": FILLER["password"],
        }

    def play(self, playbook: str, *more: str, **variables: object):
        """Run a playbook with the mirror's variables, in the inventory: what is on the command line Ansible itself tells with -vvvv."""
        inventory = self.folder / "hosts.yml"
        inventory.write_text(json.dumps({"model_mirrors": {"hosts": {"localhost": {**LOCAL_HOST, **self._variables, **variables}}}}))
        return run_playbook([f"playbooks/{playbook}.yml", "-i", str(inventory), *more]).ok()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    # Its registry runs as a user of its own, who can't get into pytest's folders.
    one = Mirror(Path("/var/tmp/mirror-of-the-test"))
    one.folder.mkdir()
    one.play("prepare_mirror")
    yield one
    one.play("prepare_mirror", model_mirror_state="absent", model_mirror_remove_data=True)
    shutil.rmtree(one.folder)


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate of an operator's own for the mirror, and its key."""
    certificate, key = folder / "mirror.crt", folder / "mirror.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mirror",
         "-addext", f"subjectAltName=IP:{ADDRESS}", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )
    return certificate, key


def ollama_that_trusts(bench: Bench, ca: Path, folder: Path) -> Server:
    """Real Ollama beside the bench's engine, that takes certificates of the mirror's authority."""
    server = Server("ollama-mirror", bench.logs)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_HOST": f"127.0.0.1:{OLLAMA}", "SSL_CERT_FILE": str(ca),
    }
    server.start([str(cache_folder() / f"ollama-{OLLAMA_VERSION}" / "ollama"), "serve"], env=environment)
    server.wait_ready(lambda: request(OLLAMA, "GET", "/api/version"))
    return server


def test_filled_from_a_store_and_read_by_ollama_and_another_store(bench, mirror, registry, run_module, site, tmp_path):
    first, second = StoreFolder(tmp_path / "first"), StoreFolder(tmp_path / "second")
    # prefetch_models fills the mirror's own store, and from there the mirror, at its loopback port.
    upstream = {"model_store_mirror": registry.address, "model_store_insecure": True, "model_store_min_free": "0"}
    wanted = {"model_store_path": str(first.root), "model_store_models": "demo", **upstream}
    assert mirror.play("prefetch_models", **wanted).changed == 2
    # Through the network nobody may fill it, but the one who has the account for that; and nobody without one may read.
    run_module("model_store", first.params(registry.address, model="demo2")).ok()
    far = {"store": str(first.root), "registry": mirror.address, "ca_path": str(mirror.ca)}
    assert run_module("model_export", far).result["error"]["kind"] == "registry_denied"
    given = {f"model_export_{name}": value for name, value in (far | FILLER).items()}
    filled = mirror.play("export_models", "-vvvv", **given)
    assert filled.changed == 1 and FILLER["password"] not in filled.output
    found = {"mirror": mirror.address, "model": "demo2", "ca_path": str(mirror.ca), "store": str(second.root), "min_free": "0"}
    assert run_module("model_store", {**found, "retries": 0}).result["error"]["kind"] == "registry_denied"
    untrusted = run_module("model_store", {**found, **ACCOUNT, "ca_path": None, "retries": 0})
    assert untrusted.failed and second.models() == {}
    # A tenant is onboarded out of it with what the inventory says of the model store; its password is told nowhere.
    account = {f"model_store_{name}": value for name, value in (*ACCOUNT.items(), ("ca_path", str(mirror.ca)))}
    place = {"agent_model_store_path": str(second.root), "agent_model_store_min_free": "0"}
    site.write_inventory({"localhost": {**place, **account, "model_store_mirror": mirror.address}})
    told = site.onboard("acme", "-vvvv", model="demo2", memory_limit="256m").ok()
    assert "pull model demo2:latest" in told.actions and ACCOUNT["password"] not in told.run.output
    path = "registry.ollama.ai/library/demo2/latest"
    assert second.models() == {path: first.models()[path]}
    second.assert_sound()
    status = mirror.play("mirror_status").output
    assert "answers; 2 models (library/demo2:latest, library/demo:latest); certificate until 20" in " ".join(status.split())
    # Ollama itself can't give a password: where it pulls by itself, its network is opened. It has another certificate by then.
    certificate, key = certified(tmp_path)
    of_ours = {"model_mirror_certificate": str(certificate), "model_mirror_key": str(key)}
    mirror.play("prepare_mirror", model_mirror_open_to=[f"{ADDRESS}/32"], **of_ours)
    server = ollama_that_trusts(bench, certificate, tmp_path)
    try:
        request(OLLAMA, "POST", "/api/pull", {"model": f"{mirror.address}/library/demo2"})
        assert generate(OLLAMA, f"{mirror.address}/library/demo2").strip()
    finally:
        server.stop()
