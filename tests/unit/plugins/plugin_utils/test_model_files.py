# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where files of the controller are that an operator names."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.plugin_utils.model_files import locate


@pytest.fixture
def look(tmp_path: Path):
    """Look for a file in ``here``, beside the inventory in ``site``, and where Ansible does for a playbook in ``play``."""
    loader = DataLoader()
    loader.set_basedir(str(tmp_path / "play"))
    folders = [str(tmp_path / "here"), str(tmp_path / "site")]
    return lambda path: locate(path, folders, lambda name: loader.path_dwim_relative_stack([str(tmp_path / "play")], "files", name))


@pytest.mark.parametrize(
    ("there", "wanted", "found"),
    [
        (["here/models.tar", "site/models.tar"], "models.tar", "here/models.tar"),
        (["site/files/demo.gguf"], "files/demo.gguf", "site/files/demo.gguf"),
        (["site/demo.gguf", "play/files/demo.gguf"], "demo.gguf", "site/demo.gguf"),
        (["play/files/demo.gguf"], "demo.gguf", "play/files/demo.gguf"),
    ],
)
def test_found(tmp_path, look, there, wanted, found):
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert look(wanted) == str(tmp_path / found)
    assert look(str(tmp_path / found)) == str(tmp_path / found)


@pytest.mark.parametrize(("wanted", "says"), [("files/demo.gguf", "here, nor in"), ("/nowhere/demo.gguf", "nothing at that path")])
def test_not_found(look, wanted, says):
    with pytest.raises(TenancyError) as told:
        look(wanted)
    assert told.value.kind == "no_model_file" and wanted in told.value.what and says in told.value.cause and told.value.remedy
