# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of Ollama's modules: passwords in URLs are found wherever they stand."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import GROUP


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"endpoint": "http://127.0.0.1:11435"}, []),
        ({"endpoint": "http://u:secret@gw", "mirror": None}, ["secret"]),
        ({"mirror": "u:s3:cret@m.example.com:5000"}, ["s3:cret"]),
        ({"mirror": "m.example.com:5000/ns", "models": [{"mirror": "http://u:a@m"}, {"endpoint": "u:b@h"}]}, ["a", "b"]),
        ({"agents": [{"endpoint": "https://u:c@h"}], "models": None}, ["c"]),
    ],
)
def test_passwords_in_urls(params, found):
    assert GROUP.secrets(params) == found
