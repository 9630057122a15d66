# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leads a program to the state that it shall have."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.host import service


@pytest.mark.parametrize(
    ("state", "running", "verbs"),
    [
        ("started", True, []), ("started", False, ["start"]),
        ("restarted", True, ["stop", "start"]), ("restarted", False, ["start"]),
        ("stopped", True, ["stop"]), ("stopped", False, []),
    ],
)
def test_plan(state: str, running: bool, verbs: list[str]) -> None:
    plan = service.plan("server", "proxy", "proxy", state, running)
    assert [action.verb for action in plan.actions] == verbs
    assert plan.before == {"proxy": "started" if running else "stopped"}
    assert plan.after == {"proxy": "stopped" if state == "stopped" else "started"}
