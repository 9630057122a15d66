# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusing names that nothing knows: a misspelled variable that is silently ignored is the costliest kind."""

from __future__ import annotations

from typing import Iterable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import nearest


def refuse_unknown(names: Iterable[str], known: Sequence[str], where: str) -> None:
    """Return when all ``names`` are in ``known``.

    :param where: what the names were given to, for the error ("Role docker_host").
    :raises TenancyError: ``unknown_variable``, with the nearest right name of each unknown one.
    """
    unknown = sorted(set(names) - set(known))
    if not unknown:
        return
    hints = {name: nearest(name, known) for name in unknown}
    raise TenancyError(
        f"{where} knows no variable {', '.join(repr(name) for name in unknown)}",
        cause="" if all(hints.values()) else f"It knows {', '.join(sorted(known))}",
        remedy=" ".join(filter(None, hints.values())) or "Correct the name, or remove the variable",
        kind="unknown_variable",
        unknown=unknown,
    )
