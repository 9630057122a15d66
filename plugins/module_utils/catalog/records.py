# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of the catalog, compared: what a call wants against the rows that are there. Pure values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Callable, Iterable, Mapping
from uuid import UUID

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.plan import Action, Change, Plan, differences

Row = Mapping[str, Any]

# Columns of types that JSON does not have.
_NOT_PLAIN = ("id", "created_at", "last_access", "observed_at", "at")
Key = tuple[str, ...]

# A desired value of None means "not given"; this one means "given as empty": the column goes back to its default.
CLEAR = object()


@dataclass(frozen=True)
class Kind:
    """A sort of record and how it is planned.

    :param name: for people: ``tenant user``.
    :param table: in schema llmops.
    :param identity: column that never changes, by which rows are updated and deleted.
    :param fields: columns that an operator sets; all that an insert or update writes besides the keys.
    :param keys: columns that an insert writes besides the fields.
    :param key: the comparable name of a row or a wish.
    :param title: the name of a row or a wish in diffs and actions.
    :param defaults: the fields of a new row, also what CLEAR means.
    :param show: formats fields for people in diffs.
    """

    name: str
    table: str
    identity: str
    keys: tuple[str, ...]
    fields: tuple[str, ...]
    key: Callable[[Row], Key]
    title: Callable[[Row], str]
    defaults: Callable[[Row], dict[str, Any]]
    show: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """What to write so that the wishes hold; everything else stays untouched.

    :param create: complete new rows. :param update: (changed row, its differences). :param remove: rows as they are.
    """

    create: tuple[dict[str, Any], ...] = ()
    update: tuple[tuple[dict[str, Any], tuple[Change, ...]], ...] = ()
    remove: tuple[dict[str, Any], ...] = ()


def compare(kind: Kind, wishes: Iterable[Row], current: Mapping[Key, Row]) -> Steps:
    """The steps from the rows that are there to the wishes.

    :param wishes: keys, fields and ``state``; a field that is None stays, or takes its default in a new row.
    :param current: rows by key.
    :raises TenancyError: ``named_twice``.
    """
    create, update, remove, seen = [], [], [], set()
    for wish in wishes:
        key = kind.key(wish)
        if key in seen:
            raise TenancyError(
                f"{kind.name.capitalize()} {kind.title(wish)} is named twice in one call",
                remedy="Leave one of them out",
                kind="named_twice",
            )
        seen.add(key)
        row = current.get(key)
        if wish["state"] == "absent":
            remove.extend([dict(row)] if row else [])
        elif row is None:
            create.append(_new_row(kind, wish))
        elif _agrees(kind, wish, row):
            continue
        elif changes := differences(_resolved(kind, wish, row), row) + _cleared(kind, wish, row):
            update.append(({**row, **{change.field: change.after for change in changes}}, changes))
    return Steps(tuple(create), tuple(update), tuple(remove))


def _agrees(kind: Kind, wish: Row, row: Row) -> bool:
    """Whether a row plainly is as wished: the usual case, settled first since lists are long."""
    for name in kind.fields:
        value = wish.get(name)
        if value is not None and value != row[name]:
            return False
    return True


def _new_row(kind: Kind, wish: Row) -> dict[str, Any]:
    given = {name: wish[name] for name in kind.fields if wish.get(name) not in (None, CLEAR)}
    keys = {name: wish[name] for name in kind.keys}
    return {**keys, **dict.fromkeys(kind.fields), **kind.defaults({**keys, **given}), **given}


def _resolved(kind: Kind, wish: Row, row: Row) -> dict[str, Any]:
    """The given fields, CLEAR replaced by the default where there is one."""
    wished = {name: wish.get(name) for name in kind.fields}
    if CLEAR in wished.values():
        given = {name: value for name, value in wished.items() if value not in (None, CLEAR)}
        defaults = kind.defaults({**{name: row[name] for name in kind.keys}, **given})
        wished = {name: defaults.get(name) if value is CLEAR else value for name, value in wished.items()}
    return wished


def _cleared(kind: Kind, wish: Row, row: Row) -> tuple[Change, ...]:
    """Fields cleared to nothing, which differences() would take for not given."""
    if not any(wish.get(name) is CLEAR for name in kind.fields):
        return ()
    resolved = _resolved(kind, wish, row)
    return tuple(
        Change(name, row[name], None)
        for name in kind.fields
        if wish.get(name) is CLEAR and resolved[name] is None and row[name] is not None
    )


def plan(kind: Kind, steps: Steps, written: Mapping[Key, Row]) -> Plan:
    """The plan of the steps, with new rows as they were written (allocated host and port included)."""
    actions, before, after = [], {}, {}
    for row in steps.create:
        made = written[kind.key(row)]
        actions.append(Action("create", kind.name, kind.title(made)))
        after[_heading(kind, made)] = shown(kind, made)
    for row, changes in steps.update:
        pretty = tuple(Change(c.field, _show(kind, c.field, c.before), _show(kind, c.field, c.after)) for c in changes)
        actions.append(Action("update", kind.name, kind.title(row), changes=pretty))
        before[_heading(kind, row)] = {change.field: change.before for change in pretty}
        after[_heading(kind, row)] = {change.field: change.after for change in pretty}
    for row in steps.remove:
        actions.append(Action("remove", kind.name, kind.title(row)))
        before[_heading(kind, row)] = shown(kind, row)
    return Plan(tuple(actions), before, after)


def shown(kind: Kind, row: Row) -> dict[str, Any]:
    """The fields of a row as a diff shows them to people."""
    return {name: _show(kind, name, row[name]) for name in kind.fields if row.get(name) is not None}


def _show(kind: Kind, name: str, value: Any) -> Any:
    return kind.show[name](value) if name in kind.show and value is not None else value


def _heading(kind: Kind, row: Row) -> str:
    return f"{kind.name} {kind.title(row)}"


def merge(*plans: Plan) -> Plan:
    """Several plans as one, in their order."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for each in plans:
        before.update(each.before)
        after.update(each.after)
    return Plan(tuple(action for each in plans for action in each.actions), before, after)


def plain(value: Any) -> Any:
    """A column's value as a result carries it: times in ISO 8601 UTC, UUIDs as text."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


def as_result(row: Row, **more: Any) -> dict[str, Any]:
    """A row as a module returns it."""
    result = {**row, **more}
    for name in _NOT_PLAIN:
        if result.get(name) is not None:
            result[name] = plain(result[name])
    return result


def clearable(text: str | None, parse: Callable[[str], Any] = str) -> Any:
    """An option's text as a wish: None stays None, an empty text is CLEAR, the rest is parsed."""
    if text is None:
        return None
    return parse(text) if text.strip() else CLEAR
