# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models of a tenant's own that live of blobs of its view, as ``ollama cp`` makes them, and what a view leaves them. Reads only."""

from __future__ import annotations

import stat
from itertools import islice
from typing import Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.store import views
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Manifest
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, blob_name
from ansible_collections.llmops.tenancy.plugins.module_utils.tenant_tree import walk

# Blobs of an agent's own that are looked at; what has more may be named without need.
_MOST = 20_000


def broken(layout: Layout, upper: str, own: Mapping[str, Manifest], seen: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of models that can't be loaded by an agent that sees the models ``seen``, and which of them Ollama does not even list.

    :param upper: the agent's own directory, which its tenant writes. :param own: the manifests in it.
    :param seen: digests by name; empty of a model that is yet to be made.
    """
    shared = views.blobs(layout, seen) if own else set()
    # What a manifest says of sizes is the tenant's own saying.
    lacking = {name: {blob.digest for blob in found.blobs} - shared for name, found in own.items()}
    there = _blobs(upper) if any(lacking.values()) else set()
    gone = {name: lost for name, digests in lacking.items() if (lost := {each for each in digests if blob_name(each) not in there})}
    return tuple(sorted(gone)), tuple(sorted(name for name, lost in gone.items() if own[name].config in lost))


def _blobs(upper: str) -> set[str]:
    """Files of the blobs that are the agent's own. None is opened, and no link counts."""
    found = islice(walk(upper, ["blobs"], depth=1), _MOST)
    return {entry.name for entry in found if stat.S_ISREG(entry.found.st_mode)}
