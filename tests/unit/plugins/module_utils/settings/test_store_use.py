# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run brought into model stores, what agents see of them, and who was moved."""

from __future__ import annotations

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.store_use import use_of

GIB = 1024**3


def test_what_a_run_brought():
    share = {"store": {"shared": ["a:latest"]}, "models": [{"name": "a:latest", "digest": "0", "size": GIB}, {"name": "own", "digest": "1", "size": 7}]}
    stopped = {"store": {"shared": ["a:latest"]}, "models": None}
    alone = {"store": {"shared": []}, "models": [{"name": "b", "digest": "2", "size": 9}]}
    reports = [
        {"inventory_hostname": "h1", "_agent_engine": {"agents": [share, share, stopped]}, "_agent_store": {"downloaded": 3, "added": 7, "seconds": 0.12}},
        {"inventory_hostname": "h2", "_agent_engine": {"agents": [alone]}, "_agent_store": {"skipped": True}},
        {"inventory_hostname": "h3"},
    ]
    assert use_of(reports) == [
        {"host": "h1", "agents": 3, "shared_bytes": GIB, "downloaded": 3, "added": 7, "migrated": [], "seconds": 0.12},
    ]
