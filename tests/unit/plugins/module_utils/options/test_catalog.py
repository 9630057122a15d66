# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords inside a DSN are found in every spelling, well-formed or not."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.llmops.tenancy.plugins.doc_fragments.catalog import ModuleDocFragment
from ansible_collections.llmops.tenancy.plugins.module_utils.options.catalog import GROUP, SPEC

CASES = [
    ("", set()),
    ("host=db dbname=llmops", set()),
    ("host=db password=s3cret user=x", {"s3cret"}),
    ("host=db password = 's3 cret' user=x", {"s3 cret"}),
    (r"password='it\'s'", {r"it\'s", "it's"}),
    ("password='never closed", {"never closed"}),
    (r"password=a\ b user=x", {r"a\ b", "a b"}),
    ("sslpassword=key host=db", {"key"}),
    ("postgresql://user@db/llmops", set()),
    ("postgresql://user:s3cret@db/llmops", {"s3cret"}),
    ("postgresql://user:s3%40cret@db/llmops", {"s3%40cret", "s3@cret"}),
    ("postgresql://user:s3@cret@db/llmops", {"s3@cret", "s3"}),
    ("postgresql://user:s3cret@[half/llmops", {"s3cret"}),
    ("postgresql://user:s3cret@db:notaport/llmops", {"s3cret"}),
    ("postgresql://db/llmops?user=x&password=s3cret&sslmode=require", {"s3cret"}),
]


@pytest.mark.parametrize(("dsn", "secrets"), CASES)
def test_every_spelling_of_a_password_is_found(dsn: str, secrets: set[str]) -> None:
    assert set(GROUP.secrets({"catalog_dsn": dsn})) == secrets


def test_no_dsn_has_no_secret() -> None:
    assert list(GROUP.secrets({"catalog_dsn": None})) == []


def test_plugins_read_the_same_options_as_modules() -> None:
    """Same types and defaults, and the environment variables that modules fall back to."""
    options = yaml.safe_load(ModuleDocFragment.PLUGIN)["options"]
    found = {
        name: (option["type"], option.get("default"), [env["name"] for env in option.get("env", [])])
        for name, option in options.items()
    }
    assert found == {
        name: (option["type"], option.get("default"), option.get("fallback", (None, []))[1]) for name, option in SPEC.items()
    }
