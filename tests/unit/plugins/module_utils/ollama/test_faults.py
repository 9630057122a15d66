# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ollama's words and what they mean. The texts are those that release 0.24 gives."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.faults import may_pass, meaning_of


@pytest.mark.parametrize(
    ("text", "kind", "again"),
    [
        ("pull model manifest: file does not exist", "model_not_in_registry", False),
        ("file does not exist", "layer_not_in_registry", False),
        ('pull model manifest: 412: {"errors":[]}', "ollama_too_old", False),
        ("pull model manifest: The model requires a newer version of Ollama.", "ollama_too_old", False),
        ("http: no Location header in response", "mirror_unsuitable", False),
        ('Get "https://m/v2/": http: server gave HTTP response to HTTPS client', "mirror_speaks_http", False),
        ("400: Client sent an HTTP request to an HTTPS server.", "mirror_speaks_https", False),
        ("insecure protocol http", "mirror_speaks_https", False),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "registry_untrusted", False),
        ("pull model manifest: 401: {}", "registry_denied", False),
        ("unauthorized: access denied", "registry_denied", False),
        ('realm host "" does not match original host "m.example.com"', "registry_denied", False),
        ('pull model manifest: 403: {"errors":[]}', "registry_denied", False),
        ('pull model manifest: 429: {"errors":[]}', "registry_busy", True),
        ("pull model manifest: 500: oops", "registry_error", True),
        ("max retries exceeded: unexpected status code 503", "registry_error", True),
        ("digest mismatch, file must be downloaded again: want sha256:a, got sha256:b", "digest_mismatch", True),
        ("write /models/blobs/x: no space left on device", "disk_full", False),
        ("dial tcp: lookup m.example.com: no such host", "registry_unreachable", False),
        ("dial tcp 192.0.2.1:5000: connect: connection refused", "registry_unreachable", True),
        ("dial tcp 192.0.2.1:5000: i/o timeout", "registry_unreachable", True),
        ("max retries exceeded: unexpected EOF", "pull_failed", True),
        ("context canceled", "pull_failed", True),
        ("something that nobody has seen yet {with} braces", "pull_failed", True),
        ("invalid model name", "invalid_model", False),
    ],
)
def test_meaning(text, kind, again):
    error = meaning_of(text, model="phi4-mini:latest", agent="agent empresa-corp", registry="m.example.com")
    assert (error.kind, may_pass(error)) == (kind, again)
    assert error.cause and error.remedy
    assert "phi4-mini:latest" in error.what and "agent empresa-corp" in error.what
    assert "{" not in error.cause.replace("{with}", "").replace("{}", "").replace('{"errors":[]}', "")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("invalid file magic", "bad_model_file"), ("unexpected EOF", "bad_model_file"),
        ("write /models/x: no space left on device", "disk_full"),
    ],
)
def test_meaning_for_a_file(text, kind):
    error = meaning_of(text, model="m", agent="agent a", file="m.gguf")
    assert (error.kind, may_pass(error)) == (kind, False)


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        ("agent_unreachable", True), ("agent_timeout", True), ("agent_disconnected", True), ("stalled", True),
        ("agent_broken_answer", False), ("disk_full", False), ("model_missing", False),
    ],
)
def test_an_agent_that_is_restarted_is_waited_for(kind, again):
    assert may_pass(TenancyError("x", kind=kind)) is again
