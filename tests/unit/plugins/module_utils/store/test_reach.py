# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which disk an error names when an agent's models can't be changed."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.base import AgentAction
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount
from ansible_collections.llmops.tenancy.plugins.module_utils.store.reach import fault_of_place

MOUNT = ModelMount("/s/agents/a1/view", "/s/agents/a1/upper", "/s/agents/a1/work")


@pytest.mark.parametrize(
    ("verb", "kind", "mount", "number", "path", "fault", "disk"),
    [
        ("create", "view", None, errno.ENOSPC, None, "disk_full", "the model store"),
        ("replace", "volume", MOUNT, errno.EDQUOT, None, "disk_full", "the model store"),
        ("replace", "volume", None, errno.ENOSPC, None, "disk_full", "the engine's volumes"),
        ("replace", "volume", None, errno.ENOSPC, "/s/staging", "disk_full", "/s/staging"),
        ("replace", "volume", None, errno.EROFS, "/v/_data", "store_unwritable", "that disk"),
    ],
)
def test_the_disk_is_the_one_that_failed(verb, kind, mount, number, path, fault, disk):
    action = AgentAction(verb, kind, "ollama-agent-a1", agent="a1", mount=mount)
    error = fault_of_place(action, OSError(number, os.strerror(number), path))
    assert error.kind == fault and disk in error.remedy
    assert os.strerror(number) in error.cause and (path or "") in error.cause


@pytest.mark.parametrize("path", ["evil\x1b[2J\n", "/proc/self/fd/7/evil\x1b[2J\n", 7, None])
def test_a_name_of_a_tenants_is_no_disk_and_does_nothing_to_a_terminal(path):
    error = fault_of_place(AgentAction("create", "view", "ollama-agent-a1", agent="a1"), OSError(errno.ENOSPC, "full", path))
    assert error.remedy.startswith("Free space on the disk of the model store")
    assert error.cause == ("full: evil\\x1b[2J\\n" if isinstance(path, str) else "full")
