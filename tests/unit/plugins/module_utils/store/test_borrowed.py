# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which models of a tenant's own live of what a view has, and end with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.store import borrowed, views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Blob, Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name

# Without its config, Ollama does not list a model.
LISTED, UNLISTED = True, False


def digest_of(content: str) -> str:
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def add(layout: Layout, *contents: str) -> str:
    """Have the model demo of these blobs in the store; its digest."""
    for content in contents:
        Path(layout.blob(digest_of(content))).write_text(content)
    body = json.dumps({"layers": [{"digest": digest_of(content), "size": len(content)} for content in contents]})
    place = Path(layout.manifest("demo"))
    place.parent.mkdir(parents=True, exist_ok=True)
    # A view has a link to the file, which must not change under it.
    place.unlink(missing_ok=True)
    place.write_text(body)
    return hashlib.sha256(body.encode()).hexdigest()


@pytest.mark.parametrize(
    ("parts", "own", "list_of", "ends"),
    [
        # The names alone are its own, as ollama cp leaves them.
        (["config", "weights"], [], "old", []), (["config", "weights"], [], "new", [LISTED]), (["config", "weights"], [], "none", [UNLISTED]),
        # What ollama create copied up stays, and so does what another model of the view has.
        (["mine", "weights"], ["mine"], "old", []), (["mine", "weights"], ["mine"], "new", [LISTED]),
        (["mine", "weights"], ["mine", "weights"], "none", []), (["config"], [], "new", []),
        # A link in the place of a blob is none.
        (["mine"], ["-> mine"], "old", [UNLISTED]),
    ],
)
def test_what_ends_with_a_view(tmp_path: Path, parts: list[str], own: list[str], list_of: str, ends: list[bool]) -> None:
    layout, upper = Layout(str(tmp_path / "store")), tmp_path / "upper"
    layout.prepare()
    old = add(layout, "config", "weights")
    views.build(layout, views.wanted(layout, ["demo"]))
    new = add(layout, "config", "better weights")
    (upper / "blobs").mkdir(parents=True)
    for content in own:
        place = upper / "blobs" / blob_name(digest_of(content.removeprefix("-> ")))
        place.symlink_to("/etc/hostname") if content.startswith("->") else place.write_text(content)
    # What its tenant says of lengths counts for nothing.
    alias = Manifest("", b"", tuple(Blob(digest_of(part), 7) for part in parts), digest_of(parts[0]))
    seen = {"old": {"demo:latest": old}, "new": {"demo:latest": new}, "none": {"coming:latest": ""}}[list_of]
    told = borrowed.broken(layout, str(upper), {"alias:latest": alias}, seen)
    assert told == (tuple("alias:latest" for _each in ends), tuple("alias:latest" for each in ends if each is UNLISTED))
