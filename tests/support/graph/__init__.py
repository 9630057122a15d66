# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for Microsoft Entra and Microsoft Graph, faithful to the wire format. README.md lists its guesses."""

from __future__ import annotations

from .directory import Application, Directory
from .rules import Rule, graph_error
from .server import StandIn, tenant

__all__ = ["Application", "Directory", "Rule", "StandIn", "graph_error", "tenant"]
