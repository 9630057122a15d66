# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models of a store that come from files: GGUF files, Modelfiles, archives of another store."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
import struct
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Watcher
from ansible_collections.llmops.tenancy.plugins.module_utils.options.store import MODEL
from ansible_collections.llmops.tenancy.plugins.module_utils.store import views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import Staging
from ansible_collections.llmops.tenancy.plugins.module_utils.store.wishes import read_wish
from tests.support.ansible import PlaybookRun
from tests.support.disk import small_disk
from tests.support.engine import Engine
from tests.support.models import model_agent
from tests.support.ollama import generate, request
from tests.support.process import wait_until
from tests.support.registry import demo_digest, other_weights
from tests.support.settings import DEMO_MODEL, OLLAMA_IMAGE
from tests.support.ssh import OPERATOR, operator, ssh_host
from tests.support.stores import ModuleProcess, StoreFolder

BUILDER = "ollama-builder-"
MODELFILE = '''FROM demo
SYSTEM """You answer
briefly."""
PARAMETER temperature 0
PARAMETER seed 7
LICENSE MIT
MESSAGE user Hello
'''
ADAPTED = "FROM ./weights.gguf\nADAPTER ./adapter.gguf\nTEMPLATE \"{{ .Prompt }}\"\n"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Fill the store
      llmops.tenancy.model_store:
        store: "{store}"
        docker_host: "{engine}"
        builder_image: "{image}"
        min_free: "0"
        models:
          - {{model: demo, path: weights.gguf}}
          - {{model: assistant, modelfile: Modelfile}}
          - {{model: adapted, modelfile: Adapted}}
"""

# What an agent that moves has, and models, go from a host where nobody logs in as root.
BRINGING = """
- hosts: all
  gather_facts: false
  become: true
  become_method: su
  tasks:
    - name: Bring an agent's data
      llmops.tenancy.agent_data:
        agents: [packed]
        fetch: "{folder}/moves"
        docker_host: "{engine}"
      register: packed
      failed_when: packed.failures | length > 0
    - name: Bring models
      llmops.tenancy.model_export:
        store: "{store}"
        path: /var/tmp/models.tar
        fetch: "{folder}/models.tar"
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    shutil.copy(DEMO_MODEL, folder / "weights.gguf")
    (folder / "Modelfile").write_text(MODELFILE)
    (folder / "Adapted").write_text(ADAPTED)
    (folder / "adapter.gguf").write_bytes(adapter())
    return folder


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator:
    yield lambda name: StoreFolder(tmp_path / name)


def adapter() -> bytes:
    """A GGUF file of an adapter that adapts nothing."""
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    values = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora"}
    pairs = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in values.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(values)) + pairs


def models(sources: Path) -> list[dict]:
    return [
        {"model": "demo", "path": str(sources / "weights.gguf"), "checksum": demo_digest()},
        {"model": "assistant", "modelfile": str(sources / "Modelfile")},
        {"model": "adapted", "modelfile": str(sources / "Adapted")},
    ]


def builders(engine: Engine) -> list[str]:
    return [name for name in engine.objects()["containers"] if name.startswith(BUILDER)]


def tags(engine: Engine, store: StoreFolder, port: int, name: str) -> dict[str, str]:
    """What an agent with a view of the whole store has, once each of it has answered."""
    layout = Layout(str(store.root))
    view = views.build(layout, views.wanted(layout, ["demo", "assistant", "adapted"]))
    with model_agent(engine, port, name, view) as agent:
        assert all(generate(port, model).strip() for model in ("demo", "assistant", "adapted"))
        shown = request(port, "POST", "/api/show", {"model": "assistant"})[0]
        assert "You answer\nbriefly." in shown["system"] and shown["license"].strip() == "MIT"
        assert dict(line.split() for line in shown["parameters"].splitlines()) == {"temperature": "0", "seed": "7"}
        shown = request(port, "POST", "/api/show", {"model": "adapted"})[0]
        assert shown["template"] == "{{ .Prompt }}" and "\nADAPTER " in shown["modelfile"]
        return agent.models()


def attacked(engine: Engine) -> int:
    """Write to the weights that a builder sees, as its root could, where Ollama does not look; how many there were."""
    [name] = builders(engine)
    pid = engine.docker("inspect", "--format", "{{.State.Pid}}", name).strip()
    blobs = Path(f"/proc/{pid}/root/models/blobs").glob("sha256-" + "?" * 64)
    seen = [blob for blob in blobs if blob.stat().st_size > 100_000]
    for blob in seen:
        blob.chmod(0o666)
        with blob.open("r+b") as file:
            file.seek(-4, 2)
            file.write(b"EVIL")
    return len(seen)


def test_models_of_files_are_the_same_wherever_they_are_made(engine, sources, make_store, run_module, run_playbook, tmp_path):
    here, there = make_store("here"), make_store("there")
    params = here.params(models=models(sources))
    predicted = run_module("model_store", params, check=True).ok()
    assert not here.root.exists()
    done = run_module("model_store", params).ok()
    assert done["changed"] and done["actions"] == predicted["actions"]
    for check in (True, False):
        assert not run_module("model_store", params, check=check).ok()["changed"]
    # The same files from the controller, over SSH: only what is needed goes over the line.
    play = tmp_path / "play.yml"
    play.write_text(PLAYBOOK.format(store=there.root, engine=engine.url, image=OLLAMA_IMAGE))
    with ssh_host() as remote:
        command = [str(play), *remote.inventory, "-vvv"]
        checked = run_playbook([*command, "--check"]).ok()
        assert checked.changed == 1 and "weights.gguf TO" not in checked.output
        assert run_playbook(command).ok().changed == 1
        again = run_playbook(command).ok()
        assert again.changed == 0 and "weights.gguf TO" not in again.output
    assert here.models() == there.models()
    first = tags(engine, here, 12440, "here")
    assert first == tags(engine, there, 12441, "there")
    assert {model["model"]: model["digest"] for model in done["models"]} == first
    for store in (here, there):
        store.assert_sound()
        store.assert_tidy()
    assert not builders(engine)


def test_what_it_is_made_of_decides(engine, sources, make_store, run_module):
    store = make_store("models")
    params = store.params(models=models(sources))
    before = {model["model"]: model["digest"] for model in run_module("model_store", params).ok()["models"]}
    # Another base: what is made of it follows in the same run.
    (sources / "other.gguf").write_bytes(other_weights(DEMO_MODEL.read_bytes()))
    params["models"][0] = {"model": "demo", "path": str(sources / "other.gguf")}
    predicted = run_module("model_store", params, check=True).ok()
    done = run_module("model_store", params).ok()
    assert done["actions"] and [each["name"] for each in done["actions"]] == [each["name"] for each in predicted["actions"]]
    after = {model["model"]: model["digest"] for model in done["models"]}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"demo:latest", "assistant:latest"}
    assert not run_module("model_store", params).ok()["changed"]
    # Whoever is root where models are made can't reach into what others share.
    (sources / "adapter.gguf").write_bytes(adapter())
    (sources / "Spy").write_text("FROM demo\nADAPTER ./adapter.gguf\nSYSTEM spy\n")
    options = {"models": None, "store": str(store.root), "docker_host": engine.url, "timeout": 30, "stall_timeout": 30,
               "connections": 1, "builder_image": OLLAMA_IMAGE, "builder_memory": "512m"}
    wish = read_wish({**dict.fromkeys(MODEL), "model": "spy", "state": "present", "modelfile": str(sources / "Spy")}, options)
    tried: list[int] = []
    before = store.blobs()
    watcher = Watcher(lambda progress: tried.append(attacked(engine)), threading.Event())
    made = wish.source.stage(Staging(Layout(str(store.root)), "spy:latest", watcher))
    layers = {layer["mediaType"].rpartition(".")[2]: layer["digest"] for layer in json.loads(made.body)["layers"]}
    assert layers["adapter"] == f"sha256:{hashlib.sha256(adapter()).hexdigest()}" and layers["model"][7:] in before
    assert sum(tried) > 0 and before == {name: checksum for name, checksum in store.blobs().items() if name in before}
    store.assert_sound()
    store.assert_tidy()


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("FROM ../weights.gguf", "unsafe_modelfile", "line 1"),
        ("FROM phi4-mini", "unknown_base", "phi4-mini"),
        ("FROM ./weights.gguf\nPARAMETER temperatur 1", "bad_modelfile", "temperatur"),
        ("FROM ./weights.gguf\nTEMPLATE {{ .Prompt", "bad_modelfile", "template"),
        ("FROM ./cut.gguf", "bad_model_file", "can read"),
    ],
)
def test_refused(sources, make_store, run_module, engine, text, kind, says):
    (sources / "cut.gguf").write_bytes(DEMO_MODEL.read_bytes()[:4096])
    (sources / "Bad").write_text(text)
    store = make_store("models")
    run = run_module("model_store", store.params(model="bad", modelfile=str(sources / "Bad"), retries=0))
    assert run.failed and run.result["error"]["kind"] == kind and says in run.msg and run.result["error"]["remedy"]
    assert store.models() == {} and not builders(engine)


def test_a_file_with_another_checksum_is_refused(sources, make_store, run_module):
    store, wrong = make_store("models"), f"sha256:{'0' * 64}"
    params = store.params(model="demo", path=str(sources / "weights.gguf"), checksum=wrong, retries=0)
    for check in (True, False):
        run = run_module("model_store", params, check=check)
        assert run.failed and run.result["error"]["kind"] == "checksum_mismatch" and run.result["error"]["remedy"]
        assert "weights.gguf" in run.msg and wrong[:19] in run.msg
    assert store.models() == {}
    assert run_module("model_store", {**params, "checksum": demo_digest()}).ok()["changed"]
    store.assert_sound()
    store.assert_tidy()


def test_a_run_that_is_killed_leaves_nothing(engine, sources, make_store, run_module):
    store = make_store("models")
    big = sources / "big.gguf"
    with big.open("wb") as out:
        out.write(DEMO_MODEL.read_bytes())
        out.truncate(600 << 20)
    params = store.params(model="big", path=str(big))
    run = ModuleProcess("model_store", params)
    wait_until(lambda: builders(engine), "the builder")
    run.kill()
    assert builders(engine) and store.models() == {}
    # Any run of the module sweeps up, also one that makes nothing.
    run_module("model_store", store.params(model="big", state="absent")).ok()
    assert not builders(engine)
    store.assert_tidy()
    assert run_module("model_store", params).ok()["changed"]
    store.assert_sound()
    store.assert_tidy()
    assert not builders(engine)


def played(run_playbook: Callable[..., PlaybookRun], name: str, variables: dict) -> PlaybookRun:
    """A run of a playbook on this machine."""
    return run_playbook([f"playbooks/{name}.yml", "-i", "inventories/local", "-e", json.dumps(variables)]).ok()


@pytest.mark.parametrize("kind", ["tar", "directory"])
def test_an_archive_goes_to_another_store(engine, sources, make_store, run_module, run_playbook, tmp_path, kind):
    here, there = make_store("here"), make_store("there")
    run_module("model_store", here.params(models=models(sources))).ok()
    archive = tmp_path / "archive"
    export = {"store": str(here.root), "path": str(archive), "format": kind}
    predicted = run_module("model_export", export, check=True).ok()
    assert predicted["changed"] and not archive.exists()
    made = run_module("model_export", export).ok()
    assert made["actions"] == predicted["actions"] and made["checksum"] == predicted["checksum"]
    assert not run_module("model_export", export, check=True).ok()["changed"]
    given = {f"model_export_{name}": value for name, value in (export | {"store": str(here.root)}).items()}
    assert played(run_playbook, "export_models", given).changed == 0
    assert stat.S_IMODE(archive.stat().st_mode) == (0o600 if kind == "tar" else 0o700)
    folder = archive
    if kind == "tar":
        folder = tmp_path / "unpacked"
        shutil.unpack_archive(archive, folder, "tar")
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    params = there.params(archive=str(archive), checksum=made["checksum"])
    predicted = run_module("model_store", params, check=True).ok()
    done = run_module("model_store", params).ok()
    # None of it comes over the wire.
    assert done["changed"] and done["actions"] == predicted["actions"] and done["downloaded"] == predicted["downloaded"] == 0
    assert not run_module("model_store", params).ok()["changed"]
    assert here.models() == there.models()
    if kind == "tar":
        assert set(tags(engine, there, 12442, "there")) == {"demo:latest", "assistant:latest", "adapted:latest"}
    # A blob that was damaged in the store comes back out of the archive.
    blob = there.blob(demo_digest())
    blob.chmod(0o644)
    blob.write_bytes(other_weights(blob.read_bytes()))
    if kind == "tar":
        healed = run_module("model_store", there.params(model="demo", archive=str(archive), verify=True)).ok()
        assert healed["models"][0]["mended"] == [demo_digest()]
    else:
        # One that is on the host already may be a directory.
        wanted = {"models": "demo", "archive": str(archive), "verify": True, "remote_src": True, "path": str(there.root), "min_free": "0"}
        assert played(run_playbook, "prefetch_models", {f"model_store_{name}": value for name, value in wanted.items()}).changed == 1
    there.assert_sound()
    there.assert_tidy()


def test_an_archive_that_was_changed_is_refused(sources, make_store, run_module, tmp_path):
    here, there = make_store("here"), make_store("there")
    run_module("model_store", here.params(models=models(sources)[:1])).ok()
    archive = tmp_path / "archive.tar"
    made = run_module("model_export", {"store": str(here.root), "path": str(archive)}).ok()
    whole = archive.read_bytes()
    at = whole.index(DEMO_MODEL.read_bytes()[:64]) + 100_000
    for body in (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[:100_000]):
        archive.write_bytes(body)
        run = run_module("model_store", there.params(archive=str(archive), checksum=made["checksum"]))
        assert run.failed and run.result["error"]["kind"] == "bad_archive" and there.models() == {}
    archive.write_bytes(whole)
    run = run_module("model_store", there.params(archive=str(archive), checksum=f"sha256:{'0' * 64}"))
    assert run.failed and run.result["error"]["kind"] == "checksum_mismatch"
    blob = here.blob(demo_digest())
    blob.chmod(0o644)
    blob.write_bytes(other_weights(blob.read_bytes()))
    run = run_module("model_export", {"store": str(here.root), "path": str(tmp_path / "other.tar")})
    assert run.failed and run.result["error"]["kind"] == "corrupt_blob" and not (tmp_path / "other.tar").exists()


def test_archives_are_theirs_who_log_in_and_nobody_elses(engine, sources, make_store, run_module, run_playbook, tmp_path):
    here, moves = make_store("here"), Path("/var/lib/llmops-tenancy/moves")
    run_module("model_store", here.params(models=models(sources)[:1])).ok()
    agent = {"agent": "packed", "tenant": "packed", "state": "stopped", "memory_limit": "256m", "docker_host": engine.url}
    run_module("ollama_agent", agent).ok()
    (engine.folder / "docker" / "volumes" / "ollama-agent-packed" / "_data" / "mine").write_bytes(bytes(1 << 20))
    # As a move to this host makes them.
    moves.mkdir(parents=True, exist_ok=True)
    moves.parent.chmod(0o700)
    # Of a run that was killed while it brought the archive.
    (tmp_path / "brought" / "moves").mkdir(parents=True, mode=0o700)
    (tmp_path / "brought" / "moves" / "packed.tar.part").write_bytes(b"half")
    play = tmp_path / "play.yml"
    play.write_text(BRINGING.format(folder=tmp_path / "brought", engine=engine.url, store=here.root))
    with ssh_host() as remote, operator(remote) as host:
        command = [str(play), *host.inventory, "-vvv"]
        done = run_playbook(command).ok()
        # Ansible's own way, with become, has all of it in memory.
        assert done.changed == 2 and "slurp" not in done.output
        assert (moves.stat().st_uid, moves.stat().st_mode & 0o777) == (0, 0o710)
        assert (moves / "packed.tar").owner() == OPERATOR and (moves / "packed.tar").stat().st_mode & 0o777 == 0o600
        again = run_playbook(command).ok()
        assert again.changed == 0 and f"{moves}/packed.tar TO" not in again.output
    with tarfile.open(tmp_path / "brought" / "moves" / "packed.tar") as tar:
        assert tar.extractfile("./mine").read() == bytes(1 << 20)
    assert (tmp_path / "brought" / "moves").stat().st_mode & 0o777 == 0o700 and not Path("/var/tmp/models.tar").exists()
    shutil.rmtree(moves)
    run_module("ollama_agent", {**agent, "state": "absent", "remove_volume": True}).ok()


def test_what_does_not_fit_is_told_before_anything_is_written(engine, sources, make_store, run_module):
    big = sources / "big.gguf"
    with big.open("wb") as out:
        out.write(DEMO_MODEL.read_bytes())
        out.truncate(32 << 20)
    here = make_store("here")
    run_module("model_store", here.params(models=[{"model": "demo", "path": str(sources / "weights.gguf")}])).ok()
    with small_disk(8, "ext4") as disk:
        there = StoreFolder(disk / "models")
        full = disk / "rest"
        for module, params in (
            ("model_store", there.params(model="big", path=str(big), retries=0)),
            ("model_export", {"store": str(here.root), "path": str(disk / "archive.tar")}),
        ):
            if module == "model_export":
                full.write_bytes(bytes(shutil.disk_usage(disk).free - 200_000))
            told = [run_module(module, params, check=check).result["error"] for check in (True, False)]
            assert [each["kind"] for each in told] == ["disk_full"] * 2 and told[0]["cause"], told
            assert not (disk / "archive.tar").exists() and not builders(engine)
        # With room again, the same call does it.
        full.unlink()
        assert run_module("model_export", params).ok()["changed"]
        assert run_module("model_store", there.params(model="demo", path=str(sources / "weights.gguf"))).ok()["changed"]
        there.assert_sound()
        there.assert_tidy()


def told(run: PlaybookRun) -> set[str]:
    """Where a run brought models and how much came, or where a check would; and the archive with its checksum."""
    return set(re.findall(r"[\w:, ]+ in \S+(?: of the controller, checksum \S+|: [\w.]+ \w+(?= came| would come))", " ".join(run.stdout.split())))


def test_models_of_one_host_go_to_others(make_store, registry, run_module, run_playbook, tmp_path):
    here, there, too, idle = map(make_store, ("here", "there", "too", "idle"))
    run_module("model_store", here.params(registry.address, models=[{"model": "demo"}, {"model": "demo2"}])).ok()
    hosts = {
        name: {"ansible_connection": "local", "model_store_path": str(store.root)} for name, store in zip("abcd", (here, there, too, idle))
    }
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "model_store_min_free": "0"}
    (tmp_path / "hosts.yml").write_text(json.dumps({"agent_hosts": {"hosts": hosts, "vars": variables}}))
    extra = json.dumps({"copy_from": "a", "copy_to": "b,c", "copy_models": ["demo"], "copy_archive": str(tmp_path / "copy.tar")})
    command = ["playbooks/copy_models.yml", "-i", str(tmp_path / "hosts.yml"), "-e", extra]
    # The archive of another time is not what a check tells of.
    run_module("model_export", {"store": str(here.root), "path": str(tmp_path / "copy.tar"), "models": ["demo2"]}).ok()
    checked = run_playbook([*command, "--check"]).ok()
    assert checked.changed == 3 and not there.root.exists()
    done = run_playbook(command).ok()
    assert done.changed == 3 and told(done) == told(checked) and len(told(done)) == 3
    path = "registry.ollama.ai/library/demo/latest"
    assert there.models() == too.models() == {path: here.models()[path]}
    assert not idle.root.exists()
    assert run_playbook(command).ok().changed == 0
