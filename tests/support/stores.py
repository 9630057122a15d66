# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the model store ask of it and of the registry before it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from tests.support.ansible import environment
from tests.support.faultproxy import FaultProxy
from tests.support.process import kill_tree, wait_until
from tests.support.settings import ROOT


class StoreFolder:
    """A model store, seen from outside."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def params(self, mirror: FaultProxy | str | None = None, **options: Any) -> dict[str, Any]:
        """Options of model_store for this store, pulling from a mirror that speaks plain HTTP."""
        address = mirror.address if isinstance(mirror, FaultProxy) else mirror
        source = {"mirror": address, "insecure": True} if address else {}
        return {"store": str(self.root), "min_free": "0", "retries": 2, "stall_timeout": 20, **source, **options}

    def blobs(self) -> dict[str, str]:
        """Checksum of each blob by the one that its name promises."""
        files = (self.root / "blobs").iterdir() if self.root.exists() else ()
        return {file.name.removeprefix("sha256-"): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def models(self) -> dict[str, str]:
        """Digest by the path of the manifest; fails for a model that is not whole."""
        folder = self.root / "manifests"
        found = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
            body = path.read_bytes()
            value = json.loads(body)
            for part in (value["config"], *value["layers"]):
                blob = self.blob(part["digest"])
                assert blob.stat().st_size == part["size"], f"{path} is there without its blob {blob}"
            found[str(path.relative_to(folder))] = hashlib.sha256(body).hexdigest()
        return found

    def blob(self, digest: str) -> Path:
        """File of a blob."""
        return self.root / "blobs" / digest.replace(":", "-")

    def assert_sound(self) -> None:
        """Each blob has the bytes that its name promises, and each model all of its blobs."""
        assert all(name == checksum for name, checksum in self.blobs().items())
        self.models()

    def assert_tidy(self) -> None:
        """Nothing is left of a pull."""
        for folder in ("partial", "staging"):
            assert os.listdir(self.root / folder) == []
        assert not [path for path in self.root.rglob(".*") if path.is_file()]


class ModuleProcess:
    """A module that runs beside the test, and can be killed with all that it started.

    Args:
        name: Short name of the module.
        params: Its options.
        stop_at: A moment that it stops at, see ``run_module.stop_at``; nothing of the module itself is another for it.
    """

    def __init__(self, name: str, params: dict[str, Any], stop_at: str | None = None) -> None:
        marker = ("LLMOPS_TEST_RUN", str(uuid.uuid4()))
        self._marker = "=".join(marker)
        self._stopped = Path(tempfile.gettempdir(), f"stopped-{marker[1]}")
        stop = {"LLMOPS_TEST_STOP_AT": stop_at, "LLMOPS_TEST_STOPPED": str(self._stopped)} if stop_at else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.run_module"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(dict([marker]) | stop),
            cwd=ROOT,
            start_new_session=True,
        )
        self._request = json.dumps({"module": name, "args": {**params, "_ansible_module_name": f"llmops.tenancy.{name}"}})
        self._process.stdin.write(self._request)
        self._process.stdin.close()

    def wait_stopped(self) -> None:
        """Wait until it stops at its moment; fails when it ends without."""
        wait_until(lambda: self._stopped.exists() or not self.running(), "the moment to stop at")
        assert self._stopped.exists(), f"the module ended before: {self._process.stdout.read()}"
        self._stopped.unlink()

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def result(self, timeout: float = 300) -> dict[str, Any]:
        """Its result, once it has ended."""
        self._process.wait(timeout)
        return json.loads(self._process.stdout.read())

    def kill(self) -> None:
        """End it by ``kill -9``, its worker included."""
        kill_tree(self._process.pid, marker=self._marker)
        self._process.wait()
        self._process.stdout.close()
