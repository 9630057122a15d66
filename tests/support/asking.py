# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents that are asked all the time while a test does something else: does each of them go on?"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

from tests.support.ollama import generate
from tests.support.process import wait_until


class Asking:
    """Agents that generate without a pause, each in a thread of its own, until the block ends; none may fail meanwhile.

    Args:
        ports: Port of each agent, by its name.
    """

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._answers: dict[str, list[tuple[float, float]]] = {agent: [] for agent in ports}
        self._ended = threading.Event()
        self._threads = {agent: threading.Thread(target=self._ask, args=(agent,)) for agent in ports}

    def _ask(self, agent: str) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            assert generate(self._ports[agent])
            self._answers[agent].append((began, time.monotonic()))

    def __enter__(self) -> Asking:
        for thread in self._threads.values():
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads.values():
            thread.join()

    @contextlib.contextmanager
    def during(self) -> Iterator[None]:
        """Each answers before what is done in the block, while it is done, and afterwards."""
        self._wait_for_answers()
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._wait_for_answers()
        for agent, answers in self._answers.items():
            assert any(asked < ended and answered > began for asked, answered in answers), agent

    def _wait_for_answers(self) -> None:
        """Until each has answered what it was asked from now on, or failed."""
        now = time.monotonic()
        for agent, thread in self._threads.items():
            answers = self._answers[agent]
            wait_until(lambda: answers and answers[-1][0] > now or not thread.is_alive(), f"an answer of {agent}")
            assert thread.is_alive(), f"agent {agent} failed to answer"
