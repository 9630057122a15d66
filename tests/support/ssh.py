# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real SSH server on the bench: the same machine, reached as a remote host is."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import Server
from tests.support.settings import Bench

PORT = 2222
OPERATOR = "bench-operator"
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub .ssh/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class SshHost:
    """A host that Ansible reaches by SSH."""

    folder: Path
    user: str = "root"

    @property
    def inventory(self) -> list[str]:
        """Arguments of ansible-playbook that make ``remote`` the only host."""
        options = f"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlPath={self.folder}/%C"
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": PORT,
            "ansible_user": self.user,
            "ansible_connection": "ssh",
            "ansible_ssh_timeout": 120,
            "ansible_ssh_private_key_file": self.folder / "client_key",
            "ansible_ssh_common_args": f"'{options}'",
            "ansible_python_interpreter": sys.executable,
        }
        path = self.folder / "inventory"
        path.write_text("remote " + " ".join(f"{name}={value}" for name, value in variables.items()) + "\n")
        return ["-i", str(path)]


@contextlib.contextmanager
def ssh_host() -> Iterator[SshHost]:
    """Start the server; it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="ssh-", dir=Bench.current().folder))
    for name in ("host_key", "client_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    config = folder / "sshd_config"
    config.write_text(CONFIG.format(port=PORT, folder=folder))
    server = Server("sshd", Bench.current().logs)
    server.start(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)])

    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", PORT), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"

    try:
        server.wait_ready(answers)
        yield SshHost(folder)
    finally:
        server.stop()


@contextlib.contextmanager
def operator(host: SshHost) -> Iterator[SshHost]:
    """The same host, where a user logs in who is not root and becomes it by ``su`` without a password; gone with the block."""
    rules = Path("/etc/pam.d/su")
    before = rules.read_text()
    home = Path(f"/var/lib/{OPERATOR}")
    subprocess.run(["useradd", "--create-home", "--home-dir", str(home), "--password", "*", "--shell", "/bin/sh", OPERATOR], check=True)
    try:
        rules.write_text("".join(f"{kind} sufficient pam_permit.so\n" for kind in ("auth", "account", "session")))
        (home / ".ssh").mkdir()
        shutil.copy(host.folder / "client_key.pub", home / ".ssh" / "authorized_keys")
        shutil.chown(home / ".ssh", OPERATOR)
        yield SshHost(host.folder, OPERATOR)
    finally:
        rules.write_text(before)
        subprocess.run(["userdel", "--force", "--remove", OPERATOR], check=True, capture_output=True)
