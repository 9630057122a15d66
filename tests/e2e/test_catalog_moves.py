# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent on its way from host to host: nothing but its move says where it is. On real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.catalog import Catalog, make_catalog
from tests.support.fixtures import Database
from tests.support.postgres import Postgres
from tests.support.process import BenchError

HOSTS = [{"name": "gpu-01"}, {"name": "gpu-02"}, {"name": "gpu-03"}]
# What files of tenants say: one as export_tenants wrote it before the move, and others.
ELSEWHERE: dict[str, list[dict[str, Any]]] = {"begun": [{"host": "gpu-03"}], "switched": [{"host": "gpu-01"}, {"port": 12000}]}


@pytest.fixture
def catalog(postgres: Postgres, make_database: Callable[..., Database]) -> Catalog:
    """A catalog of two tenants with an agent each, seen on the first host."""
    made = make_catalog(postgres, make_database)
    entities = [
        {"tenant": name, "agents": [{"agent": name, "host": "gpu-01", "observed": {"state": "running"}}]} for name in ("acme", "blue")
    ]
    made.ok("tenant", tenants=entities, agent_hosts=HOSTS)
    return made


def move(catalog: Catalog, state: str = "begun", **params: Any) -> dict[str, Any]:
    """The move of the agent, brought as far as this."""
    [found] = catalog.ok("agent_move", agents=["acme"], state=state, agent_hosts=HOSTS, **params)["moves"]
    return found


def test_only_its_move_says_where_an_agent_is(catalog: Catalog) -> None:
    for state, here, left in (("begun", "gpu-01", "gpu-02"), ("switched", "gpu-02", "gpu-01")):
        move(catalog, state, to_host="gpu-02")
        for asked in ELSEWHERE[state]:
            told = catalog.ok("tenant", keep_going=True, agent_hosts=HOSTS, tenants=[
                {"tenant": "acme", "name": "Acme", "agents": [{"agent": "acme", **asked}]}, {"tenant": "blue", "name": state},
            ])
            [refused] = told["failures"]
            assert refused["tenant"] == "acme" and refused["error"]["kind"] == "agent_moves"
            assert "gpu-01 to gpu-02" in refused["error"]["cause"]
            assert "move_agent.yml -e tenant=acme -e agent=acme." in refused["error"]["remedy"]
            assert [tenant["tenant"] for tenant in told["tenants"]] == ["blue"]
        # No other path goes around it.
        with pytest.raises(BenchError, match="on its way from gpu-01 to gpu-02"):
            catalog.sql(f"UPDATE llmops.agents SET host = '{left}', port = 12000 WHERE agent = 'acme'")
        assert catalog.sql("SELECT host FROM llmops.agents WHERE agent = 'acme'").strip() == here
    # Should the host that it went to be lost, it goes back to what it left; once, and nowhere else.
    assert catalog.error("agent_move", agents=["acme"], state="reversed", to_host="gpu-03")["kind"] == "move_missing"
    for changed in (True, False):
        back = catalog.ok("agent_move", agents=["acme"], state="reversed", to_host="gpu-01")
        assert back["changed"] is changed
        assert [(each["state"], each["from_host"], each["to_host"]) for each in back["moves"]] == [("switched", "gpu-02", "gpu-01")]
    # All else may be said of it, and what it is told by is not where it was seen last.
    assert catalog.ok("tenant_agent", tenant="acme", agent="acme", host="gpu-01", keep_alive="1h")["changed"]
    assert move(catalog, "finished")["state"] == "finished"
    error = catalog.error("tenant_agent", tenant="acme", agent="acme", host="gpu-02")
    assert error["kind"] == "agent_has_host", "between the end of a move and the first look at its agent, too"
