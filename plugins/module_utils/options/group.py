# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An option group: options that several modules and plugins share, with their secrets and their libraries."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError


@dataclass(frozen=True)
class OptionGroup:
    """Options that belong together.

    :param spec: argument spec of the group.
    :param secrets: gives the secret values inside the options that ``no_log`` alone does not cover.
    :param libraries: Python libraries that the group needs, by import name.
    """

    spec: Mapping[str, Any]
    secrets: Callable[[Mapping[str, Any]], Iterable[str]] = lambda params: ()
    libraries: tuple[str, ...] = ()

    def require(self) -> None:
        """Check that the libraries are there, without importing them.

        :raises TenancyError: ``missing_library``.
        """
        for library in self.libraries:
            if importlib.util.find_spec(library) is None:
                raise TenancyError(
                    f"The Python library '{library}' is missing",
                    cause=missing_required_lib(library),
                    remedy="Run playbooks/prepare_host.yml, or install the collection's requirements.txt there",
                    kind="missing_library",
                )
