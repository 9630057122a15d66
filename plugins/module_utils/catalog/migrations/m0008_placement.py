# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 8: agents are placed by ``catalog/rooms.py``. Never edited once released."""

from __future__ import annotations

SQL = r"""
-- They looked at all agents of every host again for each new one: a thousand at once took a million looks.
DROP FUNCTION llmops.place_agent;
DROP FUNCTION llmops.host_room;
DROP FUNCTION llmops.sum_text;
DROP FUNCTION llmops.next_free_port;
"""
