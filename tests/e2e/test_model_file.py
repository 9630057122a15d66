# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models made of GGUF files, on the host itself and brought there over SSH."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ansible import Playbook
from tests.support.engine import Engine
from tests.support.faultproxy import FaultProxy
from tests.support.models import ModelAgent, model_agent, stop_on_the_way
from tests.support.ollama import generate
from tests.support.registry import Registry, demo_digest, other_weights
from tests.support.settings import DEMO_MODEL
from tests.support.ssh import SshHost, ssh_host

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Bring the model
      llmops.tenancy.ollama_model:
        agent: empresa-corp
        endpoint: "{endpoint}"
        {options}
"""


@pytest.fixture
def agent(engine: Engine) -> Iterator[ModelAgent]:
    with model_agent(engine, 12430) as one:
        yield one


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "assistant.gguf"
    shutil.copy(DEMO_MODEL, path)
    return path


@pytest.fixture(scope="module")
def remote() -> Iterator[SshHost]:
    with ssh_host() as host:
        yield host


def outcome(result: dict) -> dict:
    """A result without the digest that only Ollama can make up, and the size that has it."""
    models = [{**model, "digest": None, "size": None} for model in result["models"]]
    return {"changed": result["changed"], "actions": result["actions"], "models": models}


def test_check_then_real_then_nothing(agent, file, run_module):
    params = agent.params(model="assistant", path=str(file))
    predicted = run_module("ollama_model", params, check=True).ok()
    assert agent.models() == {}
    done = run_module("ollama_model", params).ok()
    assert outcome(done) == outcome(predicted)
    assert [action["action"] for action in done["actions"]] == ["create"]
    assert done["models"][0]["digest"] == agent.models()["assistant:latest"]
    assert generate(agent.port, "assistant").strip()
    for check in (True, False):
        assert not run_module("ollama_model", params, check=check).ok()["changed"]


def test_another_file_under_the_same_name_is_an_update(agent, file, run_module):
    params = agent.params(model="assistant", path=str(file))
    first = run_module("ollama_model", params).ok()["models"][0]["digest"]
    file.write_bytes(other_weights(file.read_bytes()))
    assert run_module("ollama_model", params, check=True).ok()["changed"]
    assert agent.models()["assistant:latest"] == first
    done = run_module("ollama_model", params).ok()
    assert [action["action"] for action in done["actions"]] == ["update"]
    assert done["actions"][0]["fields"]["digest"]["before"] == first != agent.models()["assistant:latest"]
    assert not run_module("ollama_model", params).ok()["changed"]


def test_a_checksum_saves_the_reading_and_refuses_another_file(agent, file, run_module):
    params = agent.params(model="assistant", path=str(file), checksum=demo_digest())
    assert run_module("ollama_model", params).ok()["changed"]
    content = file.read_bytes()
    file.unlink()
    assert not run_module("ollama_model", params).ok()["changed"]
    file.write_bytes(other_weights(content))
    run = run_module("ollama_model", {**params, "model": "other"})
    assert run.failed and run.result["error"]["kind"] == "checksum_mismatch"
    assert set(agent.models()) == {"assistant:latest"}


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(("content", "kind"), [(None, "no_model_file"), (b"PK\x03\x04zip", "bad_model_file")])
def test_a_file_that_is_none(agent, file, run_module, content, kind, check):
    file.unlink()
    if content:
        file.write_bytes(content)
    run = run_module("ollama_model", agent.params(model="assistant", path=str(file)), check=check)
    assert run.failed and run.result["error"]["kind"] == kind and str(file) in run.msg


def test_a_file_that_ollama_can_not_read(agent, file, run_module):
    file.write_bytes(DEMO_MODEL.read_bytes()[:4096])
    run = run_module("ollama_model", agent.params(model="assistant", path=str(file), retries=0))
    assert run.failed and run.result["error"]["kind"] == "bad_model_file"
    assert agent.models() == {}


def write(tmp_path: Path, agent: ModelAgent, **options: str) -> str:
    path = tmp_path / "play.yml"
    lines = "\n        ".join(f'{name}: "{value}"' for name, value in options.items())
    path.write_text(PLAYBOOK.format(endpoint=agent.endpoint, options=lines))
    return str(path)


def test_a_file_of_the_controller_is_brought_over_ssh_only_when_it_is_needed(
    agent, file, remote, tmp_path, run_playbook
):
    (tmp_path / "files").mkdir()
    shutil.move(file, tmp_path / "files" / "assistant.gguf")
    # Relative: looked for in files/ beside the playbook, as ansible.builtin.copy does.
    play = write(tmp_path, agent, model="assistant", path="assistant.gguf", checksum=demo_digest())
    predicted = run_playbook([play, *remote.inventory, "--check", "-vvv"]).ok()
    assert predicted.changed == 1 and agent.models() == {}
    assert "assistant.gguf TO" not in predicted.output
    done = run_playbook([play, *remote.inventory, "-vvv"]).ok()
    assert done.changed == 1 and generate(agent.port, "assistant").strip()
    assert re.search(r"PUT .*assistant\.gguf TO (\S+)/assistant\.gguf", done.output)
    folder = re.search(r"PUT .*assistant\.gguf TO (\S+)/assistant\.gguf", done.output)[1]
    assert not Path(folder).exists()
    again = run_playbook([play, *remote.inventory, "-vvv"]).ok()
    assert again.changed == 0 and "PUT " not in again.output
    # The agent has the bytes under another name: they are not sent again.
    twin = write(tmp_path, agent, model="twin", path="assistant.gguf")
    same = run_playbook([twin, *remote.inventory, "-vvv"]).ok()
    assert same.changed == 1 and not re.search(r"assistant\.gguf TO", same.output)
    assert set(agent.models()) == {"assistant:latest", "twin:latest"}


def test_a_file_of_the_host_stays_there(agent, file, remote, tmp_path, run_playbook):
    play = write(tmp_path, agent, model="assistant", path=str(file), remote_src="true")
    assert run_playbook([play, *remote.inventory]).ok().changed == 1
    assert file.exists()
    assert run_playbook([play, *remote.inventory]).ok().changed == 0


def test_a_missing_file_of_the_controller_is_told(agent, remote, tmp_path, run_playbook):
    run = run_playbook([write(tmp_path, agent, model="assistant", path="missing.gguf"), *remote.inventory])
    assert run.rc == 2 and "missing.gguf" in run.output and "Traceback" not in run.output


def test_progress_is_shown_over_ssh(agent, remote, registry: Registry, fault_proxy: FaultProxy, tmp_path):
    registry.add_big_model("ssh-big", 16)
    run = Playbook([write(tmp_path, agent, model="ssh-big", mirror=fault_proxy.address, insecure="true"), *remote.inventory])
    stop_on_the_way(
        fault_proxy, 16 << 20, lambda: re.findall(r"^ssh-big on agent empresa-corp: (\d+) % of 16\.\d MiB", run.told(), re.M), stops=2
    )
    assert run.wait().ok().changed == 1 and set(agent.models()) == {"ssh-big:latest"}
