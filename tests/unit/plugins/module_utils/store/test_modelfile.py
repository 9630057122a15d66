# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modelfiles: what they reach for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import modelfile, recipe
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM demo", [("from", "demo", 1)]),
        ("from  ./a.gguf  \n", [("from", "./a.gguf", 1)]),
        ("# a comment\n\n  FROM \"my model.gguf\"\r\nADAPTER ./b.gguf\r\n", [("from", "my model.gguf", 3), ("adapter", "./b.gguf", 4)]),
        ("FROM a\nSYSTEM \"\"\"\nFROM /etc/shadow\nADAPTER ../x\n\"\"\"\nADAPTER c", [("from", "a", 1), ("adapter", "c", 6)]),
        ("FROM a\nTEMPLATE \"one\nADAPTER b\"\n", [("from", "a", 1)]),
        ("FROM \"\"\"a\"\"\"\n", [("from", "a", 1)]),
        ("FROM a\nPARAMETER stop \"\"\n# ADAPTER b\nMESSAGE user FROM b\n", [("from", "a", 1)]),
        ("\ufeffFROM a\nFROM b", [("from", "a", 1), ("from", "b", 2)]),
        ("FROM a # no comment", [("from", "a # no comment", 1)]),
        ("FROM a\n\tADAPTER\tb", [("from", "a", 1), ("adapter", "b", 2)]),
    ],
)
def test_sources(text, found):
    assert [(source.command, source.text, source.line) for source in modelfile.sources(text)] == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no FROM"),
        ("SYSTEM hi", "no FROM"),
        ("FROM a\nRUN rm -rf /", "line 2"),
        ("FROM a\nADAPTER", "line 2"),
        ("FROM a\n\nSYSTEM \"\"\"never closed", "line 3"),
        ("{\"model\": 1}", "line 1"),
    ],
)
def test_a_bad_modelfile(text, says):
    with pytest.raises(TenancyError) as raised:
        modelfile.sources(text)
    assert raised.value.kind == "bad_modelfile" and says in str(raised.value)


def test_rewritten_keeps_all_else():
    text = "FROM \"my model.gguf\"\nSYSTEM \"\"\"FROM x\"\"\"\r\nADAPTER  b.gguf\n"
    places = {source: f"/source/{number}" for number, source in enumerate(modelfile.sources(text))}
    assert modelfile.rewritten(text, places) == "FROM /source/0\nSYSTEM \"\"\"FROM x\"\"\"\r\nADAPTER  /source/1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    (tmp_path / "secret.gguf").write_text("secret")
    for name in ("a.gguf", "sub/b.gguf"):
        (inside / name).write_text("GGUF")
    (inside / "good.gguf").symlink_to("sub/b.gguf")
    (inside / "leads_out.gguf").symlink_to("../secret.gguf")
    (inside / "dangling.gguf").symlink_to("../nothing.gguf")
    (inside / "folder_out").symlink_to(tmp_path)
    return inside


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("FROM a.gguf", "a.gguf"),
        ("FROM ./a.gguf", "a.gguf"),
        ("ADAPTER sub/b.gguf", "sub/b.gguf"),
        ("FROM good.gguf", "sub/b.gguf"),
        ("FROM demo", None),
        ("FROM namespace/demo:tag", None),
        ("FROM {folder}/../secret.gguf", "../secret.gguf"),
    ],
)
def test_located(folder, line, place):
    source = modelfile.sources(f"FROM x\n{line.format(folder=folder)}")[-1]
    found = modelfile.locate(source, str(folder), [str(folder.parent / "secret.gguf")])
    assert found == (str((folder / place).resolve()) if place else None)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("FROM ../secret.gguf", "unsafe_modelfile"),
        ("FROM sub/../../secret.gguf", "unsafe_modelfile"),
        ("FROM \"../secret.gguf\"", "unsafe_modelfile"),
        ("FROM /etc/passwd", "unsafe_modelfile"),
        ("ADAPTER /etc/passwd", "unsafe_modelfile"),
        ("FROM ~/a.gguf", "unsafe_modelfile"),
        ("FROM ~root/a.gguf", "unsafe_modelfile"),
        ("FROM \\a.gguf", "unsafe_modelfile"),
        ("FROM leads_out.gguf", "unsafe_modelfile"),
        ("FROM folder_out/secret.gguf", "unsafe_modelfile"),
        ("ADAPTER dangling.gguf", "unsafe_modelfile"),
        ("FROM ./missing.gguf", "no_model_file"),
        ("ADAPTER missing.gguf", "no_model_file"),
        ("FROM sub", "no_model_file"),
    ],
)
def test_refused(folder, line, kind):
    source = modelfile.sources(f"FROM x\n{line}")[-1]
    with pytest.raises(TenancyError) as raised:
        modelfile.locate(source, str(folder), [])
    assert raised.value.kind == kind and "line 2" in str(raised.value)


def test_what_is_no_model():
    with pytest.raises(TenancyError) as raised:
        modelfile.base_model(modelfile.sources("FROM http://example.com/a b")[0])
    assert raised.value.kind == "bad_modelfile"


def test_a_model_of_itself(tmp_path):
    (tmp_path / "Modelfile").write_text("FROM demo:latest\nSYSTEM more\n")
    with pytest.raises(TenancyError) as raised:
        recipe.of_modelfile("demo", str(tmp_path / "Modelfile"), Layout(str(tmp_path / "store")))
    assert raised.value.kind == "bad_modelfile" and "itself" in str(raised.value)


def test_the_same_recipe_wherever_its_files_are(tmp_path):
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.gguf").write_bytes(b"GGUF and more")
        (folder / "Modelfile").write_text(f"FROM ./{name}.gguf\nADAPTER ./{name}.gguf\n")
        found.append(recipe.of_modelfile("demo", str(folder / "Modelfile"), Layout(str(tmp_path / "store"))))
    assert found[0].fingerprint == found[1].fingerprint and len(found[0].files) == 1
    assert found[0].text == "FROM /source/0.gguf\nADAPTER /source/0.gguf\n"
