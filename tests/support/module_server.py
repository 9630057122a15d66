# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules in processes of their own without a new interpreter for each: most of a module's time is imports.

One process has imported Ansible's part of a module and the libraries, and forks for each request. Nothing of the collection
is imported before the fork, so a module finds everything as it would in an interpreter of its own.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.support.process import wait_until
from tests.support.run_module import run
from tests.support.settings import ROOT

LIBRARIES = ("ansible.module_utils.basic", "ansible.module_utils.testing", "psycopg", "docker", "msal", "yaml")
_servers: dict[int, Path] = {}


def ask(request: Mapping[str, Any], environment: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
    """Have a module run, as `tests.support.run_module` does.

    Returns:
        Its exit code and what it printed.
    """
    # A test that forks, and then asks, has a server of its own.
    address = _servers.get(os.getpid()) or _start(environment)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(str(address))
        client.sendall(json.dumps({**request, "environment": dict(environment)}).encode())
        client.shutdown(socket.SHUT_WR)
        answer = json.loads(_all_of(client))
    return answer["rc"], answer["stdout"], answer["stderr"]


def _start(environment: Mapping[str, str]) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="llmops-modules-")
    address = Path(folder.name, "socket")
    command = [sys.executable, "-m", "tests.support.module_server", str(address)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(environment), cwd=ROOT)

    def stop() -> None:
        if server.stdin:
            server.stdin.close()
        server.wait()
        folder.cleanup()

    atexit.register(stop)
    wait_until(address.exists, "the server of modules")
    _servers[os.getpid()] = address
    return address


def _all_of(connection: socket.socket) -> bytes:
    content = bytearray()
    while piece := connection.recv(1 << 20):
        content += piece
    return bytes(content)


def _serve(connection: socket.socket) -> None:
    """Answer one request; a child runs the module and ends as any interpreter does, with its threads and exit handlers."""
    request = json.loads(_all_of(connection))
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            connection.close()
            _become(request, stdout, stderr)
            run(request)
            sys.exit()
        rc = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = {name: _read(file) for name, file in (("stdout", stdout), ("stderr", stderr))}
    connection.sendall(json.dumps({"rc": rc, **texts}).encode())


def _become(request: Mapping[str, Any], stdout: IO[bytes], stderr: IO[bytes]) -> None:
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    # What this process has looked up of the environment that was: the folder for temporary files.
    tempfile.tempdir = None


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def main() -> None:
    """Serve until the one who started it closes the standard input."""
    for name in LIBRARIES:
        importlib.import_module(name)
    address = sys.argv[1]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{address}.new")
        listener.listen(100)
        os.rename(f"{address}.new", address)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            ready = select.select([listener, sys.stdin], [], [])[0]
            if sys.stdin in ready:
                return
            connection = listener.accept()[0]
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _serve(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main()
