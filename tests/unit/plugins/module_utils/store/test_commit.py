# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manifest that can't be written leaves in a store, and one that can."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import commit
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Manifest
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
