# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a playbook that are killed at moments that have a name, however fast the machine is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.ansible import Playbook
from tests.support.door import Door
from tests.support.process import wait_until
from tests.support.site import Site


class Running:
    """A run on its way.

    Args:
        site: The site that it is of.
        playbook: Name of one of the collection's.
        variables: Extra variables.
    """

    def __init__(self, site: Site, playbook: str, **variables: Any) -> None:
        self.log, recording = site.recording()
        self.run: Playbook = site.start(playbook, env=recording, **variables)

    def until(self, reached: Callable[[], object], what: str) -> None:
        """Wait for a moment, which must come before the end of the run."""
        wait_until(lambda: reached() or self.run.process.poll() is not None, what)
        assert reached(), f"the run ended before {what}: {self.run.told()}"

    def until_ended(self, task: str) -> None:
        """Wait for the end of a task."""
        self.until(lambda: task in self.log.read_text(), f"the end of task '{task}'")


@dataclass(frozen=True)
class Runs:
    """Runs of one playbook whose requests to the engine come by a door.

    Attributes:
        site: The site that they are of; its inventory leads to the door.
        door: The door.
        playbook: Name of one of the collection's.
        variables: Extra variables of each.
    """

    site: Site
    door: Door
    playbook: str
    variables: Mapping[str, Any]

    def start(self) -> Running:
        """Start one."""
        return Running(self.site, self.playbook, **self.variables)


# Starts a run, and kills it.
Kill = Callable[[Runs], None]


def after(task: str) -> Kill:
    """Kill a run when a task has ended, so when it is about to do what comes next."""

    def kill(runs: Runs) -> None:
        running = runs.start()
        running.until_ended(task)
        running.run.kill()

    return kill


def before(request: str, count: int = 1) -> Kill:
    """Kill a run that is about to ask the engine for something for the n-th time."""

    def kill(runs: Runs) -> None:
        hold = runs.door.hold(request, count)
        running = runs.start()
        running.until(lambda: hold.reached, f"{request} for the {count}. time")
        running.run.kill()
        hold.end(passes=False)

    return kill


def writing(table: str, since: str = "") -> Kill:
    """Kill a run that writes to a table of the catalog, in the middle of its transaction.

    Args:
        table: Which one.
        since: What it asks the engine for before; only then the table is locked.
    """

    def kill(runs: Runs) -> None:
        if not since:
            with locked(runs.site, table) as waits:
                killed_when(runs.start(), waits, table)
            return
        hold = runs.door.hold(since)
        running = runs.start()
        running.until(lambda: hold.reached, since)
        with locked(runs.site, table) as waits:
            hold.end(passes=True)
            killed_when(running, waits, table)

    return kill


def killed_when(running: Running, waits: Callable[[], bool], table: str) -> None:
    """Kill a run once it waits for a table."""
    running.until(waits, f"its write to {table}")
    running.run.kill()


@contextmanager
def locked(site: Site, table: str) -> Iterator[Callable[[], bool]]:
    """Lock a table against writes; yields whether one waits."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    with psycopg.connect(site.database.dsn) as connection:
        connection.execute(f"LOCK TABLE llmops.{table} IN EXCLUSIVE MODE")
        yield lambda: connection.execute(waiting, [f"llmops.{table}"]).fetchone() == (1,)
