# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of tenants are looked for beside each source of the inventory and inside of one that is a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.llmops.tenancy.plugins.plugin_utils.tenant_folders import tenant_folders


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ([], []), (["site/hosts.yml"], ["site/tenants"]), (["site"], ["site/tenants", "tenants"]),
        (["site/hosts.yml", "site", "other/hosts.yml"], ["site/tenants", "tenants"]), (["link/hosts.yml"], ["site/tenants"]),
        (["gone/hosts.yml"], []),
    ],
)
def test_folders(tmp_path: Path, sources: list[str], found: list[str]) -> None:
    for folder in ("site/tenants", "tenants", "other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "site" / "hosts.yml").touch()
    (tmp_path / "link").symlink_to("site")
    given = {"ansible_inventory_sources": [str(tmp_path / source) for source in sources]}
    assert tenant_folders(given) == [str(tmp_path / folder) for folder in found]
