# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between what is wanted and what is there, told by tenant. Pure.

It is made of the plans that the modules returned in check mode, so it tells what a run would do and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Container, Iterable, Iterator, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import Desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.orphans import orphans
from ansible_collections.llmops.tenancy.plugins.module_utils.names import CONTAINER_PREFIX, NETWORK_PREFIX
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import missing_models

Values = Mapping[str, Any]
# The worst one is what a tenant is.
STATUSES = ("in_sync", "different", "missing", "unreachable", "failed")
# What an action without fields changes the state of a container to.
_STATES = {
    "start": ("not running", "running"), "stop": ("running", "stopped"), "remove": ("there", "gone"), "recreate": ("broken", "made anew"),
    "update": ("left over", "as it should be"),
}


@dataclass
class _Findings:
    """What was found of one tenant."""

    differences: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    status: str = "in_sync"

    def worsen(self, status: str) -> None:
        """Raise the status to this one unless it is worse already."""
        self.status = max(self.status, status, key=STATUSES.index)


def compare(wanted: Desired, settings: Values, recorded: Values, reports: Mapping[str, Values]) -> dict[str, Any]:
    """The whole report.

    :param settings: as ``fleet_settings`` returned them. :param recorded: what the catalog would be, as ``tenant`` did.
    :param reports: results of ``ollama_agent`` in check mode by host; what can't be asked has ``failed`` or ``unreachable``.
    """
    found = {tenant["tenant"]: _Findings() for tenant in wanted.tenants}
    owners = wanted.tenant_of
    for failure in [*(settings.get("failures") or ()), *(recorded.get("failures") or ())]:
        if failure["tenant"] in found or not settings.get("agent_host"):
            _fail(found.setdefault(failure["tenant"], _Findings()), failure)
    for tenant, difference in _of_catalog(recorded.get("actions") or (), owners):
        _add(found.get(tenant), difference)
    for host in [*wanted.hosts, *wanted.unknown_hosts]:
        _of_host(host, reports.get(host) or {}, wanted, found)
    strays = orphans(wanted, reports)
    moving = [{"tenant": agent["tenant"], "agent": agent["agent"], **agent["move"]} for agent in wanted.moving]
    counts = {status: sum(item.status == status for item in found.values()) for status in STATUSES}
    return {
        "tenants": [
            {"tenant": name, "status": item.status, "differences": item.differences, "failures": item.failures}
            for name, item in sorted(found.items())
        ],
        "orphans": strays,
        "moving": moving,
        "counts": {**counts, "orphans": len(strays), "moving": len(moving)},
        "in_sync": all(item.status == "in_sync" for item in found.values()) and all(item["kept"] for item in strays) and not moving,
    }


def differing(report: Values) -> list[str]:
    """The tenants of a whole report that are not as they should be."""
    return [tenant["tenant"] for tenant in report["tenants"] if tenant["status"] != "in_sync"]


def answered(report: Values) -> bool:
    """Whether a host told how it is."""
    return "agents" in report and not report.get("failed") and not report.get("unreachable")


def _fail(findings: _Findings, failure: Values) -> None:
    findings.failures.append({key: value for key, value in failure.items() if key in ("agent", "file", "host", "msg", "error")})
    findings.worsen("failed")


def _add(findings: _Findings | None, difference: dict[str, Any]) -> None:
    if findings is not None:
        findings.differences.append(difference)
        findings.worsen("missing" if difference["from"] == "missing" else "different")


def _difference(thing: str, name: str, before: Any, after: Any, impact: str, host: str | None = None) -> dict[str, Any]:
    return {"object": thing, "field": name, "from": before, "to": after, "impact": impact, "host": host}


def _of_catalog(actions: Iterable[Values], owners: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Differences of records, each with its tenant."""
    for action in actions:
        kind, name, tenant = action["kind"], action["name"], tenant_of(action, owners)
        thing = f"record of {kind} {name.partition('/')[2] or name}"
        if action["action"] == "update":
            for changed, change in action["fields"].items():
                yield tenant, _difference(thing, changed, change["before"], change["after"], action["impact"])
        elif action["action"] == "create":
            # A user is part of a tenant that is there.
            yield tenant, _difference(thing, "", "absent" if kind == "tenant user" else "missing", "made", action["impact"])
        else:
            yield tenant, _difference(thing, "", "there", "removed", action["impact"])


def _of_host(host: str, report: Values, wanted: Desired, found: Mapping[str, _Findings]) -> None:
    agents = [agent for agent in wanted.agents if agent["host"] == host]
    if not answered(report):
        for agent in agents:
            _unreachable(found[agent["tenant"]], host, host in wanted.unknown_hosts, str(report.get("msg") or ""))
        return
    owners = {agent["agent"]: agent["tenant"] for agent in agents}
    touched, made = set(), {agent_of(action) for action in report["actions"] if _makes_container(action)}
    begun = {owners.get(name) for name in made}
    anew = {(agent_of(action), action["action"]) for action in report["actions"] if action["action"] in ("recreate", "replace")}
    for action in report["actions"]:
        agent = agent_of(action)
        tenant = owners.get(agent, "") or (action["name"].removeprefix(NETWORK_PREFIX) if action["kind"] == "network" else "")
        touched.add(agent)
        # All else about a new agent follows from its being new.
        follows = (agent in made or _brings_back(action, agent, anew)) if agent else tenant in begun
        if not follows or _makes_container(action):
            for difference in _of_engine(action, host):
                _add(found.get(tenant), difference)
    for failure in report.get("failures") or ():
        touched.add(failure["agent"])
        _fail(found[failure["tenant"]], {**failure, "host": host})
    for agent in report["agents"]:
        # One that is about to be put right is asked afterwards.
        silent = agent["state"] == "running" and not agent["health"]["api"]
        # Its move may have begun since.
        if silent and agent["agent"] not in touched and agent["agent"] in owners:
            _fail(found[owners[agent["agent"]]], {"agent": agent["agent"], "host": host, **_silent(agent["agent"]).as_result()})
    for agent, missing in models_missing(agents, report["agents"], host).items():
        if agent not in made:
            _add(found[owners[agent]], _difference(f"agent {agent}", "models", "not there", ", ".join(missing), "in_place", host))


def tenant_of(action: Values, owners: Mapping[str, str]) -> str:
    """The tenant that an action of the catalog is about. :param owners: tenants by agent."""
    name = action["name"]
    return owners.get(name, "") if action["kind"] == "agent" else name.partition("/")[0]


def agent_of(action: Values) -> str:
    """The agent that an action of an engine is about; empty for what agents share."""
    return action["name"].removeprefix(CONTAINER_PREFIX) if action["kind"] not in ("image", "network") else ""


def _makes_container(action: Values) -> bool:
    return action["kind"] == "container" and action["action"] == "create"


def _brings_back(action: Values, agent: str, anew: Container[tuple[str, str]]) -> bool:
    """Whether it only brings back what is made anew: a container with its volume, or the start of one.

    :param anew: agents, each with what is done to it.
    """
    cause = {"start": "recreate", "recreate": "replace"}.get(action["action"], "")
    return action["kind"] == "container" and not action["fields"] and (agent, cause) in anew


def _of_engine(action: Values, host: str) -> Iterator[dict[str, Any]]:
    """Differences of the engine's objects."""
    thing, impact = f"{action['kind']} {action['name']}", action["impact"]
    if action["kind"] == "image":
        return
    if action["action"] == "create":
        yield _difference(thing, "", "missing", "made", impact, host)
    elif action["fields"]:
        for name, change in action["fields"].items():
            yield _difference(thing, name, change["before"], change["after"], impact, host)
    else:
        before, after = _STATES.get(action["action"], ("otherwise", "as it should be"))
        yield _difference(thing, "state", before, after, impact, host)


def _unreachable(findings: _Findings, host: str, unknown: bool, cause: str) -> None:
    error = TenancyError(
        f"Agent host {host} can't be asked",
        cause="the inventory has no such host in the group agent_hosts" if unknown else cause or "it could not be reached",
        remedy="Add it to the inventory, or move its agents" if unknown else "Mend the host and its Docker Engine, then run again",
        kind="unknown_host" if unknown else "host_unreachable",
    )
    findings.failures.append({"host": host, **error.as_result()})
    findings.worsen("unreachable")


def _silent(agent: str) -> TenancyError:
    return TenancyError(
        f"Agent '{agent}' runs and does not answer",
        remedy=f"Read its log (docker logs {CONTAINER_PREFIX}{agent}), look at the load of its host, or restart it",
        kind="agent_silent",
    )


def models_missing(agents: Sequence[Values], seen: Iterable[Values], host: str) -> dict[str, list[str]]:
    """Models by agent that should be there and are not."""
    missing: dict[str, list[str]] = {}
    for item in missing_models(agents, seen, host):
        missing.setdefault(item["agent"], []).append(item["model"])
    return missing
