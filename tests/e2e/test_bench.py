# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench itself: every part answers, does the harm that it is told to, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.ansible import ModuleRun, Playbook
from tests.support.disk import fill, small_disk
from tests.support.engine import Engine
from tests.support.faultproxy import FaultProxy
from tests.support.fixtures import Database
from tests.support.ollama import generate, pull, request
from tests.support.postgres import Postgres
from tests.support.process import BenchError, alive, kill_tree, marked, wait_until
from tests.support.registry import Registry, demo_digest
from tests.support.settings import OLLAMA_IMAGE, POSTGRES_PASSWORD, ROOT, Bench

HARDENED = (
    "--read-only --tmpfs /tmp --tmpfs /root --cap-drop ALL --security-opt no-new-privileges --pids-limit 512"
    " --memory 256m --env OLLAMA_MODELS=/models --volume models:/models"
).split()
PORT = 12400
INNER = f"i-{Bench.current().name}"[:21]


@pytest.fixture
def agent(clean_engine: Engine) -> Iterator[int]:
    """Port of an agent in a hardened container."""
    clean_engine.docker(
        *["run", "--detach", "--name", "agent", *HARDENED],
        *["--publish", f"127.0.0.1:{PORT}:11434", OLLAMA_IMAGE],
    )
    wait_until(lambda: request(PORT, "GET", "/api/version"), "the agent")
    yield PORT


def digests(port: int) -> set[str]:
    """Digests of the weights that an agent has."""
    tags = request(port, "GET", "/api/tags")[0]["models"]
    shown = [request(port, "POST", "/api/show", {"model": model["name"]})[0]["modelfile"] for model in tags]
    lines = [line for text in shown for line in text.splitlines() if line.startswith("FROM ")]
    return {line.rpartition("/")[2].replace("sha256-", "sha256:") for line in lines}


def test_agent_pulls_through_the_proxy_and_generates(agent: int, fault_proxy: FaultProxy) -> None:
    lines = list(pull(agent, fault_proxy.reference()))
    assert lines[-1] == {"status": "success"}
    assert digests(agent) == {demo_digest()}
    assert any("/blobs/sha256" in one.path and one.sent for one in fault_proxy.requests)
    request(agent, "POST", "/api/copy", {"source": fault_proxy.reference(), "destination": "demo"})
    assert generate(agent).strip()


def test_image_is_laid_out_as_the_published_one(engine: Engine) -> None:
    config = engine.inspect(OLLAMA_IMAGE)["Config"]
    assert config["Entrypoint"] == ["/bin/ollama"]
    assert config["Cmd"] == ["serve"]
    assert "OLLAMA_HOST=0.0.0.0:11434" in config["Env"]
    assert config["Labels"]["llmops.tenancy.image_source"] == "build"


def test_registry_has_two_models_and_takes_a_big_one(agent: int, registry: Registry) -> None:
    assert registry.manifest("demo")["layers"] != registry.manifest("demo2")["layers"]
    digest = registry.add_big_model("big", 20)
    list(pull(agent, registry.reference("big")))
    assert digests(agent) == {digest}
    assert generate(agent, registry.reference("big")).strip()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"path": "/manifests/", "status": 404}, "does not exist"),
        ({"path": "/manifests/", "status": 500}, "500"),
        ({"path": "/blobs/", "corrupt_at": 200_000}, "digest mismatch"),
        ({"path": "/v2/", "refuse": True}, "EOF"),
    ],
)
def test_fault_makes_the_pull_fail(agent: int, fault_proxy: FaultProxy, fault: dict, message: str) -> None:
    harm = fault_proxy.add(**fault)
    with pytest.raises(BenchError, match=message):
        list(pull(agent, fault_proxy.reference()))
    assert harm.hits
    fault_proxy.clear()
    assert list(pull(agent, fault_proxy.reference()))[-1] == {"status": "success"}


def test_throttled_and_cut_pull_still_arrives(agent: int, registry: Registry, fault_proxy: FaultProxy) -> None:
    digest = registry.add_big_model("slow", 2)
    cut = fault_proxy.add(path=f"/blobs/{digest}", cut_after=1_000_000, skip=1, times=1)
    slow = fault_proxy.add(path=f"/blobs/{digest}", rate=2_000_000)
    started = time.monotonic()
    assert list(pull(agent, fault_proxy.reference("slow")))[-1] == {"status": "success"}
    assert (cut.hits, bool(slow.hits)) == (1, True)
    assert time.monotonic() - started > 0.4
    assert digests(agent) == {digest}


def test_containers_outlive_the_engine_with_live_restore(clean_engine: Engine) -> None:
    clean_engine.restart(live_restore=True)
    clean_engine.docker("run", "--detach", "--name", "agent", *HARDENED, OLLAMA_IMAGE)
    before = clean_engine.inspect("agent")["State"]
    clean_engine.restart(live_restore=True)
    assert clean_engine.inspect("agent")["State"] == before
    clean_engine.kill()
    with pytest.raises(BenchError):
        clean_engine.docker("ps")
    clean_engine.start()
    clean_engine.restart()
    assert clean_engine.inspect("agent")["State"]["Running"] is False


def test_postgres_takes_any_role_on_the_socket_and_a_password_over_tcp(database: Database, postgres: Postgres) -> None:
    database.sql("CREATE ROLE someone LOGIN")
    assert database.sql("SELECT current_user, current_database()", role="someone") == f"someone|{database.name}"
    assert "CREATE ROLE someone LOGIN" in postgres.log.read_text()
    database.sql("DROP ROLE someone")
    command = ["psql", database.tcp_dsn(), "--tuples-only", "--no-align", "--command", "SELECT 1"]
    for password, code in ((POSTGRES_PASSWORD, 0), ("wrong", 2)):
        done = subprocess.run(command, env=os.environ | {"PGPASSWORD": password}, capture_output=True, check=False)
        assert done.returncode == code


def test_postgres_restarts_with_its_data(database: Database, postgres: Postgres) -> None:
    database.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    with pytest.raises(BenchError):
        database.sql("SELECT 1")
    postgres.start()
    assert database.sql("SELECT answer FROM kept") == "42"


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_small_disk_gets_full(kind: str) -> None:
    with small_disk(16, kind) as folder:
        fill(folder)
        with pytest.raises(OSError, match="No space left"):
            (folder / "more").write_bytes(bytes(1 << 16))
    assert not os.path.ismount(folder)


def test_kill_tree_ends_workers_in_sessions_of_their_own() -> None:
    marker = f"LLMOPS_TEST_RUN={uuid.uuid4()}"
    name, _equals, value = marker.partition("=")
    # The middle process ends, so that the last one is an orphan in a session of its own.
    command = "setsid sh -c 'setsid sleep 600 & setsid sleep 600' & setsid sh -c 'setsid sleep 600 &' ; wait"
    process = subprocess.Popen(["sh", "-c", command], env=os.environ | {name: value})
    wait_until(lambda: len(marked(marker)) >= 5, "the tree")
    kill_tree(process.pid, marker=marker)
    process.wait()
    assert marked(marker) == set()


def test_killed_playbook_leaves_no_worker(tmp_path: Path) -> None:
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.command": "sleep 600"}]}
    book = tmp_path / "book.yml"
    book.write_text(json.dumps([play]))
    run = Playbook([str(book)])
    wait_until(lambda: any(command_of(pid) == "sleep 600" for pid in marked(run.marker)), "the task")
    assert run.kill().rc == -signal.SIGKILL
    assert marked(run.marker) == set()


def command_of(pid: int) -> str:
    """Command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def test_module_runs_as_ansible_runs_it(database: Database, run_module: Callable[..., ModuleRun]) -> None:
    options = {"catalog_dsn": database.dsn}
    assert run_module("catalog", options, check=True).ok()["changed"]
    assert database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'llmops'") == "0"
    assert [run_module("catalog", options).changed for _time in range(2)] == [True, False]
    refused = run_module("catalog", {"no_such_option": 1})
    assert refused.failed
    assert "no_such_option" in refused.msg


# Of a bench from outside. These run in a bench, too, so the inner bench is one of a second level. It lives in a folder
# of its own: any bench that starts meanwhile cleans the common one, and would be first to clean what is killed here.


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Folder for temporary files of inner benches, for all their users; a short path, since sockets have no long ones."""
    with tempfile.TemporaryDirectory(prefix="b-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def bench_command(*command: str) -> list[str]:
    """Command line that runs a command in the inner bench."""
    return [str(ROOT / "tests/support/bench"), "run", "--name", INNER, "--", *command]


def left(elsewhere: Path) -> list[str]:
    """What the inner bench left when it ended: processes, mounts, control groups, files."""
    processes = [str(pid) for pid in marked(f"LLMOPS_BENCH={INNER}") if alive(pid)]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if f"llmops-bench/{INNER}/" in line]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/llmops-bench-{INNER}")]
    folder = elsewhere / "llmops-bench" / INNER
    files = [str(path) for path in (folder, folder.with_suffix(".lock")) if path.exists()]
    return processes + mounts + groups + files


def inner_command(flag: Path) -> str:
    """Starts a container, says so, and waits."""
    return f"docker run --detach --name inner {OLLAMA_IMAGE} && touch {flag} && sleep 600"


@pytest.mark.parametrize("how", [None, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_bench(elsewhere: Path, how: signal.Signals | None) -> None:
    flag = elsewhere / "up"
    script = inner_command(flag) if how else f"docker run --detach --name inner {OLLAMA_IMAGE}; exit 7"
    process = subprocess.Popen(
        bench_command("bash", "-c", script), start_new_session=True, env=os.environ | {"TMPDIR": str(elsewhere)}
    )
    if how:
        wait_until(flag.exists, "the inner bench")
        process.send_signal(how)
    assert process.wait(300) == (128 + how if how else 7)
    assert left(elsewhere) == []


def test_killed_bench_ends_at_once_and_is_cleaned_by_the_next(elsewhere: Path) -> None:
    flag, environment = elsewhere / "up", os.environ | {"TMPDIR": str(elsewhere)}
    process = subprocess.Popen(
        bench_command("bash", "-c", inner_command(flag)), start_new_session=True, env=environment
    )
    wait_until(flag.exists, "the inner bench")
    process.kill()
    process.wait()
    wait_until(lambda: not marked(f"LLMOPS_BENCH={INNER}"), "the end of all its processes")
    assert left(elsewhere)
    done = subprocess.run(
        [str(ROOT / "tests/support/bench"), "clean"],
        env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    )
    assert INNER in done.stdout.split()
    assert left(elsewhere) == []


def test_interpreter_of_the_bench_is_the_one_of_the_tests() -> None:
    assert Path(sys.executable).is_relative_to(ROOT)
