# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store takes out of directories that tenants write, and what it leaves there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import seeds
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name

RIGHT, SECRET = b"weights " * 1000, b"secrets!" * 1000
BLOB = Blob(f"sha256:{hashlib.sha256(RIGHT).hexdigest()}", len(RIGHT))


def plain(path: Path) -> None:
    path.write_bytes(RIGHT)


def wrong(path: Path) -> None:
    path.write_bytes(SECRET)


def short(path: Path) -> None:
    path.write_bytes(RIGHT[:-1])


def link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(RIGHT)
    path.symlink_to("elsewhere")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder_of_links(path: Path) -> None:
    path.write_bytes(RIGHT)
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to("real")


def nothing(path: Path) -> None:
    del path


@pytest.mark.parametrize(
    ("put", "offered", "taken"),
    [
        (plain, True, True), (wrong, True, False), (short, False, False), (link, False, False), (pipe, False, False),
        (folder_of_links, False, False), (nothing, False, False),
    ],
)
def test_only_the_blob_itself_is_taken(tmp_path: Path, put, offered, taken):
    layout = Layout(str(tmp_path / "store"))
    layout.prepare()
    volume = tmp_path / "volume"
    (volume / "blobs").mkdir(parents=True)
    file = volume / "blobs" / blob_name(BLOB.digest)
    put(file)
    folders = (str(tmp_path / "nowhere"), str(volume))
    assert seeds.offered(layout, [BLOB, BLOB], folders) == (len(RIGHT) if offered else 0)
    assert seeds.take(layout, BLOB, folders, lambda read: None) is taken
    place = Path(layout.blob(BLOB.digest))
    assert place.exists() is taken
    if taken:
        # A copy: whoever writes to the volume does not write to the store.
        assert not os.path.samefile(place, file) and place.stat().st_mode & 0o777 == 0o444
        assert seeds.offered(layout, [BLOB], folders) == 0
