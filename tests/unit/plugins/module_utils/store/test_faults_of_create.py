# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ollama's words on a model that it can't make."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store.builder import readable
from ansible_collections.llmops.tenancy.plugins.module_utils.store.faults_of_create import meaning_of


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Error: write /models/blobs/sha256-1: no space left on device", "disk_full"),
        ("Error: (line 2): command must be one of \"from\"", "bad_modelfile"),
        ("Error: unknown parameter 'foo'", "bad_modelfile"),
        ("Error: invalid float value [abc]", "bad_modelfile"),
        ("Error: template error: template: :1: unclosed action", "bad_modelfile"),
        ("Error: unexpected EOF", "bad_model_file"),
        ("Error: unsupported architecture \"Foo\"", "bad_model_file"),
        ("Error: pull model manifest: Get \"https://x\": dial tcp: lookup x on [::1]:53", "unknown_base"),
        ("Error: open /models/blobs/x: permission denied", "builder_denied"),
        ("Error: something new", "create_failed"),
        ("", "create_failed"),
    ],
)
def test_meaning(line, kind):
    error = meaning_of(["parsing GGUF", line] if line else [], "assistant:latest", "the Modelfile 'x'")
    assert error.kind == kind and "assistant:latest" in error.what and error.cause and error.remedy
    assert "Error:" not in str(error)


def test_readable():
    output = "\x1b[?2026h\x1b[?25l\x1b[1Ggathering model components \x1b[K\r\n\x1b[1Ggathering model components\x1b[K\nsuccess \x1b[K\x1b[?25h"
    assert readable(output) == ["gathering model components", "success"]
