# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine is and has: distribution, systemd, users, executables, packages. Standard library only: it runs before
anything of the collection is installed there."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence

# Daemons live in the sbin folders, which a login without root often has not in its PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
# Output of a command that only reads; None when it is not there or fails.
Read = Callable[[Sequence[str]], "str | None"]
_NEW_PACKAGE = re.compile(r"^Inst (?P<name>\S+) (?!\[)", re.MULTILINE)


def distribution(os_release: str) -> dict[str, str]:
    """Id, family, version and name of the text of ``/etc/os-release`` (freedesktop.org os-release).

    The family is ``debian`` for Ubuntu, Mint and the like, ``rhel`` for AlmaLinux, and the id itself otherwise.
    """
    fields = dict(re.findall(r"^([A-Z_]+)=\"?(.*?)\"?$", os_release, re.MULTILINE))
    name = fields.get("ID", "linux")
    relatives = [name, *fields.get("ID_LIKE", "").split()]
    family = next((known for known in ("debian", "rhel", "fedora", "suse", "arch") if known in relatives), name)
    return {
        "id": name,
        "family": family,
        "version": fields.get("VERSION_ID", ""),
        "name": fields.get("PRETTY_NAME", name),
    }


def read_text(path: str) -> str:
    """Content of a file, empty when it is not there."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def has_systemd() -> bool:
    """Whether systemd runs this machine (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def user() -> dict[str, str | int]:
    """Who runs this, and who called sudo to do so (the same when nobody did)."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return {"name": name, "uid": uid, "login": os.environ.get("SUDO_USER") or name}


def find_executables(names: Iterable[str]) -> dict[str, str | None]:
    """Path of each executable, None when it is not there."""
    return {name: shutil.which(name, path=SEARCH_PATH) for name in names}


def fingerprint(path: str) -> str | None:
    """SHA-256 of a file, ``directory`` for a folder, None when nothing is there or it can't be read."""
    if os.path.isdir(path):
        return "directory"
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def unfinished_packages(read: Read) -> bool:
    """Whether an installation of packages was cut off (Debian): apt refuses everything until dpkg has finished it."""
    journal = Path("/var/lib/dpkg/updates")
    if journal.is_dir() and any(entry.name.isdigit() for entry in journal.iterdir()):
        return True
    return bool(read(["dpkg", "--audit"]))


def new_packages(names: Sequence[str], read: Read) -> list[str] | None:
    """All packages that installing ``names`` would add, dependencies included (Debian); None when apt does not know.

    An upgrade of a package that is there already is no addition.
    """
    if not names:
        return []
    text = read(["apt-get", "--simulate", "--no-install-recommends", "install", *names])
    return None if text is None else sorted(set(_NEW_PACKAGE.findall(text)))


def postgresql_versions(folder: str = "/usr/lib/postgresql") -> list[str]:
    """Versions of the server that Debian's packages installed, newest first."""
    found = [initdb.parent.parent.name for initdb in Path(folder).glob("*/bin/initdb")]
    return sorted(found, key=lambda version: [int(number) for number in version.split(".")], reverse=True)


def _files(folder: Path) -> dict[str, str | None]:
    """Fingerprint of each configuration file of a folder and of its conf.d, by path in the folder."""
    found = [*folder.glob("*.conf"), *folder.glob("conf.d/*.conf")]
    return {str(path.relative_to(folder)): fingerprint(str(path)) for path in found}


def clusters(read: Read) -> list[dict[str, Any]]:
    """PostgreSQL clusters of a Debian machine, as ``pg_lsclusters`` tells, with their configuration files."""
    text = read(["pg_lsclusters", "--no-header"]) or ""
    found = []
    for line in text.splitlines():
        version, name, port, status, owner, data = line.split()[:6]
        found.append(
            {
                "version": version,
                "name": name,
                "port": int(port),
                "running": status.startswith("online"),
                "owner": owner,
                "data": data,
                "files": _files(Path("/etc/postgresql", version, name)),
            }
        )
    return found
