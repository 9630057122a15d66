# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume's options as they are sent and as they are read back."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_volume import options, read_mount
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.sharing import ModelMount

MOUNT = ModelMount("/s/view", "/s/upper", "/s/work")


def test_what_is_sent_is_read_back():
    assert options(MOUNT) == {
        "type": "overlay", "device": "overlay", "o": "lowerdir=/s/view,upperdir=/s/upper,workdir=/s/work",
    }
    assert read_mount(options(MOUNT)) == MOUNT
    assert options(None) == {}


@pytest.mark.parametrize(
    "found", [None, {}, {"type": "nfs", "o": "addr=x"}, {"type": "overlay", "o": "lowerdir=/a"}, {"type": "tmpfs"}]
)
def test_other_volumes(found):
    assert read_mount(found) is None
