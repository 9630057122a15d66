# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.llmops.tenancy.plugins.module_utils.host import system


@pytest.mark.parametrize(
    ("text", "family", "version"),
    [
        ('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "debian", "12"),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', "debian", "24.04"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian", ""),
        ('ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.5"\n', "rhel", "9.5"),
        ("ID=fedora\nVERSION_ID=41\n", "fedora", "41"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "suse", ""),
        ("ID=alpine\n", "alpine", ""),
        ("", "linux", ""),
    ],
)
def test_distribution(text: str, family: str, version: str) -> None:
    found = system.distribution(text)
    assert (found["family"], found["version"]) == (family, version)


def test_new_packages_are_those_that_are_not_there_yet() -> None:
    simulated = (
        "NOTE: This is only a simulation!\n"
        "Inst libpq5 (15.18-0+deb12u1 Debian:12.1/stable [amd64])\n"
        "Inst perl-base [5.36.0-7] (5.36.0-7+deb12u2 Debian:12.1/stable [amd64])\n"
        "Inst postgresql-15 (15.18-0+deb12u1 Debian:12.1/stable [amd64])\n"
        "Conf postgresql-15 (15.18-0+deb12u1 Debian:12.1/stable [amd64])\n"
    )
    assert system.new_packages(["postgresql"], lambda command: simulated) == ["libpq5", "postgresql-15"]
    assert system.new_packages(["unknown"], lambda command: None) is None
    assert system.new_packages([], lambda command: simulated) == []


def test_clusters() -> None:
    listed = (
        "15 main   5432 down            postgres /var/lib/postgresql/15/main   /var/log/postgresql/postgresql-15-main.log\n"
        "15 llmops 5442 online,recovery postgres /var/lib/postgresql/15/llmops /var/log/postgresql/postgresql-15-llmops.log\n"
    )
    found = system.clusters(lambda command: listed)
    assert [(cluster["name"], cluster["port"], cluster["running"]) for cluster in found] == [
        ("main", 5432, False),
        ("llmops", 5442, True),
    ]
    assert system.clusters(lambda command: None) == []


def test_versions_of_postgresql_newest_first(tmp_path: Path) -> None:
    for version in ("9.6", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    (tmp_path / "13").mkdir()
    assert system.postgresql_versions(str(tmp_path)) == ["17", "15", "9.6"]


def test_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert system.fingerprint(str(file)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert system.fingerprint(str(tmp_path)) == "directory"
    assert system.fingerprint(str(tmp_path / "none")) is None
