# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The brake: what a synchronisation may not do unless the operator says so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

MAX_DEACTIVATIONS = 20
MAX_PERCENT = 10


@dataclass(frozen=True)
class Brake:
    """Limits of one tenant.

    :param count: deactivations in one run. :param percent: the same as a share of the active m365 users.
    :param allow_deactivations: lifts both. :param allow_empty: lets an empty directory pass.
    """

    count: int = MAX_DEACTIVATIONS
    percent: int = MAX_PERCENT
    allow_deactivations: bool = False
    allow_empty: bool = False

    def check_feed(self, tenant: str, users: int) -> None:
        """Stop before a directory without any user is taken at its word.

        :param users: that a full round brought, those that do not count included.
        :raises TenancyError: ``m365_empty_feed``.
        """
        if users == 0 and not self.allow_empty:
            raise TenancyError(
                f"Microsoft 365 sent no user at all for tenant {tenant}",
                cause="a directory is never empty, so a filter or a permission is wrong; nothing was changed",
                remedy="Check filter and m365_tenant_id; if it is meant to be empty, set allow_empty=true",
                kind="m365_empty_feed",
            )

    def check_deactivations(self, tenant: str, deactivations: int, active: int, first: Sequence[str]) -> None:
        """Stop before more users lose their access than the limits allow.

        :param active: active m365 users before. :param first: some of those who would be deactivated.
        :raises TenancyError: ``m365_brake``.
        """
        # One leaver is more than a tenth of a small company, and no accident.
        share = 100 * deactivations / active if active and deactivations > 1 else 0
        if self.allow_deactivations or (deactivations <= self.count and share <= self.percent):
            return
        more = f" and {deactivations - len(first)} more" if deactivations > len(first) else ""
        limit = (
            f"max_deactivations={self.count}"
            if deactivations > self.count
            else f"max_deactivations_percent={self.percent}"
        )
        raise TenancyError(
            f"{deactivations} of {active} active Microsoft 365 users of tenant {tenant} would be deactivated",
            cause=f"that exceeds {limit}; nothing was changed. They are {', '.join(first)}{more}",
            remedy="Check scope_groups, filter and the directory. If it is meant so, set allow_deactivations=true for "
            "one run, or raise max_deactivations and max_deactivations_percent",
            kind="m365_brake",
            deactivations=deactivations,
            active=active,
            users=list(first),
        )
