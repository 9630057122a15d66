# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command with the words of the environment variable ARGS behind its own: python3 scripts/with_args.py COMMAND [ARGUMENT…].

Quotes in ARGS keep words together, as in a shell; nothing in it is evaluated.
"""

from __future__ import annotations

import os
import shlex
import sys


def main(command: list[str]) -> None:
    """Become the command."""
    try:
        words = shlex.split(os.environ.get("ARGS", ""))
    except ValueError as error:
        sys.exit(f"ARGS can't be read as words: {error}. Close each quote in it.")
    os.execvp(command[0], [*command, *words])


if __name__ == "__main__":
    main(sys.argv[1:])
