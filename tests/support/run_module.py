# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one module of the collection as Ansible does on a host; the request comes on standard input.

Not on the command line: parameters may be secret, and tests look for secrets in the process list.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.testing import patch_module_args


def run(request: Mapping[str, Any]) -> None:
    """Run the module; it ends the process.

    Args:
        request: ``module``, its short name, and ``args``, its options.
    """
    name = f"ansible_collections.llmops.tenancy.plugins.modules.{request['module']}"
    sys.argv = [name]
    with patch_module_args(request["args"]):
        runpy.run_module(name, run_name="__main__")


def main() -> None:
    """Entry point."""
    run(json.load(sys.stdin))


if __name__ == "__main__":
    main()
