# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cause of an agent that does not get healthy, for what was seen on real engines."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.diagnose import diagnosis, redacted
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.settings import DEFAULTS


@pytest.mark.parametrize(
    ("state", "log", "kind", "word"),
    [
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": True}, [], "memory_too_small", "6.0 GiB"),
        ({"Status": "restarting", "ExitCode": 1, "RestartCount": 2}, ["cannot allocate memory"], "memory_too_small", "memory_limit"),
        ({"Status": "exited", "ExitCode": 1}, ["listen tcp 0.0.0.0:11434: bind: address already in use"], "port_in_use", "port"),
        ({"Status": "created", "ExitCode": 127, "Error": "exec: no such file"}, [], "bad_image", "ollama/ollama:0.24.0"),
        ({"Status": "exited", "ExitCode": 126}, [], "bad_image", "another processor"),
        ({"Status": "restarting", "ExitCode": 1, "RestartCount": 3}, ["boom"], "agent_exits", "restarted 3 times"),
        ({"Status": "exited", "ExitCode": 137}, [], "agent_exits", "killed"),
        ({"Status": "running", "ExitCode": 0}, [], "agent_silent", "within 7 s"),
    ],
)
def test_cause(state, log, kind, word):
    error = diagnosis("a1", DEFAULTS, state, log, 7)
    assert error.kind == kind
    assert word in error.cause
    assert "a1" in error.what and error.remedy
    assert error.details["log"] == log


def test_log_is_quoted_without_secrets():
    lines = [f"line {number}" for number in range(30)] + ["using hunter2-token", "api_key: abc", "password=xyz ok"]
    clean = redacted(lines, ["hunter2-token", "1"])
    assert len(clean) == 20
    assert clean[-3:] == ["using ********", "api_key: ********", "password=******** ok"]
    assert clean[0] == "line 13"
