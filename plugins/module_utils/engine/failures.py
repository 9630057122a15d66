# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several errors as one: what is wrong with three agents is told in one go, not in three runs."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


def combined(errors: Sequence[TenancyError], what: str = "agents") -> TenancyError:
    """One error of one or more; ``details["errors"]`` has each of several."""
    if len(errors) == 1:
        return errors[0]
    kinds = {error.kind for error in errors}
    return TenancyError(
        f"{len(errors)} {what} can't be brought to the desired state",
        cause="; ".join(f"{error.what}: {error.cause}" if error.cause else error.what for error in errors),
        remedy="; ".join(dict.fromkeys(error.remedy for error in errors if error.remedy)),
        kind=kinds.pop() if len(kinds) == 1 else "several_errors",
        errors=[error.as_result()["error"] for error in errors],
    )
