# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store takes out of directories that tenants write, and what it leaves there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Event

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.bring import Watcher
from ansible_collections.llmops.tenancy.plugins.module_utils.store import seeds, source
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
    # The way to it is the operator's, who may have laid a link.
    (tmp_path / "linked").symlink_to(volume)
    folders = (str(tmp_path / "nowhere"), str(tmp_path / "linked"))
    assert seeds.offered(layout, [BLOB, BLOB], folders) == (len(RIGHT) if offered else 0)
    assert seeds.take(layout, BLOB, folders, lambda read: None) is taken
    place = Path(layout.blob(BLOB.digest))
    assert place.exists() is taken
    if taken:
        # A copy: whoever writes to the volume does not write to the store.
        assert not os.path.samefile(place, file) and place.stat().st_mode & 0o777 == 0o444
        assert seeds.offered(layout, [BLOB], folders) == 0


@pytest.fixture(name="layout")
def _layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path / "store"))
    layout.prepare()
    return layout


@pytest.fixture(name="volume")
def _volume(tmp_path: Path) -> str:
    (tmp_path / "volume" / "blobs").mkdir(parents=True)
    plain(tmp_path / "volume" / "blobs" / blob_name(BLOB.digest))
    return str(tmp_path / "volume")


class Enough(Exception):
    """Nobody wants the copy any more."""


def test_a_copy_that_is_given_up_leaves_nothing(layout: Layout, volume: str) -> None:
    def give_up(read: int) -> None:
        raise Enough(read)

    with pytest.raises(Enough):
        seeds.take(layout, BLOB, (volume,), give_up)
    assert os.listdir(layout.part(BLOB.digest)) == []


def test_a_full_disk_means_that_nothing_is_taken(layout: Layout, volume: str) -> None:
    aside = Path(layout.part(BLOB.digest), "seed")
    aside.parent.mkdir()
    aside.symlink_to("/dev/full")
    assert not seeds.take(layout, BLOB, (volume,), lambda read: None)
    assert os.listdir(layout.part(BLOB.digest)) == [] and not Path(layout.blob(BLOB.digest)).exists()


def test_what_a_killed_copy_left_counts_as_room_until_it_goes(layout: Layout, volume: str) -> None:
    assert source.room_bytes(layout, [BLOB, BLOB]) == BLOB.size
    aside = Path(layout.part(BLOB.digest), "seed")
    aside.parent.mkdir()
    aside.write_bytes(RIGHT[:4096])
    # A file system may give a file more or less than its length at once.
    left = seeds.left_bytes(layout, BLOB)
    assert left == aside.stat().st_blocks * 512
    assert source.room_bytes(layout, [BLOB, BLOB]) == max(BLOB.size - left, 0)
    assert source.missing_bytes(layout, [BLOB]) == BLOB.size == seeds.offered(layout, [BLOB], (volume,))
    seeds.forget(layout, BLOB)
    seeds.forget(layout, BLOB)
    assert source.room_bytes(layout, [BLOB]) == BLOB.size


def test_a_download_that_was_cut_goes_on_instead(layout: Layout, volume: str) -> None:
    Path(layout.part(BLOB.digest)).mkdir()
    Path(layout.part(BLOB.digest), "state.json").write_text('{"done": [[0, 1000]]}')
    assert seeds.offered(layout, [BLOB], (volume,)) == 0
    assert source.room_bytes(layout, [BLOB]) == BLOB.size - 1000


@pytest.mark.parametrize(("size", "min_free", "fits"), [(1, 0, True), (1, 2**62, False), (2**62, 0, False)])
def test_a_copy_needs_room_beside_what_stays_free(layout: Layout, size: int, min_free: int, fits: bool) -> None:
    staging = source.Staging(layout, "demo", Watcher(lambda progress: None, Event()), min_free)
    assert staging.fits(Blob(BLOB.digest, size)) is fits
