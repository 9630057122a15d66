# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a request is in flight, from samples and from the kernel's table of connections."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.drain import (
    Sample,
    answering,
    connections,
    wait_idle,
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Nobody is connected, whatever it computes.
        (Sample(0, 0, 9.0, 11.0), False),
        # A gateway keeps a connection open, and nothing happens.
        (Sample(1, 0, 1.001, 11.0), False),
        (Sample(1, 0, 1.5, 11.0), True),
        # A slow client has not read all yet.
        (Sample(1, 700, 1.0, 11.0), True),
    ],
)
def test_answering(now, expected):
    assert answering(Sample(1, 0, 1.0, 10.0), now) is expected


def test_wait_ends_at_once_without_clients_and_in_time_with_busy_ones():
    assert wait_idle(lambda: Sample(0, 0, 0.0, 0.0), 30)
    moments = iter(range(100))
    assert not wait_idle(lambda: Sample(1, 1, 0.0, float(next(moments))), 0)


def test_connections_to_a_port(tmp_path):
    folder = tmp_path / "42" / "net"
    folder.mkdir(parents=True)
    head = "  sl  local_address rem_address   st tx_queue:rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    (folder / "tcp").write_text(head + "".join(
        f"   {number}: {local} 0100007F:C001 {state} {queues} 00:00000000 00000000     0        0 1\n"
        for number, (local, state, queues) in enumerate([
            ("0100007F:2CAA", "01", "00000010:00000001"), ("0100007F:2CAA", "0A", "00000000:00000000"),
            ("0100007F:2CAB", "01", "00000001:00000000"), ("0100007F:2CAA", "06", "00000000:00000000"),
        ])
    ))
    assert connections(42, 11434, tmp_path) == (1, 17)
    assert connections(43, 11434, tmp_path) == (0, 0)
