# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a test failed, in a few lines: for those who see nothing but the end of what ``make test`` prints."""

from __future__ import annotations

import re
from typing import Sequence
from xml.etree import ElementTree

# What a place that shows the last thirty lines has room for, beside the table and the total.
ROOM = 18
LINES = 5
WIDTH = 300
# Of a long message, such as all that a playbook printed or a difference of two lists, what says most, and what comes next.
TELLING = re.compile(r"\[ERROR\]|fatal: |failed: \[|\bmsg: |At index|contains \d+ more")
DIFFERING = re.compile(r"^[+-] ")
# What a play ended with; what it went on after stands before it, and there are many on purpose.
ENDED = re.compile(r"^(?:fatal|failed): \[(?:(?!^TASK \[).)*?(?=^(?:NO MORE HOSTS|PLAY RECAP))", re.MULTILINE | re.DOTALL)
FAILED = re.compile(r"^(?:fatal|failed): \[.*", re.MULTILINE)
# Colours, and the frame that Molecule draws.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FRAME = re.compile(r"^ *│ *", re.MULTILINE)


def of_case(case: ElementTree.Element) -> list[str]:
    """Where a test of a JUnit file failed, and the lines of its message that tell most, in their order."""
    text = "\n".join("".join(problem.itertext()) for word in ("failure", "error") for problem in case.iter(word))
    lines = [line for line in text.splitlines() if line.strip()]
    places = [line for line in lines if re.match(r"\S+\.py:\d+:", line)]
    told = [line[1:].strip() for line in lines if line.startswith("E ") and line[1:].strip()]
    return shortened([*places[:1], *_most_telling(told or lines, LINES - 1)])


def of_log(log: str, target: str = "") -> list[str]:
    """The task that ended the last play of a log and what came of it; the last lines of a log without one.

    :param target: only what this target of ``ansible-test integration`` wrote.
    """
    if target:
        parts = re.split(r"^Running (\w+) integration test \w+$", log, flags=re.MULTILINE)
        log = dict(zip(parts[1::2], parts[2::2])).get(target, log)
    log = FRAME.sub("", COLOUR.sub("", log))
    ended = list(ENDED.finditer(log)) or list(FAILED.finditer(log))
    if not ended:
        return shortened([line for line in log.splitlines() if line.strip()][-LINES:])
    tasks = re.findall(r"^TASK \[.*", log[: ended[-1].start()], re.MULTILINE)
    return shortened([*tasks[-1:], " ".join(ended[-1].group().split())], WIDTH * (LINES - 1))


def shortened(lines: Sequence[str], width: int = WIDTH) -> list[str]:
    """The first lines, none of them longer than ``width``."""
    return [line.rstrip() if len(line) <= width else f"{line[:width]} …" for line in lines[:LINES]]


def room_for_each(failures: int) -> int:
    """How many lines each of so many failures may have below its name."""
    return max(0, min(LINES, ROOM // failures - 1))


def _most_telling(lines: Sequence[str], count: int) -> list[str]:
    numbers = range(len(lines))
    telling = [number for number in numbers if TELLING.search(lines[number])][1 - count:]
    differing = [number for number in numbers if DIFFERING.search(lines[number])]
    best = list(dict.fromkeys([*numbers[:1], *telling, *differing, *numbers]))[:count]
    return [lines[number] for number in sorted(best)]
