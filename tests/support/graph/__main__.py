# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in for a shell: ``python -m tests.support.graph --users 100000 -- COMMAND…``; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from .rules import Rule
from .server import Request, StandIn, tenant

TENANT_ID = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "99999999-2222-3333-4444-555555555555"
SECRET = "stand-in-secret"


def control(stand_in: StandIn, stop: threading.Event, request: Request) -> dict[str, Any]:
    """Carry out one order: ``{"change": 100}``, ``{"remove": [0, 1]}``, ``{"rules": [{…}]}``,
    ``{"group": {id: [0, 1]}}``, ``{"stop": true}``."""
    order = json.loads(request.body)
    directory = next(iter(stand_in.directories.values()))
    for number in range(order.get("change", 0)):
        directory.set(directory.id_of(number), displayName=f"Changed {directory.sequence}")
    for number in order.get("remove", []):
        directory.remove(directory.id_of(number))
    for group, numbers in order.get("group", {}).items():
        directory.group(group, [directory.id_of(number) for number in numbers])
    if "rules" in order:
        stand_in.rules(*(Rule(**rule) for rule in order["rules"]))
    if order.get("stop"):
        stop.set()
    return {"sequence": directory.sequence}


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Microsoft 365 on the loopback")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--coordinates", type=Path, help="write where it is to this JSON file")
    parser.add_argument(
        "command", nargs="*", help="run beside it, with AZURE_* and M365_* set; without one, until it is stopped"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, StandIn(
        Path(folder), tenant(TENANT_ID, options.users, CLIENT_ID, SECRET)
    ) as stand_in:
        stop = threading.Event()
        stand_in.on_control(lambda request: control(stand_in, stop, request))
        known = {
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_CLIENT_SECRET": SECRET,
            "M365_TENANT_ID": TENANT_ID,
            "M365_AUTHORITY_URL": stand_in.sign_in.url,
            "M365_GRAPH_URL": stand_in.graph.url,
            "M365_CA_PATH": str(stand_in.ca_path),
            "M365_CONTROL": f"{stand_in.graph.url}/_control",
        }
        if options.command:
            return subprocess.run(options.command, env={**os.environ, **known}, check=False).returncode
        print("".join(f"export {name}={value}\n" for name, value in known.items()), flush=True)
        if options.coordinates:
            draft = options.coordinates.with_suffix(".draft")
            draft.write_text(json.dumps(known))
            draft.replace(options.coordinates)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
