# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ollama_agent on a host for a few agents at a time, and shows how far it is.

A wave that fails its health stops the waves of all hosts of the run; one that could not be carried out those of its host.
"""

from __future__ import annotations

import time
from typing import Any, Mapping

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import waves
from ansible_collections.llmops.tenancy.plugins.module_utils.options import docker
from ansible_collections.llmops.tenancy.plugins.plugin_utils import terminal
from ansible_collections.llmops.tenancy.plugins.plugin_utils.direct import DirectAction
from ansible_collections.llmops.tenancy.plugins.plugin_utils.halt import Halt

MODULE = "llmops.tenancy.ollama_agent"
SPEC: dict[str, dict[str, Any]] = {
    "agents": {"type": "list", "elements": "dict", "required": True},
    "compared": {"type": "dict", "required": True},
    "wave_size": {"type": "int", "default": waves.WAVE_SIZE},
    "store": {"type": "path"},
    "model_update": {"type": "str"},
    "drain_timeout": {"type": "int"},
    "network_pool": {"type": "str"},
    "network_prefix": {"type": "int"},
    "healthy_timeout": {"type": "int"},
    **docker.GROUP.spec,
}
_OWN = ("agents", "compared", "wave_size")
# In a log, a line now and then, and one at the end of several waves.
_SILENCE = 30.0

display = Display()


class ActionModule(DirectAction):
    """One call of the module for each wave."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """What all waves did; an agent that fails is part of it and not a failure of the task."""
        result = super().run(tmp, task_vars)
        _validated, args = self.validate_argument_spec(argument_spec=SPEC)
        variables, compared = task_vars or {}, args["compared"]
        # Only what is given goes on to the module.
        options = {name: args[name] for name in self._task.args if name not in _OWN}
        work = waves.waves(args["agents"], args["wave_size"])
        self._several = len(work) > 1
        busy = {agent["agent"] for wave in work for agent in wave}
        agents = {agent["agent"]: agent for agent in compared["agents"] if agent["agent"] not in busy}
        actions, failures, self._began, self._shown = [], [], time.monotonic(), time.monotonic()
        halt, sick = Halt(C.DEFAULT_LOCAL_TMP, self._task._uuid), set[str]()
        host, number, stopped_by = str(variables.get("inventory_hostname")), 0, halt.heard()
        while work and not stopped_by:
            wave, number = work.pop(0), number + 1
            done = self._wave(wave, options, variables)
            actions += done.get("actions") or ()
            failures += done["failures"]
            agents |= {agent["agent"]: agent for agent in done.get("agents") or ()}
            left = sum(map(len, work))
            self._show(len(busy) - len(failures) - left, len(failures), left, bool(work), variables)
            sick = waves.in_a_row(sick, waves.mostly_sick(done, wave))
            stop = waves.stopped_by(host, number, done)
            if waves.fails_health(done, compared["answered"], sick):
                halt.call(stop)
            stopped_by = stop if done.get("failed") else halt.heard()
        untouched = [agent["agent"] for wave in work for agent in wave]
        if untouched and stopped_by:
            display.warning(f"{host}: {len(untouched)} agents were left untouched after {waves.described(stopped_by)}")
        return {
            **result, "changed": bool(actions), "actions": actions, "agents": list(agents.values()), "failures": failures,
            "left": untouched, "stopped_by": stopped_by if untouched else None,
        }

    def _wave(self, wave: list[Mapping[str, Any]], options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """One call of the module; if the call itself fails, that is each agent's failure."""
        args = {**options, "agents": wave, "keep_going": True, "create_stopped": False}
        try:
            done = self._execute_module(MODULE, module_args=args, task_vars=variables)
        except AnsibleConnectionFailure as error:
            done = {"failed": True, "msg": str(error)}
        return {**done, "failures": waves.failed_whole(done, wave) if done.get("failed") else done["failures"]}

    def _show(self, done: int, failed: int, left: int, more: bool, variables: Mapping[str, Any]) -> None:
        """How far it is: one line that is rewritten in a terminal, a line now and then elsewhere."""
        several = len(variables.get("ansible_play_batch") or ()) > 1
        now = time.monotonic()
        line = f"{variables.get('inventory_hostname')}: {waves.progress(done, failed, left, now - self._began)}"
        if terminal.PERSON and not several:
            terminal.rewrite(line if more else "")
        elif now - self._shown >= _SILENCE if more else self._several:
            self._shown = now
            terminal.show(line)
