# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant of the catalog, a Microsoft 365 tenant behind the stand-in, and synchronisations between the two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.ansible import ModuleRun, run_module
from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.graph import Directory, StandIn, tenant
from tests.support.postgres import Postgres

TENANT = "empresa-corp"
TENANT_ID = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "99999999-2222-3333-4444-555555555555"
SECRET = "s3cr3t-of-the-application"
GROUP_A = "aaaaaaaa-0000-4000-8000-00000000000a"
GROUP_B = "bbbbbbbb-0000-4000-8000-00000000000b"


class Scene:
    """All that a test of the synchronisation needs.

    Args:
        catalog: A migrated catalog without tenants.
        folder: For certificates.
        users: How many users the directory has.
        delta_page: Users in a page of a delta round.
    """

    def __init__(self, catalog: Catalog, folder: Path, users: int = 25, delta_page: int = 10) -> None:
        self.catalog = catalog
        self.folder = folder
        self.directory: Directory = tenant(TENANT_ID, users, CLIENT_ID, SECRET)
        self.microsoft = StandIn(folder, self.directory, delta_page=delta_page)
        self.warnings: list[str] = []
        catalog.ok("tenant", tenant=TENANT, m365_tenant_id=TENANT_ID)

    def options(self, **changed: Any) -> dict[str, Any]:
        """Options of the module; ``None`` leaves one out."""
        known = {
            "catalog_dsn": self.catalog.database.dsn,
            "tenant": TENANT,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "authority_url": self.microsoft.sign_in.url,
            "graph_url": self.microsoft.graph.url,
            "ca_path": str(self.microsoft.ca_path),
            "request_timeout": 120,
        }
        return {name: value for name, value in {**known, **changed}.items() if value is not None}

    def run(
        self, check: bool = False, diff: bool = False, env: dict[str, str] | None = None, **changed: Any
    ) -> ModuleRun:
        """One synchronisation."""
        done = run_module("m365_sync", self.options(**changed), check=check, diff=diff, env=env)
        self.warnings = [
            str(item.get("msg", item)) if isinstance(item, dict) else str(item)
            for item in done.result.get("warnings", [])
        ]
        return done

    def sync(self, **changed: Any) -> dict[str, Any]:
        """Result of the tenant in a run that must not fail."""
        return self.run(**changed).ok()["tenants"][0]

    def counts(self, **changed: Any) -> dict[str, int]:
        """Counts of a run that must not fail, those above zero and without ``active`` and ``unchanged``."""
        found = self.sync(**changed)["counts"]
        return {name: count for name, count in found.items() if count and name not in ("active", "unchanged")}

    def error(self, **changed: Any) -> dict[str, Any]:
        """The error of a run that must fail with one clear line and change nothing."""
        before = self.state()
        run = self.run(**changed)
        assert run.result.get("failed"), f"did not fail: {run.stdout}{run.stderr}"
        assert "error" in run.result, f"not an expected fault: {run.msg}\n{run.stderr}"
        assert "\n" not in run.msg and "Traceback" not in run.stdout + run.stderr
        assert SECRET not in run.stdout + run.stderr
        assert self.state() == before
        return {"msg": run.msg, **run.result["error"]}

    def state(self) -> str:
        """All that a synchronisation may write, as text."""
        return self.catalog.sql(
            "SELECT (SELECT json_agg(u ORDER BY u.id) FROM llmops.users u), (SELECT json_agg(m) FROM llmops.m365_sync m),"
            " (SELECT count(*) FROM llmops.audit)"
        )

    def users(self, where: str = "true") -> dict[str, dict[str, Any]]:
        """The tenant's users by email."""
        rows = json.loads(
            self.catalog.sql(
                f"SELECT coalesce(json_agg(u), '[]') FROM llmops.users u WHERE tenant = '{TENANT}' AND {where}"
            )
        )
        return {row["email"]: row for row in rows}

    def user(self, number: int) -> dict[str, Any]:
        """The user in the catalog who is user ``number`` of the directory."""
        found = self.users(f"external_id = '{self.id(number)}'")
        assert len(found) == 1
        return next(iter(found.values()))

    def id(self, number: int) -> str:
        """Id of user ``number`` of the directory."""
        return self.directory.id_of(number)

    def address(self, number: int) -> str:
        """Email of user ``number`` of the directory."""
        return f"user{number}@{self.directory.domain}"

    def change(self, number: int, **values: Any) -> None:
        """Change user ``number`` of the directory."""
        self.directory.set(self.id(number), **values)

    def leaked(self) -> list[str]:
        """Requests that came to servers that are not Microsoft's."""
        strangers = (self.microsoft.stranger, self.microsoft.plain)
        return [f"{server.name} {request.method} {request.path}" for server in strangers for request in server.log]

    def verify_audit(self) -> None:
        """The audit's chain holds."""
        assert self.catalog.ok("audit_info", verify=True, limit=1)["valid"]

    def close(self) -> None:
        """End the stand-in."""
        self.microsoft.close()


def make_scene(postgres: Postgres, make_database: Callable[..., Database], folder: Path, **options: Any) -> Scene:
    """A scene on a catalog of its own."""
    return Scene(make_catalog(postgres, make_database), folder, **options)
