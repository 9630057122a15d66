# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manifest that can't be written leaves in a store, and one that can. How views come by a blob that was mended."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit, locks
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


@pytest.mark.parametrize("in_the_way", [False, True])
def test_nothing_stays_aside(tmp_path: Path, in_the_way: bool) -> None:
    layout = Layout(str(tmp_path / "store"))
    layout.prepare()
    place = Path(layout.manifest("demo"))
    if in_the_way:
        place.mkdir(parents=True)
    try:
        commit.commit(layout, "demo", Manifest("", b"{}", ()))
    except OSError:
        assert in_the_way
    else:
        assert place.read_bytes() == b"{}" and not in_the_way
    assert os.listdir(layout.staging) == [] and os.listdir(place.parent) == ["latest"]


def test_views_are_linked_again_while_none_goes(tmp_path: Path) -> None:
    layout, blob = Layout(str(tmp_path / "store")), Blob("sha256:" + "a" * 64, 3)
    layout.prepare()
    stored = Path(layout.blob(blob.digest))
    stored.write_text("new")
    for view in ("goes", "stays", "without"):
        Path(layout.view(view), "blobs").mkdir(parents=True)
    for view in ("goes", "stays"):
        Path(layout.view(view), "blobs", stored.name).write_text("old")
    linking = threading.Thread(target=commit.relink, args=(layout, [blob]))
    with locks.exclusive(layout):
        linking.start()
        # However long: it waits for who takes views away.
        linking.join(0.2)
        assert linking.is_alive()
        shutil.rmtree(layout.view("goes"))
    linking.join()
    assert Path(layout.view("stays"), "blobs", stored.name).samefile(stored)
    assert sorted(os.listdir(layout.views)) == ["stays", "without"] and os.listdir(layout.staging) == []
