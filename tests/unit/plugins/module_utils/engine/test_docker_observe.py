# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine says, read."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_observe import read_last_end, unix_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", "1.000000000"),
        ("2026-11-22T07:00:00.5Z", "1795330800.500000000"),
        ("2026-11-22T07:00:00.123456789Z", "1795330800.123456789"),
    ],
)
def test_unix_time(text, expected):
    assert unix_time(text) == expected


def event(action, **attributes):
    return {"Action": action, "Actor": {"Attributes": attributes}}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], {}),
        ([event("oom")], {}),
        ([event("die", exitCode="1"), event("die", exitCode="127")], {"ExitCode": 127, "OOMKilled": False}),
        ([event("oom"), event("die", exitCode="137")], {"ExitCode": 137, "OOMKilled": True}),
    ],
)
def test_last_end(events, expected):
    assert read_last_end(events) == expected
