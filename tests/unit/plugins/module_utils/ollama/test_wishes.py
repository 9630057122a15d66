# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entities of the options become wishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.client import Model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import parse_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.step import Step
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.wishes import Finding, Wish, read_wish, require_room
from ansible_collections.llmops.tenancy.plugins.module_utils.options.ollama import TransferSettings

SHA = "sha256:" + "a" * 64


def item(**values):
    base = dict.fromkeys(
        ("agent", "endpoint", "model", "mirror", "insecure", "path", "checksum", "models_dir", "file"), None
    )
    return {**base, "endpoint": "http://127.0.0.1:11435", "model": "phi4-mini", "state": "present", **values}


@pytest.mark.parametrize(
    ("values", "model", "source", "insecure"),
    [
        ({}, "phi4-mini:latest", "registry.ollama.ai/library/phi4-mini:latest", False),
        # Plain HTTP is for a registry that was named.
        ({"insecure": True}, "phi4-mini:latest", "registry.ollama.ai/library/phi4-mini:latest", False),
        ({"model": "r.example.com/a/b:c", "insecure": True}, "r.example.com/a/b:c", "r.example.com/a/b:c", True),
        ({"mirror": "m:5000", "insecure": True}, "phi4-mini:latest", "m:5000/library/phi4-mini:latest", True),
    ],
)
def test_where_a_model_comes_from(values, model, source, insecure):
    wish = read_wish(item(**values))
    assert (wish.model, wish.reference.text, wish.reference.insecure) == (model, source, insecure)


def test_a_file_of_the_controller_is_known_by_its_digest():
    wish = read_wish(item(path="/m.gguf", checksum=SHA.upper(), file={"path": "", "digest": SHA, "size": "7"}))
    assert (wish.file, wish.checksum) == (ModelFile("", SHA, 7), SHA)


@pytest.mark.parametrize(("agent", "label"), [("a", "agent a"), (None, "the agent at http://127.0.0.1:11435")])
def test_what_an_agent_is_called(agent, label):
    assert read_wish(item(agent=agent)).label == label


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"endpoint": None}, "invalid_options"),
        ({"path": "/m.gguf", "mirror": "m"}, "invalid_options"),
        ({"path": "/m.gguf", "checksum": "a" * 64}, "invalid_checksum"),
        ({"model": "a b"}, "invalid_model"),
        ({"mirror": "u:secret@m"}, "invalid_mirror"),
    ],
)
def test_bad_entities(values, kind):
    with pytest.raises(TenancyError) as caught:
        read_wish(item(**values))
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("digests", "errors"),
    [
        ("ab", [None, "private_limit"]), ("aa", [None, None]), ("a", [None]),
        # One that is refused takes nothing from the next.
        ("cab", ["private_limit", None, "private_limit"]),
    ],
)
def test_a_prediction_adds_up_what_comes_to_one_agent(tmp_path: Path, digests: str, errors: list[str | None]) -> None:
    # Nobody answers there: a prediction for an agent that does not run yet.
    wishes = [
        Wish("a", "http://127.0.0.1:1", f"m{number}", "present", parse_model(f"m{number}"), "/m.gguf", models_dir=str(tmp_path))
        for number in range(len(digests))
    ]
    files = [ModelFile("/m.gguf", f"sha256:{digest * 64}", 200_000 if digest == "c" else 60_000) for digest in digests]
    findings = [
        Finding(wish, "create", after=Model(wish.model, "", file.size), step=Step(wish.label, wish.endpoint, wish.model, file, wish.models_dir))
        for wish, file in zip(wishes, files)
    ]
    require_room(findings, TransferSettings(1.0, 1.0, 0, 1, 0, 100_000))
    assert [each.error and each.error.kind for each in findings] == errors
    assert [each.verb for each in findings] == ["" if error else "create" for error in errors]
