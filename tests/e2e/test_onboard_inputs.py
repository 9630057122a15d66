# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong at a site: each fault is one clear line with its cause and remedy, never a traceback; no secret leaks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.ollama import generate
from tests.support.postgres import Postgres
from tests.support.process import processes
from tests.support.settings import POSTGRES_PASSWORD
from tests.support.site import Outcome, Site

FOREIGN = ["run", "--detach", "--entrypoint", "/bin/ollama"]


def refused(outcome: Outcome, *said: str) -> str:
    """The message of a run that must have failed with one clear line."""
    assert outcome.run.rc not in (0, 250), outcome.run.output
    assert "Traceback" not in outcome.run.output
    message = outcome.error
    assert "\n" not in message
    for text in said:
        assert text in message, message
    return message


def nowhere(folder: Path, **variables: Any) -> Site:
    """A site of which nothing answers: a message about that would show that something was touched."""
    site = Site.__new__(Site)
    site.folder, site.inventory = folder, folder / "hosts.yml"
    site.env = {"LLMOPS_CATALOG_DSN": "host=/nowhere", "ANSIBLE_INVENTORY": str(site.inventory)}
    site.write_inventory({"localhost": variables})
    return site


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tenant": "../../etc/passwd"}, "is not a valid name"),
        ({"tenant": None}, "onboard_tenant needs to know which tenant"),
        ({"users": [{"email": "ana"}]}, "users[0].email: 'ana' is not an email address"),
        ({"users": '[{"email": '}, "users is not valid JSON"),
        ({"memory_limit": "lots"}, "memory_limit 'lots' is not a size"),
        ({"agent_host": "gpu-99"}, "agent_host 'gpu-99' is not an agent host of the inventory"),
        ({"model": "no spaces please"}, "is not a model reference"),
        ({"memory_limt": "6g"}, "does not know the variable 'memory_limt' (did you mean 'memory_limit'?)"),
        ({"agents": [{"agent": "acme", "prot": 1}]}, "agents[0] has an unknown key 'prot'. Did you mean 'port'?"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_touched(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    refused(nowhere(tmp_path).run("onboard_tenant", **{"tenant": "acme", "model": "demo", **given}), said)


@pytest.mark.parametrize(
    ("playbook", "given", "host", "said"),
    [
        ("copy_models", {"copy_modles": "large"}, {}, "does not know the variable 'copy_modles' (did you mean 'copy_models'?)"),
        ("copy_models", {"copy_to": "localhost,gpu-99"}, {}, "copy_to 'gpu-99' is neither a host nor a group of the inventory"),
        ("export_models", {"export_from": "gpu-99"}, {}, "export_from 'gpu-99' is neither a host nor a group of the inventory"),
        ("prefetch_models", {"model_stor_models": "demo"}, {}, "'model_stor_models' (did you mean 'model_store_models'?)"),
        ("drain_host", {"agent_host": "gpu-99"}, {}, "agent_host 'gpu-99' is not an agent host of the inventory"),
        ("reconcile", {"agent_renew": "acme"}, {}, "that is what onboard_tenant is for"),
        ("drift", {}, {"agent_modle_update": "pinned"}, "Did you mean 'agent_model_update'?"),
    ],
)
def test_what_nothing_knows_ends_every_playbook(
    tmp_path: Path, playbook: str, given: dict[str, Any], host: dict[str, Any], said: str
) -> None:
    refused(nowhere(tmp_path, **host).run(playbook, **given), said)


def test_a_bad_tenants_file_is_named(site: Site) -> None:
    site.write_tenant("acme", {"memory_limt": "6g"})
    refused(site.run("onboard_tenant", tenant="acme"), "tenants/acme.yml has an unknown key 'memory_limt'", "'memory_limit'")
    (site.folder / "tenants" / "acme.yml").write_text("tenant_name: [")
    refused(site.run("onboard_tenant", tenant="acme"), "tenants/acme.yml can't be read")


@pytest.mark.parametrize(
    ("dsn", "password", "said"),
    [
        ("host=127.0.0.1 port=1 dbname=llmops user=postgres", None, "no PostgreSQL answers there"),
        ("host=127.0.0.1 port=5432 user=postgres", "wrong-password", "password"),
    ],
)
def test_an_unreachable_catalog_is_one_line_without_the_password(
    site: Site, dsn: str, password: str | None, said: str
) -> None:
    run = site.onboard("acme", "-vvv", catalog_dsn=dsn, catalog_password=password)
    refused(run, said)
    if password:
        assert password not in run.run.output
    assert site.engine.docker("ps", "--all", "--quiet") == ""


def test_no_engine_and_no_permission_on_its_socket(site: Site, tmp_path: Path) -> None:
    nothing = f"unix://{tmp_path}/docker.sock"
    refused(site.onboard("acme", docker_host=nothing), "docker.sock")
    socket_path = tmp_path / "closed.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
        refused(site.onboard("acme", docker_host=f"unix://{socket_path}"), "closed.sock")
    # What was recorded before is found again.
    site.onboard("acme").ok()
    assert generate(site.ports()["acme"])


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that a process outside the catalog holds."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 12300))
        listener.listen()
        yield 12300


def test_a_port_in_use_names_its_holder_and_a_free_one(site: Site, taken_port: int) -> None:
    message = refused(site.onboard("acme", agent_port=taken_port), str(taken_port), f"process {os.getpid()}")
    assert re.search(r"1230[1-9]", message)
    assert "container ollama-agent-acme" not in " ".join(site.engine.objects()["containers"])
    site.onboard("acme", agent_port=12301).ok()
    assert generate(12301)
    assert site.leftovers() == {}


def test_a_name_that_is_taken_by_a_stranger_is_left_alone(site: Site) -> None:
    image = os.environ["LLMOPS_BENCH_IMAGE"]
    site.engine.docker(*FOREIGN, "--name", "ollama-agent-acme", image, "serve")
    stranger = site.engine.inspect("ollama-agent-acme")["Id"]
    refused(site.onboard("acme"), "ollama-agent-acme")
    assert site.engine.inspect("ollama-agent-acme")["Id"] == stranger


def test_an_agent_left_in_created_comes_to_run(site: Site) -> None:
    site.onboard("acme").ok()
    image = os.environ["LLMOPS_BENCH_IMAGE"]
    refused(site.run("onboard_tenant", tenant="acme", agent_image="localhost:1/none/ollama:1"), "localhost:1/none/ollama:1")
    site.onboard("acme", agent_image=image).ok()
    # As a pull that fails after the container was made leaves it.
    site.engine.docker("rm", "--force", "ollama-agent-acme")
    site.onboard("acme", agents=[{"agent": "acme", "model": "demo", "desired_state": "stopped"}]).ok()
    assert site.engine.inspect("ollama-agent-acme")["State"]["Status"] == "created"
    site.run("start_agent", tenant="acme").ok()
    assert generate(site.ports()["acme"])


def test_over_quota_is_refused_before_anything_is_made(site: Site) -> None:
    refused(site.onboard("acme", quota_memory="256m"), "quota")
    assert site.rows("SELECT * FROM llmops.tenants") == []
    assert site.engine.docker("ps", "--all", "--quiet") == ""


@contextmanager
def syslog(folder: Path) -> Iterator[list[str]]:
    """A system log of the test's own at /dev/log; gives what it received once it has ended."""
    received: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "log"))
        listener.settimeout(0.2)
        target = Path("/dev/log")
        was_there = target.exists()
        target.touch()
        # Mounted in the bench's own namespace, so that nothing outside of it logs to here.
        subprocess.run(["mount", "--bind", str(folder / "log"), str(target)], check=True)
        stopped = threading.Event()

        def read() -> None:
            # To the last message that came.
            while True:
                try:
                    received.append(listener.recv(65536).decode(errors="replace"))
                except TimeoutError:
                    if stopped.is_set():
                        return

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield received
        finally:
            stopped.set()
            reader.join()
            subprocess.run(["umount", str(target)], check=True)
            if not was_there:
                target.unlink()


def test_no_secret_leaks(site: Site, postgres: Postgres, tmp_path: Path) -> None:
    secret = f"token-{uuid.uuid4().hex}"
    remote_tmp = tmp_path / "remote-tmp"
    seen: set[str] = set()
    with syslog(tmp_path) as logged:
        output = _watched(site, seen, remote_tmp, secret)
    assert any("ollama_agent" in message for message in logged)
    for what in (secret, POSTGRES_PASSWORD):
        assert what not in output
        assert not [command for command in seen if what in command]
        assert what not in postgres.log.read_text(errors="replace")
        assert not [message for message in logged if what in message]
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or what not in path.read_text(errors="replace"), path
    assert secret in str(site.engine.inspect("ollama-agent-acme")["Config"]["Env"])
    # A change of it shows its name and not its values, and a rerun without it keeps it.
    other = f"token-{uuid.uuid4().hex}"
    changed = site.run("onboard_tenant", "--diff", "-v", tenant="acme", agent_environment={"HF_TOKEN": other}).ok()
    assert changed.changed
    assert secret not in changed.run.output and other not in changed.run.output
    assert site.run("onboard_tenant", tenant="acme").ok().changed == 0
    assert other in str(site.engine.inspect("ollama-agent-acme")["Config"]["Env"])


def _watched(site: Site, seen: set[str], remote_tmp: Path, secret: str) -> str:
    """Onboard with secrets and all output there is; ``seen`` gets the command lines of all other processes meanwhile."""
    started = site.start(
        "onboard_tenant", "-vvv", "--diff", tenant="acme", model="demo", memory_limit="512m",
        catalog_dsn=f"host=127.0.0.1 port=5432 user=postgres dbname={site.database.name}",
        catalog_password=POSTGRES_PASSWORD,
        agent_environment={"HF_TOKEN": secret},
        ansible_remote_tmp=str(remote_tmp),
    )
    own = {started.process.pid}
    while started.process.poll() is None:
        time.sleep(0.02)
        for pid in processes():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            except OSError:
                continue
            # The command line of ansible-playbook itself is the operator's; an operator with secrets uses a vaulted file.
            if pid not in own and "ansible-playbook" not in command:
                seen.add(command)
    return started.wait().ok().output
