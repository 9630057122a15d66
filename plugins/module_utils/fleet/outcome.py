# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a reconciliation, told by tenant, and what is to be noted of it. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.desired import Desired
from ansible_collections.llmops.tenancy.plugins.module_utils.fleet.drift import (
    agent_of,
    answered,
    compare,
    models_missing,
    tenant_of,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.names import NETWORK_PREFIX
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import observations

Values = Mapping[str, Any]
_PARTS = ("what", "cause", "remedy", "kind")


def outcome(wanted: Desired, settings: Values, recorded: Values, reports: Mapping[str, Values]) -> dict[str, Any]:
    """The end of a run.

    :param wanted: by the catalog as it is now. :param recorded: the catalog's real run, as ``work.recorded`` gives it.
    :param reports: by host ``compared`` (the plan), ``store``, ``engine`` (the waves) and ``models``, each empty where it did not run.
    :returns: ``tenants_changed`` and ``tenants_failed`` (tenants with their actions and failures), ``left`` (agents), ``unchanged`` (how many),
        ``stopped_by`` (waves after which they were left), ``orphans``, ``moving`` (agents that were left to their moves), ``retry`` (tenants),
        ``observations`` (entities for ``tenant_agent``).
    """
    plans = {host: {**report["compared"], "actions": []} if answered(report["compared"]) else report["compared"]
             for host, report in reports.items()}
    drift = compare(wanted, settings, {**recorded, "actions": []}, plans)
    failed = {tenant["tenant"]: list(tenant["failures"]) for tenant in drift["tenants"] if tenant["failures"]}
    owners = wanted.tenant_of
    for host, report in reports.items():
        for failure in _failures(host, report, wanted):
            tenant = failure.get("tenant") or owners[failure["agent"]]
            failed.setdefault(tenant, []).append({"host": host, **failure})
    left = sorted(name for report in reports.values() for name in report["engine"].get("left") or ())
    stops = [report["engine"].get("stopped_by") for report in reports.values()]
    changed = _changed(recorded["actions"], owners, reports)
    everyone = {tenant["tenant"] for tenant in drift["tenants"]}
    return {
        "tenants_changed": [{"tenant": name, "actions": actions} for name, actions in sorted(changed.items())],
        "tenants_failed": [{"tenant": name, "failures": failures} for name, failures in sorted(failed.items())],
        "left": left,
        # One wave may have stopped several hosts.
        "stopped_by": [stop for number, stop in enumerate(stops) if stop and stop not in stops[:number]],
        "unchanged": len(everyone - set(changed) - set(failed)),
        "orphans": drift["orphans"],
        "moving": drift["moving"],
        "retry": sorted({*failed, *(owners[name] for name in left)}),
        "observations": _news(wanted, reports),
    }


def _failures(host: str, report: Values, wanted: Desired) -> Iterator[dict[str, Any]]:
    """What failed after the plan: agents in their waves, and models."""
    engine, models = report["engine"], report["models"]
    yield from by_store(engine.get("failures") or (), report.get("store") or {})
    if not models.get("failed") and not models.get("unreachable"):
        return
    told = [model for model in models.get("models") or () if model.get("error")]
    for model in told:
        error = TenancyError(**{"what": "it failed", **{key: model["error"][key] for key in _PARTS if key in model["error"]}})
        yield {"agent": model["agent"], **error.as_result(), "msg": f"Model {model['model']}: {error}"}
    if not told:
        # The call itself broke: whoever lacks a model is told why.
        agents = [agent for agent in wanted.agents if agent["host"] == host]
        for agent in models_missing(agents, engine.get("agents") or (), host):
            error = TenancyError(str(models.get("msg") or "Models could not be brought"), remedy="Run again", kind="models_failed")
            yield {"agent": agent, **error.as_result()}


def by_store(failures: Iterable[Values], store: Values) -> list[dict[str, Any]]:
    """Failures; those of agents whose models the store lacks with the cause why they did not come there.

    :param failures: as ``ollama_agent`` returned them. :param store: result of ``model_store`` on that host.
    """
    return [_by_store(failure, store) for failure in failures]


def _by_store(failure: Values, store: Values) -> dict[str, Any]:
    if failure["error"]["kind"] != "model_not_in_store" or not store.get("failed"):
        return dict(failure)
    told = {model["model"]: model["error"] for model in store.get("models") or () if model.get("error")}
    causes = [(f"{name}: ", told[name]) for name in failure["error"].get("models") or () if name in told]
    if not told:
        # The call itself broke.
        causes = [("", {"what": str(store.get("msg") or "the model store could not be filled"), **(store.get("error") or {})})]
    if not causes:
        return dict(failure)
    error = TenancyError(
        failure["error"]["what"],
        cause="; ".join(f"{name}{each.get('cause') or each['what']}" for name, each in causes),
        remedy=causes[0][1].get("remedy") or "Mend it, then run again",
        kind=causes[0][1].get("kind", "model_not_in_store"),
    )
    return {**failure, **error.as_result()}


def _changed(
    records: Iterable[Values], owners: Mapping[str, str], reports: Mapping[str, Values]
) -> dict[str, list[Values]]:
    changed: dict[str, list[Values]] = {}
    for action in records:
        changed.setdefault(tenant_of(action, owners), []).append(action)
    for report in reports.values():
        for action in [*(report["engine"].get("actions") or ()), *(report["models"].get("actions") or ())]:
            agent = action["name"].rpartition(" on ")[2] if action["kind"] == "model" else agent_of(action)
            tenant = owners.get(agent) or (action["name"].removeprefix(NETWORK_PREFIX) if action["kind"] == "network" else "")
            if tenant:
                changed.setdefault(tenant, []).append(action)
    return changed


def _news(wanted: Desired, reports: Mapping[str, Values]) -> list[dict[str, Any]]:
    """Observations that differ from those that the catalog has; the same ones again would be a write for nothing."""
    seen, models = [], []
    for report in reports.values():
        told, pending = report["engine"], {agent_of(action) for action in report["compared"].get("actions") or ()}
        done = {agent["agent"]: agent for agent in told.get("agents") or ()}
        # What the plan says of an agent that was to be changed is only a forecast.
        seen += [agent for agent in report["compared"].get("agents") or () if agent["agent"] not in {*pending, *done}]
        seen += done.values()
        models += report["models"].get("models") or ()
    known = {agent["agent"]: agent.get("observed") or {} for agent in wanted.agents}
    there = [agent for agent in seen if agent["state"] != "absent" or known.get(agent["agent"])]
    return [
        entity for entity in observations(wanted.agents, there, models)
        if any(known[entity["agent"]].get(key) != value for key, value in entity["observed"].items())
    ]
