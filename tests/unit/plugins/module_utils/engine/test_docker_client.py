# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the SDK raises, as one error with cause and remedy."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_client import api_error, connect, connection_error
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (500, "driver failed programming external connectivity: Bind for 127.0.0.1:1 failed: port is already allocated", "port_in_use"),
        (500, "Error starting userland proxy: listen tcp4 127.0.0.1:1: bind: address already in use", "port_in_use"),
        (403, "Pool overlaps with other one on this address space", "subnet_taken"),
        (403, "cannot create network 1 (llmt-1): conflicts with network 2 (llmt-1): networks have same bridge name", "subnet_taken"),
        (403, "cannot create network 1 (llmt-1): conflicts with network 2 (llmt-2): networks have overlapping IPv4", "subnet_taken"),
        (500, "unable to set memory limit to 8388608 (current usage: 31457280, peak usage: 41943040)", "memory_in_use"),
        (400, "exec: \"/bin/ollama\": stat /bin/ollama: no such file or directory: unknown", "bad_image"),
        (400, "exec user process caused: exec format error", "bad_image"),
        (500, "write /models: no space left on device", "disk_full"),
        (409, "Conflict. The container name is already in use", "docker_conflict"),
        (404, "No such network", "docker_missing"),
        (500, "something new", "docker_error"),
    ],
)
def test_refusal(status, text, kind):
    error = api_error("Container x could not be started", status, text)
    assert error.kind == kind
    assert text in error.cause and error.remedy


def wrapped(inner):
    """As the SDK does it: the cause is nested in arguments, not in __cause__."""
    return RuntimeError("Error while fetching server API version", RuntimeError("Connection aborted.", inner))


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        (PermissionError(13, "Permission denied"), "docker_permission"),
        (FileNotFoundError(2, "No such file or directory"), "docker_unreachable"),
        (ConnectionRefusedError(111, "Connection refused"), "docker_unreachable"),
        (TimeoutError("timed out"), "docker_timeout"),
        (OSError("strange"), "docker_unreachable"),
    ],
)
def test_connection(inner, kind):
    error = connection_error("unix:///var/run/docker.sock", wrapped(inner))
    assert error.kind == kind
    assert "/var/run/docker.sock" in error.what and error.remedy


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"host": "unix:///nowhere/docker.sock"}, "docker_unreachable"),
        ({"host": "tcp://127.0.0.1:1"}, "docker_unreachable"),
        ({"host": "tcp://127.0.0.1:1", "tls": True, "ca_path": "/nowhere/ca.pem"}, "docker_tls"),
        ({"host": "nonsense://x"}, "docker_unreachable"),
    ],
)
def test_connect(settings, kind):
    complete = {"tls": False, "ca_path": None, "client_cert": None, "client_key": None, "timeout": 2, **settings}
    with pytest.raises(TenancyError) as error:
        connect(DockerSettings(**complete))
    assert error.value.kind == kind
