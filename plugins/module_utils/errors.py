# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error of the collection: what failed, why, and what the operator can do about it."""

from __future__ import annotations

from typing import Any


class TenancyError(Exception):
    """An expected fault, raised at the edge where it is understood and reported once by ``module.run_module``.

    :param what: the thing that failed, named ("agent empresa-corp could not be created on host gpu-01").
    :param cause: why, in words of the one who runs it; an SDK's own message belongs here.
    :param remedy: what to do next, as an instruction.
    :param kind: stable snake_case word that tests and callers branch on, for example ``port_in_use``.
    :param details: further plain values for the result (never secrets).
    """

    def __init__(
        self, what: str, *, cause: str = "", remedy: str = "", kind: str = "error", **details: Any
    ) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.remedy = remedy
        self.kind = kind
        self.details = details

    def __str__(self) -> str:
        """One line: ``what: cause. Remedy.``"""
        what, cause, remedy = (" ".join(part.split()).rstrip(".") for part in (self.what, self.cause, self.remedy))
        sentences = (": ".join(filter(None, (what, cause))), remedy)
        return " ".join(text if text.endswith("?") else f"{text}." for text in sentences if text)

    def as_result(self) -> dict[str, Any]:
        """Keyword arguments for ``fail_json``."""
        error = {"kind": self.kind, "what": self.what, "cause": self.cause, "remedy": self.remedy, **self.details}
        return {"msg": str(self), "error": error}
