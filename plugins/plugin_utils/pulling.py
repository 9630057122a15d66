# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins of modules that pull share: they find the controller's files, show the progress while the worker
on the host pulls, and have it end when the run is stopped. All else is the module's."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import contextmanager
from typing import Any, Iterator

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.display import SparseLines, summarize
from ansible_collections.llmops.tenancy.plugins.plugin_utils import terminal
from ansible_collections.llmops.tenancy.plugins.plugin_utils.direct import DirectAction
from ansible_collections.llmops.tenancy.plugins.plugin_utils.model_files import locate

# A small model is there before this is over, so one call of the module does.
FIRST_PATIENCE = 1.5
# The worker's status is read by one short command, which costs no Python on the host.
_LOOK_EVERY = 0.5
_SILENT_WORKER = 15.0


class PullingAction(DirectAction):
    """Runs a module, again and again while a worker of it is busy. A plugin of it names its ``module``."""

    module = ""
    _supports_check_mode = True
    _supports_async = True

    def _found(self, path: str, variables: dict[str, Any]) -> str:
        """A file of the controller: absolute, from the current directory, beside the inventory, or where Ansible looks for files."""
        folders = dict.fromkeys([os.getcwd(), *filter(None, [variables.get("inventory_dir")])])
        return locate(path, list(folders), lambda name: self._find_needle("files", name))

    def _finished(self, result: dict[str, Any], args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """The result once the worker is done, or at once for who does not wait."""
        if result.get("job") and boolean(args.get("wait", True)):
            result = self._follow(result, args, variables)
        for name in ("job", "patience"):
            result.get("invocation", {}).get("module_args", {}).pop(name, None)
        if result.get("job"):
            result["job"] = {"name": result["job"]["name"]}
        return result

    def _brought(self, path: str, name: str) -> str:
        """Copy a file of the controller to the host, where it stays until the task ends. :returns: its path there."""
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        there = shell.join_path(shell.tmpdir, name)
        self._transfer_file(path, there)
        self._fixup_perms2((shell.tmpdir, there))
        return there

    def _follow(self, result: dict[str, Any], args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Show how the worker gets on until it is done; the module then tells what became of it."""
        job = result["job"]
        args["job"] = job["name"]
        with self._cancelled_by_signals(job["path"]):
            while True:
                self._watch(job["path"], variables)
                result = self._execute_module(self.module, module_args=args, task_vars=variables)
                if not result.get("job"):
                    return result

    def _watch(self, path: str, variables: dict[str, Any]) -> None:
        """Show progress until the worker is done, or has been silent for so long that it may be dead."""
        several = len(variables.get("ansible_play_batch") or ()) > 1
        sparse = SparseLines(f"{variables.get('inventory_hostname')}: " if several else "")
        heard, last = time.monotonic(), 0.0
        while time.monotonic() - heard < _SILENT_WORKER:
            status = self._status(path)
            if status.get("updated", 0.0) != last:
                heard, last = time.monotonic(), status.get("updated", 0.0)
            steps = status.get("steps", [])
            if terminal.PERSON and not several and steps:
                terminal.rewrite("" if status["finished"] else summarize(steps))
            else:
                for line in sparse.choose(steps, time.monotonic()):
                    terminal.show(line)
            if status.get("finished"):
                return
            time.sleep(_LOOK_EVERY)

    def _status(self, path: str) -> dict[str, Any]:
        """Renew the lease and read the worker's status in one command."""
        quote = self._connection._shell.quote
        lease, status = quote(f"{path}/lease"), quote(f"{path}/status.json")
        answer = self._low_level_execute_command(f"touch -c {lease} && cat {status}", sudoable=True)
        try:
            return json.loads(answer["stdout"]) if answer["rc"] == 0 else {}
        except ValueError:
            return {}

    @contextmanager
    def _cancelled_by_signals(self, path: str) -> Iterator[None]:
        """Have the worker end at once when the run is stopped; without it the lease would end it within a minute."""

        def stop(number: int, frame: Any) -> None:
            # Ansible sends another signal to whoever takes time to end; this must not be cut short.
            for each in before:
                signal.signal(each, signal.SIG_IGN)
            self._low_level_execute_command(f"touch {self._connection._shell.quote(f'{path}/cancel')}", sudoable=True)
            for each, handler in before.items():
                signal.signal(each, handler)
            os.kill(os.getpid(), number)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
