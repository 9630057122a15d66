# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one module of the collection as Ansible does on a host; the request comes on standard input.

Not on the command line: parameters may be secret, and tests look for secrets in the process list.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.testing import patch_module_args


def run(request: Mapping[str, Any]) -> None:
    """Run the module; it ends the process.

    Args:
        request: ``module``, its short name, and ``args``, its options.
    """
    name = f"ansible_collections.llmops.tenancy.plugins.modules.{request['module']}"
    sys.argv = [name]
    with patch_module_args(request["args"]):
        runpy.run_module(name, run_name="__main__")


def stop_at(moment: str, reached: str) -> None:
    """Have the process, or one that it forks, stop before the first call of a kind, for a test to kill it there.

    Args:
        moment: A pattern for an audit event and its arguments, such as ``os.rename .*/blobs/``.
        reached: File that is made then.
    """
    pattern = re.compile(moment)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        # Making the file is an event, too, but none that anybody waits for.
        if pattern.search(f"{event} {args}"):
            os.close(os.open(reached, os.O_CREAT))
            # To this thread: one sent to the process may be another thread's to take, and this one go on for a while.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    sys.addaudithook(hook)


def main() -> None:
    """Entry point."""
    if moment := os.environ.get("LLMOPS_TEST_STOP_AT"):
        stop_at(moment, os.environ["LLMOPS_TEST_STOPPED"])
    run(json.load(sys.stdin))


if __name__ == "__main__":
    main()
