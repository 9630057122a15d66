# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build script of the image: it works from its cache, changes nothing twice, and says clearly what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.engine import Engine
from tests.support.settings import BUILD_SCRIPT, OLLAMA_IMAGE

PROGRAMS = ("bash", "sh", "env", "cut", "cat", "mkdir", "realpath", "flock", "sed")


def build(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run(
        [str(BUILD_SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=300, env=os.environ | env
    )


def test_second_load_changes_nothing(engine: Engine) -> None:
    name = "registry.example:5000/ollama/ollama:test"
    first, second = build("--image", name), build("--image", name)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.startswith("changed: ")
    assert second.stdout.startswith("ok: ")
    assert engine.inspect(name)["Id"] == engine.inspect(OLLAMA_IMAGE)["Id"]
    engine.docker("image", "rm", name)


def test_image_comes_back_after_its_removal(clean_engine: Engine) -> None:
    before = clean_engine.inspect(OLLAMA_IMAGE)["Id"]
    clean_engine.docker("image", "rm", OLLAMA_IMAGE)
    assert build().stdout.startswith("changed: ")
    assert clean_engine.inspect(OLLAMA_IMAGE)["Id"] == before


def test_archive_is_one_that_an_engine_loads() -> None:
    done = build("--archive")
    with tarfile.open(done.stdout.strip()) as archive:
        assert "./manifest.json" in archive.getnames()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--version", "latest"], "version 'latest': it is not of the form 0.24.0"),
        (["--image", "ollama@sha256:0"], "a build cannot have a given digest"),
        (["--versoin", "1"], "option --versoin: it is unknown"),
        (["--image"], "option --image: it has no value"),
    ],
)
def test_bad_option_is_refused(arguments: list[str], message: str) -> None:
    done = build(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Remedy: " in done.stderr


def test_engine_that_is_out_of_reach_is_named(tmp_path: Path) -> None:
    done = build(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 1
    assert f"Docker Engine: it does not answer at unix://{tmp_path}/none.sock" in done.stderr


def test_missing_go_is_named(tmp_path: Path) -> None:
    for program in PROGRAMS:
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    # The script looks in Go's own folders, too: they are hidden in a mount namespace of this one run.
    hide = "for folder in /usr/local/go /usr/lib/go; do [ ! -d $folder ] || mount -t tmpfs tmpfs $folder; done"
    script = f'{hide}; PATH={tmp_path} exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(BUILD_SCRIPT), "--archive", "--cache"]
    done = subprocess.run(
        [*command, str(tmp_path / "cache")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1
    assert "Go toolchain: " in done.stderr
    assert "Remedy: install Go 1.26 or newer" in done.stderr
