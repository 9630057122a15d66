# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.unknown_names import refuse_unknown

KNOWN = ["docker_host_venv", "docker_host_config"]


def test_known_names_pass() -> None:
    refuse_unknown(["docker_host_venv"], KNOWN, "Role docker_host")
    refuse_unknown([], [], "Role docker_host")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["docker_host_vnev"], "Did you mean 'docker_host_venv'?"),
        (["docker_host_vnev", "docker_host_confg"], "Did you mean 'docker_host_config'? Did you mean 'docker_host_venv'?"),
        (["xyzzy"], "It knows docker_host_config, docker_host_venv"),
    ],
)
def test_unknown_names_are_refused(names: list[str], says: str) -> None:
    with pytest.raises(TenancyError) as error:
        refuse_unknown(names, KNOWN, "Role docker_host")
    assert error.value.kind == "unknown_variable"
    assert says in str(error.value)
    assert error.value.details["unknown"] == sorted(names)
