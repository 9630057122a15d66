# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only code that knows AnsibleModule: it reads options, calls the logic, and turns values and errors into results."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.options.group import OptionGroup


@dataclass(frozen=True)
class Run:
    """What logic may know of the run it is part of.

    :param check: True when nothing may be changed.
    :param warn: shows a warning to the operator.
    :param read: output of a command that only reads; None when it is not there or fails.
    """

    check: bool
    warn: Callable[[str], None]
    read: Callable[[Sequence[str]], str | None] = lambda command: None


def _reader(module: AnsibleModule) -> Callable[[Sequence[str]], str | None]:
    def read(command: Sequence[str]) -> str | None:
        try:
            code, output, _errors = module.run_command(
                list(command), handle_exceptions=False, environ_update={"LC_ALL": "C.UTF-8"}
            )
        except OSError:
            return None
        return output if code == 0 else None

    return read


Logic = Callable[[Mapping[str, Any], Run], Mapping[str, Any]]


def run_module(
    logic: Logic,
    argument_spec: Mapping[str, Any],
    *,
    groups: Sequence[OptionGroup] = (),
    ordinary: Callable[[Mapping[str, Any]], Iterable[str]] = lambda params: (),
    **constraints: Any,
) -> None:
    """Run ``logic`` as an Ansible module; does not return.

    :param logic: takes the options and the run, returns the result (``changed``, optionally ``diff``, and values).
    :param argument_spec: the module's own options; those of ``groups`` are added.
    :param groups: option groups the module shares with others.
    :param ordinary: gives values of ``no_log`` options that are no secrets by their text alone. Ansible masks a secret
        wherever its text occurs: one of "1" would blank every number of the result. The log of the call hides them still.
    :param constraints: ``mutually_exclusive``, ``required_if`` and the like of AnsibleModule.
    """
    spec = dict(argument_spec)
    for group in groups:
        spec.update(group.spec)
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, **constraints)
    for group in groups:
        module.no_log_values.update(group.secrets(module.params))
    module.no_log_values.difference_update(ordinary(module.params))

    def warn(text: str) -> None:
        # Ansible masks secrets in results only; a warning of a module that is executed directly is none of them.
        module.warn(remove_values(text, module.no_log_values))

    try:
        for group in groups:
            group.require()
        result = dict(logic(module.params, Run(module.check_mode, warn, _reader(module))))
    except TenancyError as error:
        module.fail_json(**error.as_result())
    except Exception as error:
        # A fault nobody foresaw: one clear line for the operator, the traceback for the bug report with -vvv.
        module.fail_json(
            msg=f"Unexpected {type(error).__name__} in {module._name}: {error}. Please report it with the output of -vvv.",
            exception=traceback.format_exc(),
        )
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)
