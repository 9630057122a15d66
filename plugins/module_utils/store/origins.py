# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a model of the store was made of, or whose it was, so that a run that asks for the same knows that there is nothing to do."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, manifest_path


def known(layout: Layout, model: str, fingerprint: str) -> content.Manifest | None:
    """The manifest that a recipe gave, as long as the store has it under that name."""
    kept = _kept(layout, model)
    try:
        manifest = content.read(layout.root, model)
    except (OSError, TenancyError):
        return None
    return manifest if (kept.get("fingerprint"), kept.get("digest")) == (fingerprint, manifest.digest) else None


def told(layout: Layout, model: str, digest: str) -> str:
    """Where a model that the store has in this version was from, in words; empty for one of a registry or an archive."""
    kept = _kept(layout, model)
    return str(kept.get("origin", "")) if kept.get("digest") == digest else ""


def remember(layout: Layout, model: str, fingerprint: str, digest: str, origin: str) -> None:
    """Keep what gave a model. It counts from the moment that the store has the model.

    :param origin: the same in words.
    """
    place = _place(layout, model)
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    # Where garbage is looked for: nothing else finds what a run that is killed now leaves.
    aside = os.path.join(layout.staging, secrets.token_hex(8))
    try:
        with open(aside, "w", encoding="utf-8") as out:
            json.dump({"fingerprint": fingerprint, "digest": digest, "origin": origin}, out)
        os.replace(aside, place)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside)


def _kept(layout: Layout, model: str) -> Mapping[str, Any]:
    """What was noted of a model; nothing where it can't be read, and then the model is made once more, which gives the same one."""
    try:
        with open(_place(layout, model), encoding="utf-8") as file:
            kept = json.load(file)
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _place(layout: Layout, model: str) -> str:
    return os.path.join(layout.root, "origins", f"{manifest_path(model)}.json")
