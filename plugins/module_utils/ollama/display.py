# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress for people: one line that is rewritten in a terminal, a few lines elsewhere. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import human_size

_STEP = 10
_SILENCE = 30.0
Line = Mapping[str, Any]


def describe(line: Line, prefix: str = "") -> str:
    """``phi4-mini on agent empresa-corp: 42 % of 2.3 GiB, 31.0 MiB/s, 0:47 left``.

    :param line: a step of a job's status. :param prefix: put before it, for example the host's name.
    """
    name = f"{prefix}{line['model'].removesuffix(':latest')} on {line['agent']}: "
    if line["note"]:
        return f"{name}attempt {line['attempt']} after: {line['note']}"
    moving = line["phase"].startswith(("pulling", "uploading", "checking")) and line["total"]
    if line["state"] != "running" or not moving:
        return name + (line["phase"] if line["state"] == "running" and line["phase"] else line["state"])
    if line["completed"] >= line["total"]:
        return f"{name}100 % of {human_size(line['total'])}"
    checked = "checked " if line["phase"].startswith("checking") else ""
    parts = [f"{checked}{line['percent']} % of {human_size(line['total'])}"]
    if line["rate"]:
        parts.append(f"{human_size(line['rate'])}/s")
    if line["remaining"] is not None:
        parts.append(f"{duration(line['remaining'])} left")
    return name + ", ".join(parts)


def summarize(lines: Sequence[Line]) -> str:
    """All steps of a job on one line."""
    active = [line for line in lines if line["state"] == "running"]
    if len(lines) == 1 or len(active) == 1:
        counted = f"{_ended(lines)} of {len(lines)} done, {in_all(lines)}" if len(lines) > 1 else ""
        return counted + describe((active or list(lines))[0])
    total = sum(line["total"] for line in lines)
    completed = sum(line["completed"] for line in lines)
    rate = sum(line["rate"] for line in active)
    percent = completed * 100 // total if total else 0
    return (
        f"{_ended(lines)} of {len(lines)} models done, {len(active)} on the way:"
        f" {percent} % of {human_size(total)}, {human_size(rate)}/s"
    )


def in_all(lines: Sequence[Line]) -> str:
    """``62 % of 4.0 GiB in all, 1:04 left; ``, or nothing while not all sizes are known."""
    if not all(line["total"] for line in lines):
        return ""
    total = sum(line["total"] for line in lines)
    left = total - sum(line["completed"] for line in lines)
    rate = sum(line["rate"] for line in lines if line["state"] == "running")
    time_left = f", {duration(left / rate)} left" if rate and left else ""
    return f"{(total - left) * 100 // total} % of {human_size(total)} in all{time_left}; "


def duration(seconds: float) -> str:
    """``0:47``, ``12:05`` or ``1:02:05``."""
    minutes, second = divmod(int(seconds + 0.5), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def rewritten(text: str, width: int) -> str:
    """``text`` over the terminal's current line, cut to ``width`` columns; empty text wipes the line."""
    shown = text if len(text) < width else text[: width - 2] + "…"
    return f"\r\x1b[K{shown}"


class SparseLines:
    """Chooses what is worth a line in a log: each tenth, half a minute without one, each new attempt, and the end.

    :param prefix: put before each line, for example the host's name.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._shown: dict[int, tuple[float, int, int, str]] = {}
        self._sum = 0

    def choose(self, lines: Sequence[Line], now: float) -> list[str]:
        """The lines to print at ``now``, in seconds of a monotonic clock."""
        chosen = []
        for index, line in enumerate(lines):
            if line["state"] == "waiting" or (not line["total"] and line["state"] == "running" and not line["note"]):
                continue
            tenth = line["percent"] // _STEP
            then, shown_tenth, shown_attempt, shown_state = self._shown.get(index, (now, -1, 1, ""))
            news = line["state"] != shown_state or tenth > shown_tenth or line["attempt"] != shown_attempt
            if shown_state == "running" == line["state"] and not news and now - then < _SILENCE:
                continue
            if news or shown_state == "running":
                chosen.append(describe(line, self._prefix))
                self._shown[index] = (now, tenth, line["attempt"], line["state"])
        return chosen + self._all(lines)

    def _all(self, lines: Sequence[Line]) -> list[str]:
        """A line on all models together, each tenth of their sum."""
        words = in_all(lines) if len(lines) > 1 else ""
        if not words:
            return []
        tenth = sum(line["completed"] for line in lines) * _STEP // sum(line["total"] for line in lines)
        before, self._sum = self._sum, max(tenth, self._sum)
        return [f"{self._prefix}{_ended(lines)} of {len(lines)} models done, {words.rstrip('; ')}"] if tenth > before else []


def _ended(lines: Sequence[Line]) -> int:
    return sum(line["state"] not in ("waiting", "running") for line in lines)
