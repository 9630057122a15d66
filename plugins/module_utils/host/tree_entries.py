# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a folder that is copied, one by one, with what an archive needs to know of each."""

from __future__ import annotations

import os
import stat
import tarfile
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator

from ansible_collections.llmops.tenancy.plugins.module_utils import tenant_tree
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

# Of a name in an archive: so much longer a path may be, with the folder that it is unpacked to.
_LONGEST = 3072
# Of an entry whose content, or place, is in the lower directory: it would be lost.
_ELSEWHERE = {"trusted.overlay.metacopy", "trusted.overlay.redirect"}


@dataclass(frozen=True)
class Entry:
    """One of them, valid until the next one is asked for. :param path: where it is to be read. :param name: in an archive."""

    path: str
    name: str
    found: os.stat_result

    @property
    def kind(self) -> bytes:
        """Its type in an archive; empty for what is never copied."""
        mode = self.found.st_mode
        if stat.S_ISREG(mode):
            return tarfile.REGTYPE
        if stat.S_ISDIR(mode):
            return tarfile.DIRTYPE
        if stat.S_ISLNK(mode):
            return tarfile.SYMTYPE
        # In the upper directory of an overlay: what was deleted there.
        return tarfile.CHRTYPE if stat.S_ISCHR(mode) and self.found.st_rdev == 0 else b""

    @cached_property
    def opaque(self) -> bool:
        """Whether it is a directory that hides the one below it.

        :raises TenancyError: ``data_elsewhere``.
        """
        if self.kind not in (tarfile.DIRTYPE, tarfile.REGTYPE):
            return False
        try:
            names = set(os.listxattr(self.path, follow_symlinks=False))
        except OSError:
            # A file system that has no such attributes.
            return False
        if names & _ELSEWHERE:
            raise TenancyError(
                f"{self.name!r} can't be copied",
                cause="its content stays in what it lies over, as an overlay mounted with metacopy or redirect_dir keeps it",
                remedy="Give the agent models of its own first (migrate=private), then run again",
                kind="data_elsewhere",
            )
        return self.kind == tarfile.DIRTYPE and tenant_tree.OPAQUE in names and os.getxattr(self.path, tenant_tree.OPAQUE) == b"y"


def entries(folder: str) -> Iterator[Entry]:
    """The folder and all below it, parents first, in one order everywhere.

    :raises TenancyError: ``tree_too_deep``.
    """
    yield Entry(folder, ".", os.lstat(folder))
    for entry in tenant_tree.walk(folder, strict=True):
        name = f"./{entry.path}"
        if len(os.fsencode(name)) > _LONGEST:
            raise TenancyError(
                f"{folder} can't be copied",
                cause=f"below {name[:60]!r} are directories in directories, a name of more than {_LONGEST} bytes",
                remedy="Have its tenant remove them, then run again",
                kind="tree_too_deep",
            )
        yield Entry(entry.reach, name, entry.found)
