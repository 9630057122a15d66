# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done so that a program of the machine runs, runs anew, or does not. Pure."""

from __future__ import annotations

from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Impact, Plan

STATES = ("started", "restarted", "stopped")


def plan(kind: str, name: str, title: str, state: str, running: bool) -> Plan:
    """The plan that leads to ``state``, one of :data:`STATES`.

    :param kind: engine or server. :param name: of which one. :param title: its name in the diff. :param running: whether it runs now.
    """
    wanted = state != "stopped"
    actions = []
    if running and state != "started":
        actions.append(Action("stop", kind, name, Impact.RESTART))
    if wanted and (not running or actions):
        actions.append(Action("start", kind, name))
    words = {True: "started", False: "stopped"}
    return Plan(tuple(actions), {title: words[running]}, {title: words[wanted]})
