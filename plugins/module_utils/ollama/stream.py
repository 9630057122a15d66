# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stream of events that can also say "nothing yet", so that its reader can notice a stall or be told to stop."""

from __future__ import annotations

import queue
import threading
from http.client import HTTPException
from typing import Iterator, Union

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.transport import Answer
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.ndjson import Event, parse_line

_Item = Union[Event, Exception, None]


class Stream:
    """Events of one streamed answer.

    A thread reads them: a read that timed out leaves ``http.client``'s buffer unusable, so waiting with a time limit
    has to happen elsewhere. While it verifies a big model Ollama is silent for minutes, which is not a fault.

    :param answer: the open answer; hanging it up ends the thread.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        answer.without_time_limit()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for line in self._answer.lines():
                if not line.endswith("\n"):
                    break  # cut in the middle of a line
                event = parse_line(line)
                if event is not None:
                    self._items.put(event)
            self._items.put(None)
        except (OSError, HTTPException, ValueError) as error:
            self._items.put(error)

    def events(self, tick: float = 1.0) -> Iterator[Event | None]:
        """Events as they come, and None whenever ``tick`` seconds pass without one.

        Ends after ``success``, or after an event with ``error``: what that means is for the caller to know.

        :raises TenancyError: ``agent_disconnected`` when it ends without success, ``agent_broken_answer`` for a line
            that is not Ollama's.
        """
        succeeded = False
        while True:
            try:
                item = self._items.get(timeout=tick)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, Event):
                yield item
                if item.error:
                    return
                succeeded = succeeded or item.status == "success"
            elif item is None and succeeded:
                return
            else:
                raise self._ended(item)

    def _ended(self, reason: Exception | None) -> TenancyError:
        endpoint, path = self._answer.endpoint, self._answer.path
        if isinstance(reason, ValueError):
            return endpoint.broken(path, f"a line of its stream can't be read ({reason})")
        if reason is not None:
            return endpoint.fault(path, reason)
        return TenancyError(
            f"{endpoint.name} ended the stream of {path} before it was done",
            cause="the connection was closed in the middle",
            remedy="See the agent's log: it may have been stopped, or killed for want of memory",
            kind="agent_disconnected",
        )
