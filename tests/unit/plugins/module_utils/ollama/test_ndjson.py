# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of Ollama's stream."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event, parse_line

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"status":"pulling manifest"}', Event("pulling manifest")),
        (
            f'{{"status":"pulling aaa","digest":"{SHA}","total":10,"completed":4}}\n',
            Event("pulling aaa", SHA, 10, 4),
        ),
        # Ollama leaves a number of zero out.
        (f'{{"status":"pulling aaa","digest":"{SHA}","total":10}}', Event("pulling aaa", SHA, 10, 0)),
        ('{"error":"no space left on device"}', Event(error="no space left on device")),
        ('{"status":"success","later":{"key":1}}', Event("success")),
        ('{"status":"uñí"}', Event("uñí")),
        ("", None),
        ("   \n", None),
    ],
)
def test_a_line_is_an_event(line, expected):
    assert parse_line(line) == expected


@pytest.mark.parametrize(
    "line",
    ["<html>", '{"status":"pul', "[]", "null", "7", '"status"', "{}", '{"models":[]}', '{"status":"x","total":"many"}'],
)
def test_what_is_not_ollamas_is_refused(line):
    with pytest.raises(ValueError):
        parse_line(line)
