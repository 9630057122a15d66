# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of this machine: text found under one of several names, written whole or not at all, and who may read what."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from typing import Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

_MODE = 0o640


def find(folder: str, name: str, suffixes: Sequence[str]) -> tuple[str, str | None]:
    """Path and text of the file that is there under one of its names; without one, the first name and None.

    :raises TenancyError: ``file`` when it can't be read.
    """
    paths = [os.path.join(folder, name + suffix) for suffix in suffixes]
    path = next((path for path in paths if os.path.lexists(path)), None)
    if path is None:
        return paths[0], None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return path, file.read()
    except OSError as error:
        raise _failed(path, "read", error) from error


def write(path: str, text: str) -> None:
    """Write a file, its folder too; a reader or a kill finds the old one or the new one.

    :raises TenancyError: ``file`` when that can't be done.
    """
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = _mode(path)
        handle, beside = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
        try:
            with open(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, mode)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise _failed(path, "written", error) from error


def remove(path: str) -> None:
    """Remove a file, if it is there.

    :raises TenancyError: ``file`` when that can't be done.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _failed(path, "removed", error) from error


def give(path: str, owner: str) -> None:
    """Have a file, or a folder with all that is in it, be a user's.

    :raises TenancyError: ``unknown_owner``.
    """
    try:
        shutil.chown(path, owner)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                shutil.chown(os.path.join(folder, name), owner)
    except (LookupError, OSError) as error:
        raise _ungiven(path, owner, error) from error


def let_through(folder: str, owner: str) -> None:
    """Have a user reach what is theirs in a folder that stays root's. They can't see what else is in it, and nobody else can go there.

    :raises TenancyError: ``unknown_owner``.
    """
    try:
        shutil.chown(folder, group=pwd.getpwnam(owner).pw_gid)
        os.chmod(folder, 0o710)
        above = os.path.dirname(os.path.abspath(folder))
        mode = stat.S_IMODE(os.stat(above).st_mode)
        if not mode & stat.S_IXOTH:
            # Made with the folder by an earlier run. To go through it is not to see what is in it.
            os.chmod(above, mode | stat.S_IXGRP | stat.S_IXOTH)
    except (LookupError, OSError) as error:
        raise _ungiven(folder, owner, error) from error


def _ungiven(path: str, owner: str, error: Exception) -> TenancyError:
    return TenancyError(
        f"'{path}' can't be given to user {owner}", cause=str(error),
        remedy="Name a user of the host, and run this as root", kind="unknown_owner",
    )


def _mode(path: str) -> int:
    """That of the file that is there. Another run may remove it at any moment."""
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        return _MODE


def _failed(path: str, done: str, error: OSError) -> TenancyError:
    return TenancyError(
        f"The file {path} can't be {done}", cause=error.strerror or str(error),
        remedy="Check the folder, its permissions and the space on the disk", kind="file", path=path,
    )
