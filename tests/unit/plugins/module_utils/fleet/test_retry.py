# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run left is noted, and found by the next."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import retry


def kind_of(call, *arguments):
    with pytest.raises(TenancyError) as caught:
        call(*arguments)
    return caught.value.kind


def test_note(tmp_path):
    path = str(tmp_path / "folder" / "left.json")
    assert kind_of(retry.read, path) == "nothing_to_retry"
    retry.write(path, [])
    retry.write(path, ["blue", "acme", "blue"])
    assert retry.read(path) == ["acme", "blue"]
    retry.write(path, [])
    assert kind_of(retry.read, path) == "nothing_to_retry"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"tenants": 1}'])
def test_broken_note(tmp_path, content):
    path = tmp_path / "left.json"
    path.write_text(content)
    assert kind_of(retry.read, str(path)) == "invalid_file"


def test_nowhere_to_write(tmp_path):
    assert kind_of(retry.write, str(tmp_path), ["acme"]) == "retry_file"
