# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model store that a test fills itself, without a download, and what it looks at there."""

from __future__ import annotations

import hashlib
import json
import os
import urllib.request
from pathlib import Path

from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

from tests.support.disk import taken
from tests.support.settings import ADDRESS, REGISTRY_PORT


class Store:
    """A store at ``root`` with models of the bench's registry, under any names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(str(root))
        self.layout.prepare()

    def add(self, name: str, source: str = "demo", version: int = 0) -> str:
        """Have a model in the store and return its digest; another ``version`` is the same weights with another digest."""
        base = f"http://{ADDRESS}:{REGISTRY_PORT}/v2/library/{source}"
        manifest = json.loads(_get(f"{base}/manifests/latest"))
        for part in (manifest["config"], *manifest["layers"]):
            path = Path(self.layout.blob(part["digest"]))
            if not path.exists():
                path.write_bytes(_get(f"{base}/blobs/{part['digest']}"))
                path.chmod(0o444)
        body = json.dumps(manifest | {"annotations": {"version": str(version)}}).encode()
        place = Path(self.layout.manifest(name))
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}")
        aside.write_bytes(body)
        aside.chmod(0o444)
        os.replace(aside, place)
        return hashlib.sha256(body).hexdigest()

    def checksums(self, *but: str) -> dict[str, str]:
        """Checksum of every file of the store, its views included, and of agents' own directories but those of ``but``."""
        skipped = {str(self.root / "agents" / name) for name in but} | {str(self.root / "locks")}
        found = {}
        for folder, _folders, names in os.walk(self.root):
            if not any(folder == path or folder.startswith(f"{path}/") for path in skipped):
                for name in names:
                    path = Path(folder, name)
                    if path.is_file() and not path.is_symlink():
                        mode = oct(path.stat().st_mode)
                        found[str(path)] = f"{hashlib.sha256(path.read_bytes()).hexdigest()} {mode}"
        return found

    def disk(self) -> int:
        """Bytes of disk that it takes, each file once."""
        return taken(self.root)


def _get(url: str) -> bytes:
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=accept), timeout=120) as answer:
        return answer.read()
