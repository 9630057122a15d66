# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a model of the store was made of, or whose it was, so that a run that asks for the same knows that there is nothing to do."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, manifest_path


def known(layout: Layout, model: str, fingerprint: str) -> content.Manifest | None:
    """The manifest that a recipe gave, as long as the store has it under that name."""
    try:
        with open(_place(layout, model), encoding="utf-8") as file:
            kept = json.load(file)
        manifest = content.read(layout.root, model)
        same = kept["fingerprint"] == fingerprint and kept["digest"] == manifest.digest
    except (OSError, ValueError, KeyError, TypeError, TenancyError):
        # Without a record the model is made once more, which gives the same one.
        return None
    return manifest if same else None


def remember(layout: Layout, model: str, fingerprint: str, digest: str) -> None:
    """Keep which recipe gave a model. It counts from the moment that the store has the model."""
    place = _place(layout, model)
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    # Where garbage is looked for: nothing else finds what a run that is killed now leaves.
    aside = os.path.join(layout.staging, secrets.token_hex(8))
    try:
        with open(aside, "w", encoding="utf-8") as out:
            json.dump({"fingerprint": fingerprint, "digest": digest}, out)
        os.replace(aside, place)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside)


def _place(layout: Layout, model: str) -> str:
    return os.path.join(layout.root, "origins", f"{manifest_path(model)}.json")
