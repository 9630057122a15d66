# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exports to one path leave to each other, and take away of each other."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, content, export, locks
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout

WEIGHTS = b"weights " * 1000


@pytest.mark.parametrize("tar", [True, False])
def test_what_a_killed_export_left_goes_and_what_another_one_writes_stays(tmp_path: Path, tar: bool) -> None:
    layout = Layout(str(tmp_path / "store"))
    layout.prepare()
    digest = f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"
    Path(layout.blob(digest)).write_bytes(WEIGHTS)
    body = json.dumps({"layers": [{"digest": digest, "size": len(WEIGHTS)}]}).encode()
    commit.commit(layout, "demo", content.parse(body, "demo"))
    path, left, busy = (tmp_path / "there" / name for name in ("models", ".models.0000aaaa", ".models.0000bbbb"))
    for place in (left, busy):
        place.mkdir(parents=True)
        (place / "part").write_bytes(WEIGHTS)
    held = locks.hold(str(busy))
    assert held is not None
    export.export(layout, export.plan(layout, (), str(path), tar))
    assert export.plan(layout, (), str(path), tar).current
    assert sorted(os.listdir(tmp_path / "there")) == [busy.name, path.name]
    os.close(held)
    export.export(layout, export.plan(layout, (), str(path), tar))
    assert os.listdir(tmp_path / "there") == [path.name]
