# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that variables name, and what the inventory says of them."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.settings import hosts

NAMES = {"localhost", "all", "agent_hosts", "gpu-01", "gpu-02"}
OPTIONS = {
    "agent_model_store": {"choices": ["shared", "private"]},
    "agent_model_update": {"choices": ["", "at_once", "pinned"]},
    "agent_host": {"type": "str"},
}


@pytest.mark.parametrize(
    "parts", [["gpu-01"], ["gpu-0*"], ["agent_hosts", "!gpu-01"], ["&gpu-02"], ["~gpu-0[12]"], ["agent_hosts[0:1]"], ["gpu-0[12]"], []]
)
def test_a_pattern_that_names_something_passes(parts):
    hosts.check_pattern("copy_to", parts, NAMES)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["gpu-01", "gpu-3"], "copy_to 'gpu-3' is neither a host nor a group of the inventory"),
        (["gpu-01", "gpu-3"], "Did you mean 'gpu-0"),
        (["!agent_host"], "Did you mean 'agent_hosts'?"),
        (["mars"], "it has agent_hosts, all, gpu-01, gpu-02, localhost. Add it to the inventory, or name another"),
        (["~mars"], "copy_to '~mars'"),
        (["~gpu-("], "copy_to '~gpu-('"),
        (["mars*"], "copy_to 'mars*'"),
        (["mars[0]"], "copy_to 'mars[0]'"),
    ],
)
def test_a_pattern_of_nothing_is_refused(parts, said):
    with pytest.raises(TenancyError) as caught:
        hosts.check_pattern("copy_to", parts, NAMES)
    assert caught.value.kind == "unknown_host" and said in str(caught.value)


def test_variables_of_a_host_that_are_right_pass():
    given = {"agent_model_store": "private", "agent_model_update": "", "agent_host": None, "agent_of_mine": 1, "other": 2}
    hosts.check_variables("gpu-01", given, OPTIONS, ["agent_of_mine"])


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"agent_modle_update": "pinned"}, "unknown_variable", "Role agent, on host gpu-01, knows no variable 'agent_modle_update'"),
        ({"agent_modle_update": "pinned"}, "unknown_variable", "Did you mean 'agent_model_update'?"),
        ({"agent_model_store": "privat"}, "invalid_choice", "agent_model_store of host gpu-01 'privat' is not one of shared, private"),
        ({"agent_model_store": "Shared"}, "invalid_choice", "Did you mean 'shared'?"),
        ({"agent_model_update": "at once"}, "invalid_choice", "Did you mean 'at_once'?"),
    ],
)
def test_variables_of_a_host_that_are_wrong_are_refused_with_its_name(given, kind, said):
    with pytest.raises(TenancyError) as caught:
        hosts.check_variables("gpu-01", given, OPTIONS, [])
    assert caught.value.kind == kind and said in str(caught.value)
