# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of a host on their way to the controller, as a stream: ``fetch`` with become takes several times their size of memory."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Callable

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


def reader(action: ActionBase) -> str:
    """The user who logs in on the host, when a module runs there as another one. What it writes has to be theirs to be brought; else empty."""
    become = action._connection.become
    if become is None:
        return ""
    found = action._low_level_execute_command("id -un", sudoable=False)
    user = str(found.get("stdout", "")).strip()
    return "" if user in ("", "root", become.get_option("become_user", playcontext=action._play_context)) else user


def bring(action: ActionBase, there: str, here: str, same: Callable[[str], bool], aside: str = "", mode: int = 0o777) -> None:
    """Have a file of the host here, whole or not at all.

    :param same: whether the file at a path is what it should be. :param mode: of its folder, if that has to be made.
    :param aside: where it is until it is whole, for who has to find what a run left that was killed; a name that no other run has without it.
    :raises TenancyError: ``bad_archive``, ``not_brought`` or ``not_writable``.
    """
    aside = aside or f"{here}.{secrets.token_hex(4)}"
    try:
        os.makedirs(os.path.dirname(here), mode, exist_ok=True)
        with suppress(FileNotFoundError):
            os.unlink(aside)
        # For nobody else, from its first byte on; some connections give a file the mode that they like.
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        action._connection.fetch_file(there, aside)
        os.chmod(aside, 0o600)
        if not same(aside):
            raise TenancyError(
                f"Archive '{here}' was damaged on its way from the host", remedy="Run again", kind="bad_archive"
            )
        os.replace(aside, here)
    except OSError as error:
        raise TenancyError(
            f"Archive '{here}' can't be written on the controller",
            cause=error.strerror or str(error),
            remedy="Choose a path that can be written, with room for it",
            kind="not_writable",
        ) from error
    except AnsibleConnectionFailure:
        raise
    except AnsibleError as error:
        raise TenancyError(
            f"Archive '{there}' can't be brought to {here}",
            cause=str(error),
            remedy="Look whether the disk of the controller has room for it, then run again",
            kind="not_brought",
        ) from error
    finally:
        if os.path.exists(aside):
            os.unlink(aside)
