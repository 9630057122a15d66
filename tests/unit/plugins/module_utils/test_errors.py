# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error of the collection: one line, and plain values."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("It failed", "the disk is full", "Free space"), "It failed: the disk is full. Free space."),
        (("It failed.", "", "Free space."), "It failed. Free space."),
        (("It failed", "", ""), "It failed."),
        (("No model x", "", "Did you mean 'y'?"), "No model x. Did you mean 'y'?"),
        (("It\nfailed", " two \n lines ", ""), "It failed: two lines."),
    ],
)
def test_one_line(parts, line):
    what, cause, remedy = parts
    assert str(TenancyError(what, cause=cause, remedy=remedy)) == line


def test_plain_values():
    error = TenancyError("a", cause="b", remedy="c", kind="k", port=7)
    assert error.as_result() == {
        "msg": "a: b. c.", "error": {"kind": "k", "what": "a", "cause": "b", "remedy": "c", "port": 7}
    }
