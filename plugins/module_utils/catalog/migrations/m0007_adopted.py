# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration 7: which agents an older system made. Never edited once released."""

from __future__ import annotations

SQL = r"""
ALTER TABLE llmops.agents ADD COLUMN adopted boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN llmops.agents.adopted IS
    'Whether an older system made its container, which then has no labels of this collection until it is made anew.';
"""
