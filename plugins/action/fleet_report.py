# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells how a fleet is, or what became of a run over it: printed, in a file, and as the end of the run. Reaches no host."""

from __future__ import annotations

import json
import time
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.action.tenant_report import ActionModule as TenantReport
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet import brake, text
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import compare

SPEC: dict[str, dict[str, Any]] = {
    "view": {"type": "str", "choices": ["drift", "brake"], "required": True},
    "settings": {"type": "dict", "required": True},
    "recorded": {"type": "dict", "required": True},
    "compared": {"type": "str", "required": True},
}


class ActionModule(TenantReport):
    """Bring together what the hosts told, which stands in their variables."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The report as values, and a failure where the operator is to look."""
        result = super(TenantReport, self).run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=SPEC)
        settings, recorded = options["settings"], options["recorded"]
        wanted = desired(settings, recorded)
        reports = self._reports(wanted.hosts, options["compared"], task_vars or {})
        try:
            if options["view"] == "brake":
                return {**result, "changed": False, **self._brake(settings, reports)}
            report = compare(wanted, settings, recorded, reports)
            self._show_drift(report, settings)
        except TenancyError as error:
            return {**result, "failed": True, **error.as_result()}
        return {**result, "changed": False, **self._verdict(report, settings)}

    def _reports(self, hosts: list[str], name: str, task_vars: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """What each host registered under a name; an empty mapping of one that did not answer."""
        found = {}
        for host in hosts:
            variables = task_vars["hostvars"][host]
            found[host] = variables[name] if name in variables else {}
        return found

    def _brake(self, settings: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        limits = {key: settings[name] for key, name in _LIMITS.items() if name in settings}
        error = brake.check(reports, **limits)
        if error:
            raise error
        return {"disruptions": brake.disruptions(reports)}

    def _show_drift(self, report: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        if settings.get("output") == "json":
            lines = json.dumps(report, indent=2, default=str).splitlines()
        else:
            lines = text.drift(report, time.time() - settings["started"])
        self._publish(lines, settings.get("output_file"))

    def _verdict(self, report: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """The run's exit code: that of a failure when something differs, unless the operator only wants to read.

        A failure is printed whole, so it carries no more than the counts.
        """
        if report["in_sync"] or not settings.get("fail_on_drift", True):
            return dict(report)
        return {"failed": True, "counts": report["counts"], "msg": text.summary(report["counts"])}


_LIMITS = {"count": "max_disruption", "percent": "max_disruption_percent"}
