# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls as they go wrong: lines that break, stall or lie, registries that refuse, full disks, killed runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ansible import Playbook
from tests.support.disk import fill, small_disk
from tests.support.faultproxy import FaultProxy
from tests.support.models import BLOBS, ModelAgent, fetched, model_agent, stop_on_the_way
from tests.support.ollama import generate
from tests.support.process import descendants, wait_until
from tests.support.registry import Registry

SIZE_MB = 16
TOTAL = SIZE_MB << 20
# Ollama asks once for the layer's place and then for its bytes: a fault of the bytes lets the first question pass.
BYTES = {"path": BLOBS, "method": "GET", "skip": 1}
# Which one is the first to be seen depends on how fast the machine is.
ANOTHER_ATTEMPT = r"attempt \d+ after"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Bring the model
      llmops.tenancy.ollama_model:
        agent: "{agent}"
        endpoint: "{endpoint}"
        mirror: "{mirror}"
        insecure: true
        model: "{model}"
        retries: 20
"""


@pytest.fixture
def agent(engine) -> Iterator[ModelAgent]:
    with model_agent(engine, 12420) as one:
        yield one


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:
    registry.add_big_model("fault-big", SIZE_MB)
    return "fault-big"


@pytest.fixture
def playbook(tmp_path: Path, agent: ModelAgent, big: str, fault_proxy: FaultProxy) -> list[str]:
    """Arguments of ansible-playbook that pull the big model through the proxy."""
    path = tmp_path / "pull.yml"
    path.write_text(
        PLAYBOOK.format(agent=agent.name, endpoint=agent.endpoint, mirror=fault_proxy.address, model=big)
    )
    return [str(path), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]


def test_a_line_that_breaks_in_the_middle_goes_on_from_there(agent, big, fault_proxy, run_module):
    cut = fault_proxy.add(**BYTES, times=1, cut_after=TOTAL // 2)
    run_module("ollama_model", agent.params(fault_proxy, model=big)).ok()
    assert cut.hits == 1
    assert TOTAL <= fetched(fault_proxy) < 1.2 * TOTAL
    assert generate(agent.port, big).strip()


def test_a_stall_is_noticed_and_what_was_pulled_is_kept(agent, big, fault_proxy, run_module):
    fault_proxy.add(**BYTES, stall_after=TOTAL // 2)
    params = agent.params(fault_proxy, model=big)
    run = run_module("ollama_model", {**params, "stall_timeout": 5, "retries": 0})
    assert run.failed and run.result["error"]["kind"] == "stalled"
    assert re.search(r"no byte came for 5 s, at \d+ %", run.msg) and "what was pulled is kept" in run.msg
    assert run.result["models"][0]["status"] == "failed"
    fault_proxy.clear()
    run_module("ollama_model", params).ok()
    assert fetched(fault_proxy) < 0.7 * TOTAL
    assert set(agent.models()) == {f"{big}:latest"}


def test_a_stall_is_mended_within_the_run(agent, big, fault_proxy, run_module):
    stall = fault_proxy.add(**BYTES, times=1, stall_after=TOTAL // 2)
    run_module("ollama_model", agent.params(fault_proxy, model=big, stall_timeout=5)).ok()
    assert stall.hits == 1
    assert fetched(fault_proxy) < 1.2 * TOTAL


def test_damaged_bytes_are_fetched_again(agent, big, fault_proxy, run_module):
    damage = fault_proxy.add(**BYTES, times=1, corrupt_at=TOTAL // 2)
    run_module("ollama_model", agent.params(fault_proxy, model=big)).ok()
    assert damage.hits == 1
    assert fetched(fault_proxy) >= 2 * TOTAL
    assert generate(agent.port, big).strip()


def test_bytes_that_stay_damaged_are_named(agent, big, fault_proxy, run_module):
    fault_proxy.add(path=BLOBS, method="GET", corrupt_at=TOTAL // 2)
    run = run_module("ollama_model", agent.params(fault_proxy, model=big, retries=1))
    assert run.failed and run.result["error"]["kind"] == "digest_mismatch"
    assert "digest mismatch" in run.msg and "given up after 2 attempts" in run.msg
    assert agent.models() == {}


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, "model_not_in_registry", "is not in registry"),
        (401, "registry_denied", "refuses access"),
        (403, "registry_denied", "refuses access"),
        (429, "registry_busy", "limits the number of requests"),
        (500, "registry_error", "is in trouble"),
        (503, "registry_error", "is in trouble"),
    ],
)
def test_a_registry_that_refuses(agent, fault_proxy, run_module, status, kind, words):
    refusal = fault_proxy.add(path="/manifests/", status=status)
    run = run_module("ollama_model", agent.params(fault_proxy, model="demo", retries=1))
    assert run.failed and run.result["error"]["kind"] == kind
    assert words in run.msg and fault_proxy.address in run.msg and run.result["error"]["remedy"]
    passing = status in (429, 500, 503)
    assert refusal.hits >= 2 if passing else refusal.hits <= 3
    assert agent.models() == {}


@pytest.mark.parametrize("status", [429, 500])
def test_a_registry_that_refuses_for_a_moment(agent, fault_proxy, run_module, status):
    fault_proxy.add(path="/manifests/", status=status, times=2)
    run_module("ollama_model", agent.params(fault_proxy, model="demo")).ok()
    assert set(agent.models()) == {"demo:latest"}


def test_a_registry_that_is_not_there(agent, run_module):
    run = run_module("ollama_model", agent.params("192.0.2.1:9", model="demo", retries=0))
    assert run.failed and run.result["error"]["kind"] == "registry_unreachable"
    assert "192.0.2.1:9" in run.msg
    run = run_module("ollama_model", agent.params("no-such-mirror.example.com", model="demo", retries=0))
    assert run.failed and run.result["error"]["kind"] == "registry_unreachable"


def test_a_mirror_that_is_taken_for_https(agent, registry, run_module):
    run = run_module("ollama_model", {**agent.params(registry.address, model="demo"), "insecure": False})
    assert run.failed and run.result["error"]["kind"] == "mirror_speaks_http"
    assert "insecure=true" in run.msg


def test_a_mirror_that_ollama_can_not_use(agent, run_module):
    # The registry behind HAProxy, as Debian's package serves it, is such a one.
    with FaultProxy(target=("127.0.0.1", 5001)) as bare:
        run = run_module("ollama_model", agent.params(bare, model="demo"))
    assert run.failed and run.result["error"]["kind"] == "mirror_unsuitable"
    assert "Location" in run.msg


def test_an_agent_that_is_restarted_in_the_middle(agent, big, fault_proxy, run_playbook, playbook):
    fault_proxy.add(path=BLOBS, hold_after=TOTAL // 4)
    run = Playbook(playbook)
    wait_until(lambda: fetched(fault_proxy) >= TOTAL // 4, "a quarter of the model")
    agent.engine.docker("kill", f"test-{agent.name}")
    wait_until(lambda: re.search(ANOTHER_ATTEMPT, run.told()), "another attempt")
    fault_proxy.clear()
    agent.engine.docker("start", f"test-{agent.name}")
    run.wait().ok()
    assert set(agent.models()) == {f"{big}:latest"}


def test_a_disk_that_is_too_small_is_told_with_both_numbers(engine, big, registry, run_module):
    with small_disk(SIZE_MB - 4) as disk, model_agent(engine, 12421, models=disk) as agent:
        params = agent.params(registry.address, model=big, models_dir=str(disk), min_free="1m")
        for check in (True, False):
            run = run_module("ollama_model", params, check=check)
            assert run.failed and run.result["error"]["kind"] == "disk_full"
            needed, free = (run.result["models"][0]["error"][key] for key in ("needed", "free"))
            assert needed >= TOTAL > free
            assert "MiB are still to come" in run.msg and f"{disk} has" in run.msg
        assert agent.models() == {} and not any(disk.rglob("sha256-*"))


def test_room_is_asked_for_what_is_still_to_come_only(engine, big, fault_proxy, run_module):
    with small_disk(SIZE_MB + 4) as disk, model_agent(engine, 12421, models=disk) as agent:
        fault_proxy.add(**BYTES, stall_after=TOTAL // 2)
        params = agent.params(fault_proxy, model=big, models_dir=str(disk), min_free="1m")
        run = run_module("ollama_model", {**params, "stall_timeout": 5, "retries": 0})
        assert run.failed and run.result["error"]["kind"] == "stalled"
        # What was pulled is kept and asks for no room again.
        assert run_module("ollama_model", params, check=True).ok()["changed"]
        fault_proxy.clear()
        assert run_module("ollama_model", params).ok()["changed"]
        assert set(agent.models()) == {f"{big}:latest"}


def test_a_disk_that_fills_up_is_told_in_words(engine, big, registry, run_module):
    with small_disk(SIZE_MB + 8) as disk, model_agent(engine, 12421, models=disk) as agent:
        filler = fill(disk, leave=4 << 20)
        params = agent.params(registry.address, model=big, retries=1)
        run = run_module("ollama_model", params)
        assert run.failed and run.result["error"]["kind"] == "disk_full"
        assert "the agent's models volume is full" in run.msg
        filler.unlink()
        run_module("ollama_model", params).ok()
        assert set(agent.models()) == {f"{big}:latest"}


def test_progress_is_shown_while_it_pulls(agent, big, fault_proxy, run_playbook, playbook):
    run = Playbook(playbook)
    shown = rf"^{big} on agent {agent.name}: (\d+) % of 16\.\d MiB(?:, [\d.]+ [KM]?i?B/s, \d+:\d\d left)?$"
    stop_on_the_way(fault_proxy, TOTAL, lambda: re.findall(shown, run.told(), re.M))
    done = run.wait().ok()
    percents = [int(percent) for percent in re.findall(shown, done.output, re.M)]
    # One line for each tenth: a log of an hour is no longer than one of a minute.
    assert 3 <= len(percents) <= 12 and percents == sorted(percents)
    assert re.search(rf"^{big} on agent {agent.name}: \d+ % of 16\.\d MiB, [\d.]+ [KM]?i?B/s, \d+:\d\d left$", done.output, re.M)
    assert done.changed == 1
    again = run_playbook(playbook).ok()
    assert again.changed == 0 and " % of " not in again.output


def test_progress_is_rewritten_in_a_terminal(agent, big, fault_proxy, playbook):
    run = Playbook(playbook, terminal=True)
    shown = rf"\r\x1b\[K{big} on agent {agent.name}: (\d+) % of [^\r\n]*"
    stop_on_the_way(fault_proxy, TOTAL, lambda: set(re.findall(shown, run.told())))
    text = run.wait().ok().stdout
    percents = [int(percent) for percent in re.findall(shown, text)]
    assert len(percents) >= 3 and percents == sorted(percents)
    # Nothing of it is left on a line of its own, and the line is wiped at the end.
    assert not re.search(rf"\n{big} on agent", text)
    assert re.search(rf"\r\x1b\[K(?!{big})", text)


def test_a_killed_run_goes_on_in_the_next_one(agent, big, fault_proxy, run_playbook, playbook):
    hold = fault_proxy.add(path=BLOBS, hold_after=TOTAL * 6 // 10)
    run = Playbook(playbook)
    # The agent itself has so much: what is on its way to it when the run is killed comes again.
    wait_until(lambda: re.search(r": [5-9]\d % of ", run.told()), "half of the model")
    run.kill()
    wait_until(lambda: all(one.ended for one in fault_proxy.requests), "the end of its pull")
    before = fetched(fault_proxy)
    fault_proxy.faults.remove(hold)
    assert agent.models() == {}
    assert run_playbook(playbook).ok().changed == 1
    assert set(agent.models()) == {f"{big}:latest"}
    assert fetched(fault_proxy) - before < 0.7 * TOTAL
    assert run_playbook(playbook).ok().changed == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_stops_its_pull(agent, big, fault_proxy, playbook, how):
    fault_proxy.add(path=BLOBS, hold_after=TOTAL // 4)
    run = Playbook(playbook)
    wait_until(lambda: fetched(fault_proxy) >= TOTAL // 4, "a quarter of the model")
    os.kill(run.process.pid, how)
    run.wait()
    wait_until(lambda: all(one.ended for one in fault_proxy.requests), "the end of its pull")
    assert not all(one.finished for one in fault_proxy.requests)


LEASE_TEST = """
import sys, time
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import jobs, reference, step, worker
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings
endpoint, mirror, model, leased = sys.argv[1:]
worker.LEASE = 2.0
step = step.Step("agent a", endpoint, model + ":latest", reference.on_mirror(model, mirror, True))
job = jobs.create({})
lifeline = worker.start(job, [step], TransferSettings(30, 60, 5, 1, 0), leased=leased != "free")
if leased != "killed":
    lifeline.let_go()
print(job.path)
"""


# A call that ends as it should leaves the pull to the lease; one that is killed takes it along.
@pytest.mark.parametrize(("leased", "state"), [("leased", "cancelled"), ("killed", "cancelled"), ("free", "done")])
def test_a_pull_that_nobody_waits_for_any_more_ends(agent, big, fault_proxy, leased, state):
    # One that nobody stops is done soon; the others would take longer than any lease.
    fault_proxy.add(path=BLOBS, **({"rate": 8 << 20} if state == "done" else {"hold_after": TOTAL // 2}))
    environment = os.environ | {"PYTHONPATH": f"{os.getcwd()}/.collections"}
    done = subprocess.run(
        [sys.executable, "-c", LEASE_TEST, agent.endpoint, fault_proxy.address, big, leased],
        capture_output=True, text=True, check=True, timeout=120, env=environment,
    )
    status = Path(done.stdout.strip()) / "status.json"
    wait_until(lambda: '"finished": true' in status.read_text(), "the worker")
    assert f'"state": "{state}"' in status.read_text()
    assert (f"{big}:latest" in agent.models()) is (state == "done")


def test_a_worker_that_is_killed_is_noticed(agent, big, fault_proxy, run_module):
    fault_proxy.add(path=BLOBS, hold_after=TOTAL // 2)
    started = run_module("ollama_model", agent.params(fault_proxy, model=big, wait=False)).ok()
    holders = subprocess.run(["fuser", started_lock(started)], capture_output=True, text=True, check=True).stdout.split()
    assert len(holders) == 1 and descendants({int(holders[0])}) == {int(holders[0])}
    os.kill(int(holders[0]), signal.SIGKILL)
    ask = {"endpoint": agent.endpoint, "model": big}
    wait_until(lambda: run_module("ollama_model_info", ask).ok()["models"][0]["status"] == "failed", "the failure")
    assert "killed" in run_module("ollama_model_info", ask).ok()["models"][0]["error"]["cause"]
    fault_proxy.clear()
    assert run_module("ollama_model", agent.params(fault_proxy, model=big)).ok()["changed"]


def started_lock(result: dict) -> str:
    """Path of the lock of the job that a result names."""
    import tempfile

    return f"{tempfile.gettempdir()}/llmops-tenancy-{os.geteuid()}/{result['job']['name']}/lock"
