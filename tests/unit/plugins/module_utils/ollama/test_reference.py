# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""References of models, on their own registry and on mirrors."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import on_mirror, parse_model


@pytest.mark.parametrize(
    ("model", "text", "url"),
    [
        ("phi4-mini", "registry.ollama.ai/library/phi4-mini:latest", "https://registry.ollama.ai:443"),
        ("phi4-mini:3.8b", "registry.ollama.ai/library/phi4-mini:3.8b", "https://registry.ollama.ai:443"),
        ("someone/model:v1", "registry.ollama.ai/someone/model:v1", "https://registry.ollama.ai:443"),
        ("hub.example.com/org/model", "hub.example.com/org/model:latest", "https://hub.example.com:443"),
        ("hub.example.com:5000/org/model:q4", "hub.example.com:5000/org/model:q4", "https://hub.example.com:5000"),
    ],
)
def test_a_plain_name_in_full(model, text, url):
    reference = parse_model(model)
    assert (reference.text, reference.registry_url, reference.mirror) == (text, url, False)


@pytest.mark.parametrize(
    ("model", "mirror", "insecure", "text", "plain_http"),
    [
        ("phi4-mini", "m.example.com", False, "m.example.com/library/phi4-mini:latest", False),
        ("phi4-mini:3.8b", "m.example.com:5000", True, "m.example.com:5000/library/phi4-mini:3.8b", True),
        ("phi4-mini", "http://m.example.com:5000", False, "m.example.com:5000/library/phi4-mini:latest", True),
        ("phi4-mini", "https://m.example.com/", False, "m.example.com/library/phi4-mini:latest", False),
        ("phi4-mini", "m.example.com/models", False, "m.example.com/models/phi4-mini:latest", False),
        ("someone/model", "m.example.com", False, "m.example.com/someone/model:latest", False),
        ("someone/model", "m.example.com/models/", False, "m.example.com/models/model:latest", False),
        ("phi4-mini", "192.0.2.1:5000", True, "192.0.2.1:5000/library/phi4-mini:latest", True),
    ],
)
def test_a_model_on_a_mirror(model, mirror, insecure, text, plain_http):
    reference = on_mirror(model, mirror, insecure)
    assert (reference.text, reference.insecure, reference.mirror) == (text, plain_http, True)
    assert reference.manifest_path.startswith("/v2/")


def test_the_manifest_path_has_the_tag():
    assert on_mirror("phi4-mini:3.8b", "m", False).manifest_path == "/v2/library/phi4-mini/manifests/3.8b"


@pytest.mark.parametrize(
    ("model", "mirror", "insecure", "kind"),
    [
        ("phi4-mini", "user:secret@m.example.com", False, "invalid_mirror"),
        ("phi4-mini", "https://user:secret@m.example.com", False, "invalid_mirror"),
        ("phi4-mini", "ftp://m.example.com", False, "invalid_mirror"),
        ("phi4-mini", "m.example.com/a/b", False, "invalid_mirror"),
        ("phi4-mini", "m.example.com:port", False, "invalid_mirror"),
        ("phi4-mini", "https://m.example.com", True, "invalid_mirror"),
        ("hub.example.com/org/model", "m.example.com", False, "invalid_model"),
        ("no such name", "m.example.com", False, "invalid_model"),
    ],
)
def test_bad_mirrors_are_refused_and_passwords_not_repeated(model, mirror, insecure, kind):
    with pytest.raises(TenancyError) as caught:
        on_mirror(model, mirror, insecure)
    assert caught.value.kind == kind
    assert "secret" not in str(caught.value)
