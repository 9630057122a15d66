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
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import compare, differing
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.outcome import outcome

SPEC: dict[str, dict[str, Any]] = {
    "view": {"type": "str", "choices": ["drift", "brake", "reconciled"], "required": True},
    "settings": {"type": "str", "required": True},
    "recorded": {"type": "str", "required": True},
    "written": {"type": "str"},
    "compared": {"type": "str", "required": True},
    "engine": {"type": "str"},
    "store": {"type": "str"},
    "models": {"type": "str"},
}
_PARTS = ("compared", "store", "engine", "models")
_LIMITS = {"count": "max_disruption", "percent": "max_disruption_percent"}
Values = Mapping[str, Any]


class ActionModule(TenantReport):
    """Bring together what the hosts told, which stands in their variables.

    They are read from there: handed over as values of options, a thousand tenants would go through the templates for seconds.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The report as values, and a failure where the operator is to look."""
        result = super(TenantReport, self).run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=SPEC)
        variables = task_vars or {}
        settings, recorded = variables[options["settings"]], variables[options["recorded"]]
        if options["written"]:
            recorded = work.recorded(recorded, self._told(variables, options["written"]))
        wanted = desired(settings, recorded)
        told = {
            host: {
                part: self._told(variables["hostvars"].raw_get(host), options[part]) for part in _PARTS
            }
            for host in wanted.hosts
        }
        plans = {host: parts["compared"] for host, parts in told.items()}
        try:
            match options["view"]:
                case "drift":
                    found = self._drift(compare(wanted, settings, recorded, plans), settings, self._exceeded(settings, plans))
                case "brake":
                    disruptions = self._brake(settings, plans)
                    # Of a run that is killed, all that it was about to do is left.
                    retry.note(settings, differing(compare(wanted, settings, recorded, plans)))
                    found = {"disruptions": disruptions, "hosts": work.busy_hosts(wanted, plans)}
                case _:
                    found = self._reconciled(outcome(wanted, settings, recorded, told), settings)
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}
        return {**result, "changed": False, **found}

    def _told(self, variables: Values, name: str | None) -> Values:
        """What was registered under a name; an empty mapping where a task was skipped or did not run."""
        found = variables.get(name) or {} if name else {}
        return {} if found.get("skipped") else found

    def _exceeded(self, settings: Values, plans: Mapping[str, Values]) -> TenancyError | None:
        return brake.check(plans, **{key: settings[name] for key, name in _LIMITS.items() if name in settings})

    def _brake(self, settings: Values, plans: Mapping[str, Values]) -> list[str]:
        error = self._exceeded(settings, plans)
        if error:
            raise error
        return brake.disruptions(plans)

    def _drift(self, found: Values, settings: Values, exceeded: TenancyError | None) -> dict[str, Any]:
        """The report, and the run's exit code: that of a failure when something differs, unless it is only to be read.

        A failure is printed whole, so it carries no more than the counts and what stops the brake.
        """
        report = {**found, "brake": exceeded.as_result() if exceeded else None}
        self._tell(report, text.drift, settings)
        if report["in_sync"] or not settings.get("fail_on_drift", True):
            return report
        told = f"{text.summary(report['counts'])}. {exceeded}" if exceeded else text.summary(report["counts"])
        return {"failed": True, "counts": report["counts"], "brake": report["brake"], "msg": told}

    def _reconciled(self, found: Values, settings: Values) -> dict[str, Any]:
        self._tell(found, text.reconciled, settings)
        retry.note(settings, found["retry"])
        return dict(found)

    def _tell(self, report: Values, table: Callable[[Values, float], list[str]], settings: Values) -> None:
        if settings.get("output") == "json":
            lines = json.dumps(report, indent=2, default=str).splitlines()
        else:
            lines = table(report, time.time() - settings["started"])
        self._publish(lines, settings.get("output_file"))
