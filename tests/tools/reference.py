# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/variables.md from what the code knows: ``python tests/tools/reference.py``. A test demands that it is current."""

from __future__ import annotations

import importlib
import json
import re
import sys
from functools import lru_cache
from typing import Any, Iterable

import house

sys.path.insert(0, str(house.ROOT / ".collections"))
flows = importlib.import_module("ansible_collections.llmops.tenancy.plugins.module_utils.settings.flows")

PAGE = house.ROOT / "docs" / "variables.md"
# Which entry point of which role describes the variables of a playbook.
ENTRIES = {
    "onboard": ("tenant", "main"),
    "m365": ("m365", "main"),
    "offboard": ("offboard", "main"),
    "start": ("agent", "select"),
    "stop": ("agent", "select"),
    "pull": ("agent", "select"),
    "migrate": ("agent", "select"),
    "promote": ("agent", "select"),
    "user": ("tenant", "users"),
    "move": ("move", "main"),
    "drain": ("move", "main"),
    "status": ("tenant", "status"),
    "drift": ("fleet", "main"),
    "reconcile": ("fleet", "main"),
    "validate": ("tenant", "validate"),
    "export": ("tenant", "export"),
    "adopt": ("tenant", "adoptable"),
}
# Options that the playbooks hand on from one role to the next, not for operators.
INTERNAL = {"agent_actions", "agent_flow", "agent_migrate", "agent_model_latest", "agent_records", "agent_tenants", "agent_view",
            "fleet_flow", "move_flow", "move_list", "offboard_agents", "offboard_remove_data"}
HEAD = """\
# Variables of the playbooks

<!-- Written by tests/tools/reference.py from the code and the argument specs: change those, then run it. -->

Give them with `-e name=value`, in a survey, or (for `onboard_tenant`) as keys of `tenants/<tenant>.yml` beside the inventory.

- What is not given stays as it is. Defaults apply when something is made, never afterwards.
- Null and an empty text count as not given; `-e clear=tenant_domain` empties a field.
- A misspelled name is refused with the nearest right one, in the extra variables and, with the prefix of a role, in the inventory. Names of
  your own go into `known_variables`.
- Sizes: `6g`, `512m`, `1.5GiB`, powers of 1024. CPUs: `2`, `0.5`, `500m`.
"""


def text(option: dict[str, Any]) -> str:
    """A description in Markdown, on one line."""
    found = option["description"]
    joined = " ".join(found) if isinstance(found, list) else found
    plain = re.sub(r"\b[A-Z]+\(([^)]*)\)", r"`\1`", " ".join(joined.split()))
    return plain.replace("|", "\\|")


@lru_cache
def specs(role: str) -> dict[str, dict[str, Any]]:
    """Options of each entry point of a role."""
    loaded = house.load(house.ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: spec.get("options") or {} for name, spec in loaded.items()}


def described(name: str, role: str, entry: str) -> str:
    """What a variable means, from the entry point that takes it, else from wherever it is described."""
    places = [specs(role)[entry], *specs(role).values(), *specs("tenant").values(), *specs("agent").values(),
              *specs("m365").values()]
    return next(text(options[name]) for options in places if name in options)


def table(rows: Iterable[tuple[str, ...]], *heads: str) -> str:
    """A Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, flow in flows.FLOWS.items():
        role, entry = ENTRIES[name]
        rows = [
            (f"`{variable}`", "yes" if variable in flow.required else "", described(variable, role, entry))
            for variable in flow.names if name == "m365" or variable not in flows.M365_CHECKS
        ]
        if name == "onboard":
            rows.append(("`m365_…`", "", "Those of sync_m365, for a tenant with a Microsoft 365 tenant"))
        parts.append(f"## {flow.playbook}\n\n" + table(rows, "variable", "required", "meaning"))
    rows = [(f"`{role}`", f"[roles/{role}/README.md](../roles/{role}/README.md)") for role in ("docker_host", "ollama_image", "catalog_host")]
    parts.append("## prepare_host, unprepare_host\n\nThe variables of their roles:\n\n" + table(rows, "role", "variables"))
    rows = [("`model_mirror`", "[roles/model_mirror/README.md](../roles/model_mirror/README.md)")]
    model_store = [("`model_store`", "[roles/model_store/README.md](../roles/model_store/README.md)")]
    parts.append(
        "## prefetch_models, model_store_status\n\nThe variables of their role:\n\n" + table(model_store, "role", "variables")
    )
    parts.append("## prepare_mirror, mirror_status\n\nThe variables of its role:\n\n" + table(rows, "role", "variables"))
    rows = [("`model_export`", "[roles/model_export/README.md](../roles/model_export/README.md)")]
    parts.append("## export_models\n\n`export_from` names the host, and the variables of its role:\n\n" + table(rows, "role", "variables"))
    rows = [
        ("`copy_from`", "", "Host whose models are brought to others. The first agent host by default"),
        ("`copy_to`", "", "Hosts that get them: names, groups or a pattern. All other agent hosts by default"),
        ("`copy_models`", "", "A list of models. All that the host has by default"),
        ("`copy_archive`", "", "File on the controller that they are kept in; it stays, so that a rerun need not fetch them again"),
    ]
    parts.append("## copy_models\n\n" + table(rows, "variable", "required", "meaning"))
    rows = [(f"`{variable}`", described(variable, "agent", "main")) for variable in flows.CONNECTION]
    parts.append("## How to reach things\n\nTaken by every playbook; they belong into the inventory.\n\n" + table(rows, "variable", "meaning"))
    rows = [
        (f"`{option}`", f"`{role}`", "`" + json.dumps(spec["default"]).replace("|", "\\|") + "`", text(spec))
        for role in ("tenant", "agent", "offboard", "m365")
        for option, spec in sorted({name: spec for options in specs(role).values() for name, spec in options.items()}.items())
        if "default" in spec and option not in INTERNAL
    ]
    parts.append("## Settings of the roles\n\nFor the inventory's `group_vars`.\n\n" + table(rows, "variable", "role", "default", "meaning"))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
