# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what arguments of ansible-playbook mean, in whatever way they are spelled: python3 scripts/playbook_options.py [ARGUMENT…].

Prints ``help`` where it would only tell about itself, ``inventory`` where one is given, ``dry`` where nothing would be
changed, and else ``run``. Ansible's own parser decides, so that -C, -vC, --check and --chec are all the same.
"""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace

from ansible import context
from ansible.cli.playbook import PlaybookCLI


class Reader(PlaybookCLI):
    """Knows what was given from what is the configuration's."""

    inventory_given = False

    def post_process_args(self, options: Namespace) -> Namespace:
        """Look before the defaults come in."""
        self.inventory_given = bool(options.inventory)
        return super().post_process_args(options)


def meaning(arguments: list[str]) -> str:
    """The word for these arguments."""
    reader = Reader(["ansible-playbook", "playbook.yml", *arguments])
    try:
        with contextlib.redirect_stdout(sys.stderr):
            reader.parse()
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
        return "help"
    if reader.inventory_given:
        return "inventory"
    return "dry" if any(context.CLIARGS[name] for name in ("check", "syntax", "listhosts", "listtasks", "listtags")) else "run"


if __name__ == "__main__":
    print(meaning(sys.argv[1:]))
