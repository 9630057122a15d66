# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run ends with, as text for a person at a terminal. Pure."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.names import full_model
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import format_cpus, human_size
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.handover import endpoint_of
from ansible_collections.llmops.tenancy.plugins.module_utils.settings.store_use import told as store_use_told

Values = Mapping[str, Any]
_LABEL = 10
# A directory of a thousand people is told in one line.
_MANY = 10
_IMPACTS = {"restart": "with a restart", "recreate": "by recreating it"}


def describe_actions(actions: Iterable[Values]) -> list[str]:
    """One line for each action of a plan, in the order of the plan; many of one sort are counted in one line."""
    lines = []
    for (verb, kind), found in groupby(actions, key=lambda action: (action["action"], action["kind"])):
        alike = list(found)
        many = len(alike) > _MANY
        lines += [f"{verb} {len(alike)} {kind}s"] if many else [_describe(action) for action in alike]
    return lines


def _describe(action: Values) -> str:
    return f"{action['action']} {action['kind']} {action['name']}{notes_on(action)}"


def notes_on(action: Values) -> str:
    """What is to be known of an action besides its verb and its object, in brackets; empty when there is nothing."""
    fields = ", ".join(
        f"{name} {shown_value(name, change.get('before'))} -> {shown_value(name, change.get('after'))}"
        for name, change in (action.get("fields") or {}).items()
        if action["action"] not in ("create", "remove")
    )
    # The verb says the rest: what is stopped or removed is so on purpose.
    impact = _IMPACTS.get(action.get("impact", "")) if action["action"] == "update" else ""
    lost = "DATA IS LOST" if action.get("impact") == "data_loss" else ""
    notes = [note for note in (fields, impact, lost) if note]
    return f" ({'; '.join(notes)})" if notes else ""


def shown_value(name: str, value: Any) -> str:
    """A field's value for a person: bytes and millicpus in the units people think in."""
    if isinstance(value, int) and not isinstance(value, bool):
        if "memory" in name:
            return human_size(value)
        if "cpu" in name:
            return format_cpus(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "-"
    return "-" if value in (None, "") else str(value)


def onboarded(
    tenant: Values, observed: Iterable[Values], actions: Sequence[Values], *, seconds: float, check: bool,
    synchronised: Iterable[Values] = (), store_use: Iterable[Values] = (),
) -> list[str]:
    """The end of an onboarding.

    :param tenant: as the module ``tenant`` returns it, with its users and agents.
    :param observed: what runs, as the filter ``agent_observations`` gives it.
    :param actions: all that was done, or would be.
    :param seconds: what it took.
    :param synchronised: what ``m365_sync`` told of tenants afterwards.
    :param store_use: what came into the stores, as ``store_use.use_of`` tells it.
    """
    rounds = [item for item in synchronised if item["tenant"] == tenant["tenant"]]
    states = {item["agent"]: item["observed"] for item in observed}
    about = [tenant["tenant"], *(str(tenant[key]) for key in ("name", "domain") if tenant.get(key))]
    lines = [_line("Tenant", "  ".join(dict.fromkeys(about))), _line("Users", _users(tenant, rounds))]
    lines += [_line("M365", _round(item)) for item in rounds]
    agents = tenant.get("agents") or []
    for agent in agents:
        lines += _agent(agent, states.get(agent["agent"], {}))
    lines += [*(_line(*told) for told in store_use_told(store_use, check)), *_done(actions, seconds, check)]
    running = [agent for agent in agents if agent["desired_state"] == "started" and not agent.get("move")]
    return lines + ["", *_try_it(running)] if running and not check else lines


def changed(title: str, agents: Sequence[Values], observed: Iterable[Values], actions: Sequence[Values], *,
            seconds: float, check: bool, store_use: Iterable[Values] = ()) -> list[str]:
    """The end of starting, stopping, feeding or moving agents.

    :param title: for which tenant. :param store_use: as with :func:`onboarded`.
    """
    states = {item["agent"]: item["observed"] for item in observed}
    lines = [_line("Tenant", title)]
    for agent in agents:
        lines += _agent(agent, states.get(agent["agent"], {}))
    return [*lines, *(_line(*told) for told in store_use_told(store_use, check)), *_done(actions, seconds, check)]


def offboarded(tenant: str, kept: Sequence[Values], actions: Sequence[Values], *, known: bool, remove_data: bool,
               seconds: float, check: bool, erased: Sequence[Values] = ()) -> list[str]:
    """The end of an offboarding.

    :param kept: volumes that stay, as ``{host, agent, volume, path}``.
    :param erased: what went out of model stores, as ``{host, path, bytes, models}``.
    :param known: whether the catalog knew the tenant.
    """
    unknown = f"{tenant} is not in the catalog" + ("" if actions else ": nothing to do")
    lines = [_line("Tenant", tenant if known else unknown)]
    lines += [
        _line("Data kept", f"volume {item['volume']} on {item['host']}" + (f" ({item['path']})" if item.get("path") else ""))
        for item in kept
    ]
    if kept:
        lines.append(_line("", f"onboarding {tenant} again takes it up"))
    elif remove_data and (known or actions):
        lines.append(_line("Data", "would be removed" if check else "removed"))
        lines += [_line("", f"{each['path']} on {each['host']}: {human_size(each['bytes'])}, "
                            f"{', '.join(each['models']) or 'no models of its own'}") for each in erased]
    return lines + _done(actions, seconds, check)


def user_set(tenant: str, users: Iterable[Values], actions: Sequence[Values], *, seconds: float, check: bool) -> list[str]:
    """The end of changing users."""
    rows = [
        [user["email"], "-", "-", "removed"] if user.get("state") == "absent"
        else [user["email"], user["name"] or "-", user["role"], "active" if user["active"] else "not active"]
        for user in users
    ]
    return [_line("Tenant", tenant), *(_line("User", row) for row in table(rows)), *_done(actions, seconds, check)]


def files(written: Sequence[Values], *, check: bool) -> list[str]:
    """The files of tenants that were written or kept; those that say the same already are counted.

    :param written: as the module ``tenant_export`` returns them.
    """
    said = {"created": "would be created" if check else "created", "updated": "would be updated" if check else "updated",
            "kept": "kept as it is, the catalog says otherwise (overwrite=true writes it)"}
    lines = [f"{item['file']}: {said[item['status']]}" for item in written if item["status"] in said]
    same = sum(item["status"] == "same" for item in written)
    return [*lines, f"{len(written)} tenant{'' if len(written) == 1 else 's'}, {same} with a file that says the same"]


def adopted(adoption: Values, failures: Sequence[Values], silent: Sequence[str], *, check: bool) -> list[str]:
    """What was adopted and what can't be, with the cause.

    :param adoption: as ``adopt.adoption`` returns it. :param failures: of the module ``tenant``.
    :param silent: hosts that were not asked in the end.
    """
    failed = {each["tenant"] for each in failures}
    taken = [each for each in adoption["adopted"] if each["tenant"] not in failed]
    lines = [
        f"{each['host']}: {each['container']} {'would be' if check else 'is'} agent '{each['agent']}' of tenant {each['tenant']} now; "
        f"a new container (agent_renew={each['agent']}) would set {', '.join(each['differs']) or 'nothing'}"
        for each in taken
    ]
    lines += [f"{each['host']}: {each['container']} can't be adopted: {each['cause']}" for each in adoption["refused"]]
    lines += [f"tenant {each['tenant']} can't be recorded: {each['msg']}" for each in failures]
    lines += [f"{host}: not asked, it could not be reached" for host in silent]
    counts = f"{len(taken)} adopted, {len(adoption['known'])} adopted before, {len(adoption['refused'])} refused"
    return [*lines, counts]


def status(tenants: Iterable[Values]) -> list[str]:
    """All tenants with their agents as an aligned table.

    :param tenants: as ``tenant_info`` returns them, their agents with ``live`` when the engine was asked.
    """
    head = ["TENANT", "NAME", "USERS", "AGENT", "HOST", "PORT", "STATE", "HEALTH", "MEMORY", "CPU", "STORE", "MODELS"]
    rows = []
    for tenant in tenants:
        first = [tenant["tenant"] + ("" if tenant.get("active", True) else " (inactive)"), tenant.get("name") or "-",
                 str(tenant["user_count"])]
        agents = tenant.get("agents") or [None]
        for agent in agents:
            rows.append(first + (_status_of(agent) if agent else ["-"] * 9))
            first = ["", "", ""]
    return table([head, *rows]) if rows else ["No tenant."]


def _status_of(agent: Values) -> list[str]:
    seen = agent.get("live") or agent.get("observed") or {}
    health = seen.get("health")
    health = health.get("status") if isinstance(health, Mapping) else health
    usage = (seen.get("usage") or {}).get("memory")
    memory = human_size(agent["memory_limit"])
    return [
        agent["agent"], agent["host"], str(agent["port"]), _state_of(agent, seen, health), health or "-",
        f"{human_size(usage)} of {memory}" if usage else memory, format_cpus(agent["cpu_limit"]),
        _store_of(seen), ", ".join(_models_of(agent, seen)) or "-",
    ]


def _state_of(agent: Values, seen: Values, health: str | None) -> str:
    """Its state, and whether it is not meant to be so: an agent that was stopped on purpose looks the same to the engine."""
    if agent.get("move"):
        return f"moves from {agent['move']['from']} to {agent['move']['to']}"
    wanted = " (should run)" if health == "stopped" and agent.get("desired_state") == "started" else ""
    return (seen.get("state") or "unknown") + wanted


def _store_of(seen: Values) -> str:
    """Whether it has models of its host's store, and whether it still runs with what that had before."""
    store = seen.get("store") or {}
    return str(store.get("models") or "-") + (" (older until it restarts)" if store.get("pending") else "")


def _models_of(agent: Values, seen: Values) -> list[str]:
    """What it has, and what it lacks of what the catalog says. One that does not run can't be asked."""
    names, store = _model_names(seen), seen.get("store") or {}
    lacking = [model for model in agent["models"] if full_model(model) not in names] if seen.get("state") == "running" else []
    own = set(names) - set(store.get("shared") or ()) if store.get("models") == "shared" else set()
    return [f"{name} (own)" if name in own else name for name in names] + [f"{model} (missing)" for model in lacking]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns aligned by two spaces."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _model_names(seen: Values) -> list[str]:
    return [model["name"] if isinstance(model, Mapping) else str(model) for model in seen.get("models") or []]


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}} {text}".rstrip()


def _users(tenant: Values, rounds: Sequence[Values]) -> str:
    """``3: 1 admin, 2 viewers`` when all are known by name, else how many there are."""
    named = tenant.get("users") or []
    added = sum((item.get("counts") or {}).get("added", 0) for item in rounds)
    count = tenant.get("user_count", len(named)) + added
    if not count:
        return "none yet (set_user adds some)"
    roles = Counter(str(user["role"]) for user in named if user.get("active", True))
    parts = [f"{number} {role}{'s' if number > 1 else ''}" for role, number in sorted(roles.items())]
    if resting := len(named) - sum(roles.values()):
        parts.append(f"{resting} not active")
    return f"{count}: {', '.join(parts)}" if len(named) == count else str(count)


def _round(item: Values) -> str:
    """What the synchronisation with Microsoft 365 did to a tenant's users."""
    if item.get("failed"):
        return f"failed: {item.get('msg')}"
    if item.get("skipped"):
        return f"left alone: {item.get('reason')}"
    counts = item.get("counts") or {}
    told = [f"{counts[name]} {name}" for name in ("added", "linked", "changed", "disabled", "enabled") if counts.get(name)]
    return f"{counts.get('active', 0)} active users, {', '.join(told) or 'nothing new'}"


def _agent(agent: Values, seen: Values) -> list[str]:
    state = ", ".join(str(part) for part in (seen.get("state") or "not seen", seen.get("health")) if part)
    if seen.get("health") == "stopped":
        state = "stopped (start_agent starts it)"
    if agent.get("move"):
        state = f"left alone, it moves from {agent['move']['from']} to {agent['move']['to']} (move_agent finishes that)"
    limits = (
        f"{human_size(agent['memory_limit'])} memory ({human_size(agent['memory_reservation'])} reserved), "
        f"{format_cpus(agent['cpu_limit'])} CPU"
    )
    present = set(_model_names(seen))
    models = [model if not present or full_model(model) in present else f"{model} (missing)" for model in agent["models"]]
    return [
        _line("Agent", f"{agent['agent']} on {agent['host']}: {state}"),
        _line("  Endpoint", endpoint_of(agent)),
        _line("  Model", ", ".join(models)),
        _line("  Limits", limits),
    ]


def _done(actions: Sequence[Values], seconds: float, check: bool) -> list[str]:
    done = describe_actions(actions)
    lines = [_line("Would do" if check else "Done", done[0] if done else "nothing: all is as it should be")]
    lines += [_line("", text) for text in done[1:]]
    return [*lines, _line("Took", f"{seconds:.1f} s" + (" (check mode: nothing was changed)" if check else ""))]


def _try_it(agents: Sequence[Values]) -> list[str]:
    """One line that answers, for the first agent that runs."""
    agent = agents[0]
    if not agent["models"]:
        return []
    body = json.dumps({"model": agent["models"][0], "prompt": "Hello", "stream": False})
    where = "" if agent["host"] == "localhost" else f" on {agent['host']}"
    return [f"Try it{where}:", f"curl -s {endpoint_of(agent)}/api/generate -d '{body}'"]
