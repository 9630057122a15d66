# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a server has ended."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.llmops.tenancy.plugins.module_utils.host import process

from tests.support.process import wait_until

# Its first thread ends, as it may for a moment in a Go program that was told to; the other holds the port.
HALF_DEAD = """
import ctypes, socket, threading, time
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=time.sleep, args=(600,)).start()
print(server.getsockname()[1], flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_server_lives_until_its_last_thread_has_let_go() -> None:
    with subprocess.Popen([sys.executable, "-c", HALF_DEAD], stdout=subprocess.PIPE, text=True) as server:
        try:
            port = server.stdout.readline().strip()
            wait_until(lambda: process._state(f"/proc/{server.pid}/stat") == "Z", "the end of its first thread")
            assert process._answers(f"127.0.0.1:{port}")
            assert process.lives(server.pid)
        finally:
            server.kill()
    assert not process.lives(server.pid)
    assert not process._answers(f"127.0.0.1:{port}")
