# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pipe between a call that waits and its worker: if the call is killed, the worker knows at once."""

from __future__ import annotations

import os


class Lifeline:
    """Held by both from before the fork. The call lets go of it when it reports back; from then on the lease counts."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._free = False

    def in_worker(self) -> None:
        """Be the worker's end."""
        os.close(self._writer)

    def in_call(self) -> None:
        """Be the call's end."""
        os.close(self.reader)

    def let_go(self) -> None:
        """Tell the worker that the call ends as it should."""
        try:
            os.write(self._writer, b".")
        except BrokenPipeError:
            pass  # the worker is done already
        finally:
            os.close(self._writer)

    def cut(self) -> bool:
        """Whether the call has died; asked by the worker."""
        if self._free:
            return False
        try:
            said = os.read(self.reader, 1)
        except BlockingIOError:
            return False
        self._free = bool(said)
        return not said
