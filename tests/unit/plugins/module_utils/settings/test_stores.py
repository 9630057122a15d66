# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator asks of the model stores, and how their state reads."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.stores import model_entries, stores_table

GIB = 1024**3


@pytest.mark.parametrize(
    ("models", "latest", "entries"),
    [
        ([], False, []),
        ("", False, []),
        ("phi4-mini, demo ,", False, [{"model": "phi4-mini"}, {"model": "demo"}]),
        (["phi4-mini"], True, [{"state": "latest", "model": "phi4-mini"}]),
        ([{"model": "a", "state": "absent"}, "b"], True, [{"state": "absent", "model": "a"}, {"state": "latest", "model": "b"}]),
        ([{"model": "a", "mirror": "m:5000"}], False, [{"model": "a", "mirror": "m:5000"}]),
    ],
)
def test_models_in_any_spelling(models, latest, entries):
    assert model_entries(models, latest) == entries


def test_what_a_check_has_foretold_of_an_archive_stands_for_its_models():
    assert model_entries(["demo"], True, {"demo:latest": "{}"}) == [{"model": "demo:latest", "file": {"path": "", "manifest": "{}"}}]
    assert model_entries(["demo"], False, {}) == [{"model": "demo"}]


def model(name: str, **values: object) -> dict:
    return {
        "model": name, "digest": "0123456789abcdef", "size": 2 * GIB, "own_bytes": GIB, "complete": True,
        "missing": [], "agents": [], "older_digests": [], **values,
    }


def test_the_table():
    totals = {"disk_bytes": 3 * GIB, "agents_see_bytes": 12 * GIB, "dedup_ratio": 4.0, "free_bytes": GIB, "garbage_bytes": 10}
    store = {
        "exists": True,
        "models": [
            model("a:latest", agents=["u", "v", "w", "x"], older_digests=["0"]),
            model("b:latest", complete=False, missing=["sha256:0"]),
        ],
        "agents": [{"agent": "u", "over_limit": True, "orphan": False}, {"agent": "z", "over_limit": False, "orphan": True, "private_bytes": GIB}],
        "garbage": [{"kind": "view", "name": "v"}],
        "totals": totals,
    }
    empty = {"exists": False, "models": [], "agents": [], "garbage": [], "totals": totals}
    assert stores_table({"gpu-01": store, "gpu-02": empty, "gpu-03": {}}) == [
        "HOST    MODEL     DIGEST        SIZE     STATE                     AGENTS              ALONE",
        "gpu-01  a:latest  0123456789ab  2.0 GiB  complete, 1 older in use  u, v, w and 1 more  1.0 GiB",
        "gpu-01  b:latest  0123456789ab  2.0 GiB  damaged, 1 blobs missing  -                   1.0 GiB",
        "gpu-01: 3.0 GiB on disk, 2 agents see 12.0 GiB (4x), 1.0 GiB free, garbage 10 B in 1 items, over their limit: u,"
        " of agents that are gone (offboard_tenant with remove_data or prune_uppers erases it): z (1.0 GiB)",
        "gpu-02: no model store yet",
        "gpu-03: can't be asked",
    ]
    assert stores_table({}) == ["No agent host."]
