# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells how a fleet is, or what became of a run over it: printed, in a file, and as the end of the run. Reaches no host."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Mapping

from ansible_collections.llmops.tenancy.plugins.action.tenant_report import ActionModule as TenantReport
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import brake, retry, text, work
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import compare
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.outcome import outcome

SPEC: dict[str, dict[str, Any]] = {
    "view": {"type": "str", "choices": ["drift", "brake", "reconciled"], "required": True},
    "settings": {"type": "dict", "required": True},
    "recorded": {"type": "dict", "required": True},
    "compared": {"type": "str", "required": True},
    "engine": {"type": "str"},
    "models": {"type": "str"},
}
_LIMITS = {"count": "max_disruption", "percent": "max_disruption_percent"}
Values = Mapping[str, Any]


class ActionModule(TenantReport):
    """Bring together what the hosts told, which stands in their variables."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The report as values, and a failure where the operator is to look."""
        result = super(TenantReport, self).run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=SPEC)
        settings, recorded = options["settings"], options["recorded"]
        wanted = desired(settings, recorded)
        told = {
            host: {part: self._told(host, options[part], task_vars or {}) for part in ("compared", "engine", "models")}
            for host in wanted.hosts
        }
        plans = {host: parts["compared"] for host, parts in told.items()}
        try:
            match options["view"]:
                case "drift":
                    found = self._drift(compare(wanted, settings, recorded, plans), settings)
                case "brake":
                    found = {**self._brake(settings, plans), "hosts": work.busy_hosts(wanted, plans)}
                case _:
                    found = self._reconciled(outcome(wanted, settings, recorded, told), settings)
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}
        return {**result, "changed": False, **found}

    def _told(self, host: str, name: str | None, task_vars: Values) -> Values:
        """What a host registered under a name; an empty mapping where it did not."""
        variables = task_vars["hostvars"][host]
        return variables[name] if name and name in variables else {}

    def _brake(self, settings: Values, plans: Mapping[str, Values]) -> dict[str, Any]:
        error = brake.check(plans, **{key: settings[name] for key, name in _LIMITS.items() if name in settings})
        if error:
            raise error
        return {"disruptions": brake.disruptions(plans)}

    def _drift(self, report: Values, settings: Values) -> dict[str, Any]:
        """The report, and the run's exit code: that of a failure when something differs, unless it is only to be read.

        A failure is printed whole, so it carries no more than the counts.
        """
        self._tell(report, text.drift, settings)
        if report["in_sync"] or not settings.get("fail_on_drift", True):
            return dict(report)
        return {"failed": True, "counts": report["counts"], "msg": text.summary(report["counts"])}

    def _reconciled(self, found: Values, settings: Values) -> dict[str, Any]:
        self._tell(found, text.reconciled, settings)
        retry.write(settings["retry_file"], found["retry"])
        return dict(found)

    def _tell(self, report: Values, table: Callable[[Values, float], list[str]], settings: Values) -> None:
        if settings.get("output") == "json":
            lines = json.dumps(report, indent=2, default=str).splitlines()
        else:
            lines = table(report, time.time() - settings["started"])
        self._publish(lines, settings.get("output_file"))
