# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's facts, out of files laid out as /proc is."""

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.host import Listener, overlaps, process_of, read_host

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
"""
TCP6 = """  sl  local_address                         remote_address                        st ...
   0: 00000000000000000000000000000000:2CAB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4714 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:2CAC 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4715 1 0 100 0 0 10 0
"""
ROUTE = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0
eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
llmt-0123456789 0097C90A 00000000 0001 0 0 0 F0FFFFFF 0 0 0
br0 A097C90A 00000000 0001 0 0 0 F0FFFFFF 0 0 0
"""


@pytest.fixture
def proc(tmp_path):
    net = tmp_path / "self" / "net"
    net.mkdir(parents=True)
    for name, text in (("tcp", TCP), ("tcp6", TCP6), ("route", ROUTE)):
        (net / name).write_text(text)
    (tmp_path / "42" / "fd").mkdir(parents=True)
    (tmp_path / "42" / "fd" / "3").symlink_to("socket:[4711]")
    (tmp_path / "42" / "cmdline").write_bytes(b"nginx:\0master\0--password=x\0")
    (tmp_path / "43").mkdir()
    return tmp_path


def test_read_host(proc):
    facts = read_host(proc)
    assert facts.listeners == (
        Listener("127.0.0.1", 11434, 4711), Listener("0.0.0.0", 22, 4712), Listener("::", 11435, 4714), Listener("127.0.0.1", 11436, 4715)
    )
    assert facts.routes == ("192.0.2.0/24", "10.201.151.160/28")
    assert facts.process_of(4711) == "process 42 (nginx: master)"
    assert facts.process_of(1) == "a process of another user or namespace"


@pytest.mark.parametrize(("parent", "orphan"), [("dockerd", False), ("systemd", True)])
def test_proxy_of_a_crashed_engine_is_told(proc, parent, orphan):
    (proc / "42" / "comm").write_text("docker-proxy\n")
    (proc / "42" / "stat").write_text("42 (docker-proxy) S 43 1 1")
    (proc / "43" / "comm").write_text(f"{parent}\n")
    assert ("crashed" in process_of(4711, proc)) is orphan


def test_host_without_proc(tmp_path):
    facts = read_host(tmp_path)
    assert (facts.listeners, facts.routes) == ((), ())


def test_this_process_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        listener = next(one for one in read_host().listeners if one.port == port)
        assert listener.address == "127.0.0.1"
        assert process_of(listener.inode).startswith(f"process {os.getpid()} (")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("127.0.0.1", "127.0.0.1", True), ("127.0.0.1", "0.0.0.0", True), ("::", "127.0.0.1", True), ("127.0.0.1", "10.0.0.1", False)],
)
def test_overlaps(one, other, expected):
    assert overlaps(one, other) is expected
