# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call about a store does beside bringing models: it verifies, and takes away what nobody uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.store import orphans
from ansible_collections.llmops.tenancy.plugins.module_utils.store.garbage import parse_grace
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.makers import engine_of
from ansible_collections.llmops.tenancy.plugins.module_utils.store.orphans import Orphan


@dataclass(frozen=True)
class Care:
    """What a call does beside.

    :param verify: read all bytes and mend what is wrong. :param grace: seconds after which the unused goes; None for never.
    :param orphans: what agents that are gone have left.
    """

    verify: bool = False
    grace: float | None = None
    orphans: tuple[Orphan, ...] = ()

    @property
    def uppers(self) -> list[Orphan]:
        """Those of the orphans that go."""
        return [orphan for orphan in self.orphans if not orphan.kept]


def read_care(layout: Layout, params: Mapping[str, Any]) -> Care:
    """What the options ask for.

    :raises TenancyError: ``invalid_grace``, ``invalid_options``, or why the engine can't be asked.
    """
    known, remove = params["known_agents"], params["prune_uppers"]
    if remove and (known is None or not params["prune"]):
        raise TenancyError(
            "prune_uppers is given without prune, or without known_agents",
            cause="whoever the catalog does not have would count as gone",
            remedy="Give both; the playbook prefetch_models reads the agents from the catalog, and needs localhost in its --limit for that",
            kind="invalid_options",
        )
    grace = parse_grace(params["grace"]) if params["prune"] else None
    if grace is None or known is None:
        return Care(params["verify"], grace)
    found = orphans.look(layout, known, grace, remove, lambda: DockerEngine(engine_of(params)).observe([]))
    return Care(params["verify"], grace, tuple(found))


def recalled(kept: Mapping[str, Any]) -> Care:
    """What a job was to do beside, out of its memory."""
    return Care(kept["verify"], kept["grace"], tuple(Orphan(**each) for each in kept["orphans"]))
