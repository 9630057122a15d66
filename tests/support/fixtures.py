# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the bench as pytest fixtures. The bench loads them itself (``PYTEST_PLUGINS``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support import ansible
from tests.support.engine import Engine
from tests.support.faultproxy import FaultProxy
from tests.support.postgres import OWNER, Postgres
from tests.support.registry import Registry
from tests.support.settings import Bench


@dataclass(frozen=True)
class Database:
    """A database of one test: empty at first, dropped at its end."""

    postgres: Postgres
    name: str

    @property
    def dsn(self) -> str:
        """Connection string of the superuser through the socket."""
        return self.postgres.dsn(self.name)

    def dsn_of(self, role: str) -> str:
        """Connection string of a role through the socket, without a password."""
        return self.postgres.dsn(self.name, role)

    def tcp_dsn(self, role: str = OWNER) -> str:
        """Connection string over TCP, which wants the role's password."""
        return self.postgres.tcp_dsn(self.name, role)

    def sql(self, statement: str, role: str = OWNER) -> str:
        """Run a statement; rows as text, columns separated by ``|``."""
        return self.postgres.sql(statement, self.name, role)


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The bench that the tests run in."""
    return Bench.current()


@pytest.fixture(scope="session")
def _engine(bench: Bench) -> Engine:
    return Engine(bench)


@pytest.fixture
def engine(_engine: Engine) -> Iterator[Engine]:
    """The Docker Engine, running; a test may stop or kill it."""
    if not _engine.server.pid:
        _engine.start()
    yield _engine
    if not _engine.server.pid:
        _engine.start()


@pytest.fixture
def clean_engine(engine: Engine) -> Iterator[Engine]:
    """The Docker Engine without containers, networks and volumes, before and after the test."""
    engine.clean()
    yield engine
    if not engine.server.pid:
        engine.start()
    engine.clean()


@pytest.fixture(scope="session")
def _postgres(bench: Bench) -> Postgres:
    return Postgres(bench)


@pytest.fixture
def postgres(_postgres: Postgres) -> Iterator[Postgres]:
    """The PostgreSQL cluster, running; a test may stop it."""
    if not _postgres.server.pid:
        _postgres.start()
    yield _postgres
    if not _postgres.server.pid:
        _postgres.start()


@pytest.fixture
def make_database(postgres: Postgres) -> Iterator[Callable[..., Database]]:
    """Makes empty databases, or copies of one (``template=name``); they are dropped after the test."""
    made: list[str] = []

    def make(**options: str) -> Database:
        made.append(postgres.fresh_database(**options))
        return Database(postgres, made[-1])

    yield make
    if not postgres.server.pid:
        postgres.start()
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def database(make_database: Callable[..., Database]) -> Database:
    """An empty database."""
    return make_database()


@pytest.fixture(scope="session")
def registry(bench: Bench) -> Registry:
    """The model registry with ``library/demo`` and ``library/demo2``."""
    return Registry(bench)


@pytest.fixture
def fault_proxy() -> Iterator[FaultProxy]:
    """A proxy before the model registry, without faults yet."""
    with FaultProxy() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def run_module() -> Callable[..., ansible.ModuleRun]:
    """`tests.support.ansible.run_module`."""
    return ansible.run_module


@pytest.fixture(scope="session")
def run_playbook() -> Callable[..., ansible.PlaybookRun]:
    """`tests.support.ansible.run_playbook`."""
    return ansible.run_playbook
