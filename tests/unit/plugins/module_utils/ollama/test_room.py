# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as an agent's own, and when that is too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import room
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import parse_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.step import Step

MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:50 / /v/shared/_data rw - overlay overlay rw,lowerdir=/s/agents/a/view,upperdir=/s/agents/a/upper,workdir=/s/agents/a/work
41 22 0:51 / /v/tmp/_data rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "own"),
    [("/v/shared/_data", "/s/agents/a/upper"), ("/v/tmp/_data", "/v/tmp/_data"), ("/v/plain/_data", "/v/plain/_data")],
)
def test_what_an_agent_writes_itself(tmp_path: Path, folder, own):
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert room.own_folder(folder, str(table)) == own


@pytest.mark.parametrize(
    ("limit", "needed", "refused"),
    [(None, 10**12, False), (200_000, 0, False), (200_000, 90_000, False), (200_000, 110_000, True), (90_000, 0, True)],
)
def test_the_limit(tmp_path: Path, limit, needed, refused):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "own").write_bytes(b"x" * 98_304)
    (tmp_path / "blobs" / "link").symlink_to("/bin/sh")
    step = Step("agent a", "http://a", "demo:latest", parse_model("demo"), str(tmp_path))
    try:
        room.check_limit(step, needed, limit)
    except TenancyError as error:
        # It shares nothing, so all that it has is its own.
        assert refused and error.kind == "private_limit" and "migrate_to_store" in error.remedy
    else:
        assert not refused
