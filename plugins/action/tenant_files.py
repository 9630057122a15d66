# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the files of all tenants on the controller. Reaches no host and no catalog."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import Any, Iterator, Mapping

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.llmops.tenancy.plugins.module_utils.settings import located, tenant_folder
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.tenant_file import Finding, Parsed
from ansible_collections.llmops.tenancy.plugins.plugin_utils.tenant_folders import SUFFIXES, tenant_folders

display = Display()

_VAULT = "$ANSIBLE_VAULT;"


class ActionModule(ActionBase):
    """Read the files, hand them to the pure logic, and print what is wrong."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """All findings; failed when there is one."""
        result = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "tenants": {"type": "list", "elements": "str", "default": []},
                "path": {"type": "path"},
            }
        )
        variables = task_vars or {}
        parsed, unread = [], []
        for path in self._files(options["path"], options["tenants"], variables):
            found = self._parse(path)
            (parsed if found else unread).append(found or path)
        findings = tenant_folder.check(parsed, variables["groups"].get("agent_hosts") or ["localhost"])
        for line in (*findings, *(f"{path}: not checked, it is vaulted and no password of its vault is given" for path in unread)):
            display.display(str(line))
        return {**result, **_outcome(parsed, unread, findings)}

    def _files(self, folder: str | None, patterns: list[str], task_vars: Mapping[str, Any]) -> Iterator[str]:
        """Files of tenants by name, each once."""
        folders = [os.path.realpath(folder)] if folder else tenant_folders(task_vars)
        for found in folders:
            for name in sorted(os.listdir(found) if os.path.isdir(found) else ()):
                tenant, suffix = os.path.splitext(name)
                if suffix in SUFFIXES and (not patterns or any(fnmatchcase(tenant, pattern) for pattern in patterns)):
                    yield os.path.join(found, name)

    def _parse(self, path: str) -> Parsed | None:
        """A file's values and their places; None when it is vaulted and can't be opened."""
        tenant = os.path.splitext(os.path.basename(path))[0]
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            return Parsed(path, tenant, faults=(Finding(path, 1, 1, f"The file can't be read: {reason}.", "invalid_file"),))
        if text.startswith(_VAULT):
            try:
                text = self._loader.get_text_file_contents(path)
            except AnsibleError:
                return None
        return located.parse(path, tenant, text)


def _outcome(parsed: list[Parsed], unread: list[str], findings: list[Finding]) -> dict[str, Any]:
    """The result of the task. A file that could not be opened is no fault of the file, and is told."""
    wrong = len({finding.file for finding in findings})
    checked = f"{len(parsed)} file{'' if len(parsed) == 1 else 's'} of tenants checked"
    left = f", {len(unread)} vaulted and not checked" if unread else ""
    faults = f"{len(findings)} fault{'' if len(findings) == 1 else 's'} in {wrong}" if findings else "nothing wrong"
    named = "".join(f"\n{finding}" for finding in findings)
    return {
        "changed": False,
        "failed": bool(findings),
        "msg": f"{checked}{left}: {faults}.{named}",
        "findings": [{"file": f.file, "line": f.line, "column": f.column, "message": f.message, "kind": f.kind} for f in findings],
        "checked": [each.path for each in parsed],
        "not_checked": unread,
    }
