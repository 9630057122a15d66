# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory behind the stand-in: users generated on the fly, groups, app roles, and a log of changes."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Iterator
from uuid import UUID

LICENCE = {"skuId": "6fd2c87f-b296-42f0-b197-1e91e994b900", "disabledPlans": []}
_DEPARTMENTS = ("Sales", "Legal", "Finance", "Engineering", "Support")
_TITLES = ("Manager", "Clerk", "Engineer", None)


@dataclass
class Application:
    """An app registration with consent in the tenant.

    :param permissions: application permissions that an administrator consented to.
    :param certificate: PEM of the certificate that may sign assertions.
    :param assertion: token of the federated identity that is accepted.
    """

    client_id: str
    secret: str = ""
    expired_secret: str = ""
    certificate: str = ""
    assertion: str = ""
    permissions: set[str] = field(
        default_factory=lambda: {"User.Read.All", "GroupMember.Read.All", "Application.Read.All"}
    )
    app_roles: dict[str, str] = field(default_factory=dict)
    assignments: list[dict[str, Any]] = field(default_factory=list)


class Directory:
    """One Microsoft 365 tenant.

    :param tenant_id: its GUID. :param users: how many are generated. :param domain: of their addresses.
    """

    def __init__(self, tenant_id: str, users: int = 0, domain: str = "empresa.example") -> None:
        self.tenant_id = tenant_id
        self.domain = domain
        self.base = users
        self.sequence = 0
        self.oldest_token = 0
        self.groups: dict[str, list[dict[str, str]]] = {}
        self.applications: dict[str, Application] = {}
        self.first_round_tombstones = False
        self._prefix = UUID(tenant_id).hex[:8]
        self._own: dict[str, dict[str, Any] | str] = {}
        self._added: list[str] = []
        self._log: list[tuple[int, str]] = []
        self._lock = threading.RLock()

    def id_of(self, number: int) -> str:
        """Id of the generated user ``number``."""
        return f"{self._prefix}-0000-4000-8000-{number:012x}"

    def get(self, key: str) -> dict[str, Any] | str | None:
        """A user, the reason why it is removed, or None."""
        if key in self._own:
            return self._own[key]
        number = int(key[24:], 16) if key.startswith(f"{self._prefix}-0000-4000-8000-") else -1
        return self._generated(number) if 0 <= number < self.base else None

    def ids(self) -> Iterator[str]:
        """All ids, those of removed users included."""
        for number in range(self.base):
            yield self.id_of(number)
        yield from self._added

    def total(self) -> int:
        """How many ids there are."""
        return self.base + len(self._added)

    def page(self, start: int, size: int) -> list[str]:
        """Ids ``start`` to ``start + size``."""
        generated = [self.id_of(number) for number in range(start, min(start + size, self.base))]
        rest = max(0, start - self.base)
        return generated + self._added[rest:rest + size - len(generated)]

    def add(self, **values: Any) -> str:
        """A new user; returns its id."""
        with self._lock:
            number = len(self._added)
            key = values.pop("id", f"{self._prefix}-0000-4000-9000-{number:012x}")
            name = values.get("displayName", f"Added {number}")
            address = f"added{number}@{self.domain}"
            user = {
                "id": key, "displayName": name, "mail": address, "userPrincipalName": address, "accountEnabled": True,
                "department": None, "jobTitle": None, "userType": "Member", "assignedLicenses": [LICENCE],
            }
            self._own[key] = {**user, **values}
            self._added.append(key)
            self._note(key)
            return key

    def set(self, key: str, **values: Any) -> None:
        """Change a user."""
        with self._lock:
            current = self.get(key)
            if not isinstance(current, dict):
                raise KeyError(key)
            self._own[key] = {**current, **values}
            self._note(key)

    def remove(self, key: str, reason: str = "deleted", silently: bool = False) -> None:
        """Delete a user: ``changed`` is into the recycle bin, ``deleted`` for good.

        :param silently: no tombstone is ever sent for it, as it happens with Graph.
        """
        with self._lock:
            self._own[key] = reason
            if not silently:
                self._note(key)

    def resize(self, users: int) -> None:
        """Another number of generated users, without a word about it in the delta log."""
        self.base = users

    def changed_since(self, sequence: int) -> list[str]:
        """Ids changed after ``sequence``, each once."""
        with self._lock:
            return list(dict.fromkeys(key for at, key in self._log if at > sequence))

    def members(self, group: str, transitive: bool) -> list[dict[str, str]] | None:
        """Members of a group, each once; None when there is no such group."""
        if group not in self.groups:
            return None
        found: dict[str, dict[str, str]] = {}
        todo, seen = [group], {group}
        while todo:
            for member in self.groups.get(todo.pop(), []):
                found.setdefault(member["id"], member)
                if transitive and member["@odata.type"].endswith(".group") and member["id"] not in seen:
                    seen.add(member["id"])
                    todo.append(member["id"])
        return list(found.values())

    def group(self, group: str, users: list[str], *others: tuple[str, str]) -> None:
        """Make or replace a group.

        :param others: (type, id) of members that are no users, for example ``("group", …)``.
        """
        members = [{"@odata.type": "#microsoft.graph.user", "id": key} for key in users]
        members += [{"@odata.type": f"#microsoft.graph.{kind}", "id": key} for kind, key in others]
        self.groups[group] = members

    def select(self, condition: str) -> Iterator[dict[str, Any]]:
        """Users for which an OData filter holds.

        :raises ValueError: for a filter that this stand-in does not speak.
        """
        terms = [_term(part) for part in re.split(r"\s+and\s+", condition)]
        if len(terms) == 1 and terms[0][0] == "id":
            candidates: Iterator[str] = iter(terms[0][1])
        else:
            candidates = self.ids()
        for key in candidates:
            user = self.get(key)
            if isinstance(user, dict) and all(user.get(name) in values for name, values in terms):
                yield user

    def _note(self, key: str) -> None:
        self.sequence += 1
        self._log.append((self.sequence, key))

    def _generated(self, number: int) -> dict[str, Any]:
        address = f"user{number}@{self.domain}"
        return {
            "id": self.id_of(number), "displayName": f"User {number}", "mail": address, "userPrincipalName": address,
            "accountEnabled": True, "department": _DEPARTMENTS[number % 5], "jobTitle": _TITLES[number % 4],
            "userType": "Member", "assignedLicenses": [LICENCE],
        }


def _term(text: str) -> tuple[str, list[Any]]:
    equals = re.fullmatch(r"(\w+) eq (?:'((?:[^']|'')*)'|(true|false|null))", text.strip())
    if equals:
        literal = {"true": True, "false": False, "null": None}
        return equals[1], [equals[2].replace("''", "'") if equals[2] is not None else literal[equals[3]]]
    among = re.fullmatch(r"(\w+) in \((.+)\)", text.strip())
    if among:
        values = re.findall(r"'((?:[^']|'')*)'", among[2])
        if len(values) > 15:
            raise ValueError("Too many child clauses specified in search filter expression")
        return among[1], values
    raise ValueError("Unsupported or invalid query filter clause specified")
