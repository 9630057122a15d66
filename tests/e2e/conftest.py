# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site of its own for each test: inventory, catalog, and an engine without objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.catalog import make_catalog
from tests.support.engine import Engine
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.site import Site


@pytest.fixture
def site(tmp_path: Path, postgres: Postgres, make_database: Callable[..., Database], clean_engine: Engine) -> Site:
    """A site with one agent host, this machine."""
    return Site(tmp_path, make_catalog(postgres, make_database).database, clean_engine)
