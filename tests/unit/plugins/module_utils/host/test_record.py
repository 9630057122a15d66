# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.host import record


def test_what_is_added_can_be_taken_out_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "record.json"
    record.add(str(path), "images", "a")
    record.add(str(path), "images", "b")
    record.add(str(path), "images", "a")
    assert record.read(str(path)) == {"images": ["a", "b"]}
    record.discard(str(path), "images", "a")
    assert record.read(str(path)) == {"images": ["b"]}
    record.discard(str(path), "images", "b")
    assert not path.exists()
    assert record.read(str(path)) == {}


def test_broken_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("{")
    with pytest.raises(TenancyError) as error:
        record.read(str(path))
    assert error.value.kind == "bad_record"
    assert str(path) in str(error.value)
