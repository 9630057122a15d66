# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which models a store shall have, what it has, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import faults
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import (
    DEFAULT_REGISTRY,
    Reference,
    on_mirror,
    parse_model,
)
from ansible_collections.llmops.tenancy.plugins.module_utils.options.store import MODEL, SHARED
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, seeds, source
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Manifest, Stored
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, full_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store.made import MadeSource
from ansible_collections.llmops.tenancy.plugins.module_utils.store.makers import from_files
from ansible_collections.llmops.tenancy.plugins.module_utils.store.registry import Access
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import RegistrySource, Source
from ansible_collections.llmops.tenancy.plugins.module_utils.store.unpack import listed
from ansible_collections.llmops.tenancy.plugins.module_utils.store.usage import Usage


@dataclass(frozen=True)
class Wish:
    """One model as it shall be.

    :param model: its name, as Ollama lists it. :param state: present, latest or absent. :param source: where it comes from.
    :param optional: whether the store does without it when its source has none.
    """

    model: str
    state: str
    source: Source
    optional: bool = False


@dataclass
class Finding:
    """What was found about a wish, and what follows.

    :param verb: pull, update, repair or remove; empty when all is as it shall be. ``verify`` reads all bytes first.
    :param before: the model as the store has it. :param after: as it will have it, as far as that is known.
    """

    wish: Wish
    verb: str = ""
    before: Stored | None = None
    after: Manifest | Stored | None = None
    error: TenancyError | None = None
    warnings: list[str] = field(default_factory=list)


# Makes a source of one entity of the options, or None when it is not its kind.
Maker = Callable[[Mapping[str, Any], Access, int], "Source | None"]


def from_registry(item: Mapping[str, Any], access: Access, connections: int) -> Source:
    """The registry that an entity of the options names, by its mirror or by the model's name.

    :raises TenancyError: ``invalid_model``, ``invalid_mirror``.
    """
    insecure = bool(item["insecure"])
    if item["mirror"]:
        return RegistrySource(on_mirror(item["model"], item["mirror"], insecure), access, connections)
    reference: Reference = parse_model(item["model"])
    if insecure and reference.host != DEFAULT_REGISTRY:
        reference = reference.without_tls()
    return RegistrySource(reference, access, connections)


# The first that makes one counts.
MAKERS: tuple[Maker, ...] = (from_registry,)


def read_wish(item: Mapping[str, Any], params: Mapping[str, Any]) -> Wish:
    """The wish of one entity of the options.

    :param params: the options, for what holds for all of them.
    :raises TenancyError: ``invalid_options``, ``invalid_model``, ``invalid_mirror``.
    """
    if bool(item["username"]) != bool(item["password"]):
        raise TenancyError(
            f"Model {item['model']} has a username without a password, or a password without a username",
            remedy="Give both, or none for a registry that serves everybody",
            kind="invalid_options",
        )
    local = from_files(item, params, Layout(params["store"]))
    if local:
        # What a model is made of decides, not its name alone.
        state = "latest" if item["state"] == "present" and not item["archive"] else item["state"]
        return Wish(full_name(item["model"]), state, local)
    access = Access(
        item["username"] or "", item["password"] or "", item["ca_path"] or "", params["timeout"], params["stall_timeout"]
    )
    connections = max(params["connections"], 1)
    made = (make(item, access, connections) for make in MAKERS)
    found = next(each for each in made if each)
    if isinstance(found, RegistrySource):
        found.seeds = tuple(params["seeds"] or ())
    return Wish(full_name(item["model"]), item["state"], found, bool(item["optional"]))


def all_stored(layout: Layout, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Entities of the options that stand for all models of the store, each from where the options say."""
    return _all(params, [model.name for model in content.stored(layout)])


def all_archived(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Entities of the options that stand for all models of the archive.

    :raises TenancyError: ``bad_archive``, ``checksum_mismatch``…
    """
    return _all(params, [model.name for model in listed(params["archive"], (), params["checksum"] or "")])


def _all(params: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    shared = {name: params[name] for name in MODEL if name in SHARED}
    rest = {name: None for name in MODEL if name not in SHARED}
    return [{**rest, **shared, "model": name, "state": "present"} for name in names]


def look(layout: Layout, usage: Usage, wish: Wish, *, check: bool, verify: bool) -> Finding:
    """Compare a wish with what the store has. Changes nothing; an error is part of the finding."""
    before = next((model for model in usage.models if model.name == wish.model), None)
    finding = Finding(wish, before=before, after=before)
    try:
        if wish.state == "absent":
            _absent(finding, usage)
        else:
            _wanted(finding, check)
            if verify and before and not finding.verb:
                finding.verb = "verify"
    except TenancyError as error:
        finding.error, finding.after, finding.verb = error, finding.before, ""
        if wish.optional and error.kind == "model_not_in_registry":
            finding.error = None
            finding.warnings.append(f"{error.what}: {wish.model} stays out of the store, and with agents that have it themselves")
    return finding


def _absent(finding: Finding, usage: Usage) -> None:
    if not finding.before:
        return
    agents = usage.agents_of(finding.wish.model)
    if agents:
        raise TenancyError(
            f"Model {finding.wish.model} can't be removed from the model store",
            cause=f"{len(agents)} agents use it, running or not: {', '.join(agents[:10])}",
            remedy="Take it out of their models first, or remove the agents",
            kind="model_in_use",
            agents=agents,
        )
    finding.verb, finding.after = "remove", None


def _wanted(finding: Finding, check: bool) -> None:
    wish, before = finding.wish, finding.before
    if before and before.complete and wish.state == "present":
        return
    try:
        finding.after = wish.source.manifest()
    except TenancyError as error:
        # A real run tries again and again, in the worker; a prediction says that it is none.
        if not faults.may_pass(error) and error.kind != "registry_unreachable":
            raise
        finding.after = before
        if check:
            finding.warnings.append(f"What {wish.source.label} has as {wish.model} is not known: {error.cause}")
            if before and before.complete:
                return
    if before and finding.after and finding.after.digest == before.digest and before.complete:
        finding.after = before
        return
    finding.verb = "pull" if not before else "update" if not _same(finding) else "repair"


def _same(finding: Finding) -> bool:
    """Whether the version stays, and only lost blobs come back."""
    before, after = finding.before, finding.after
    return bool(before and after and before.digest == after.digest and not before.complete)


def incoming(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes that are to come for all of them together, as far as they are known."""
    return source.missing_bytes(layout, [blob for finding in findings for blob in _coming(finding)])


def room(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes of room that all of them take together, as far as they are known."""
    return source.room_bytes(layout, [blob for finding in findings for blob in _coming(finding)]) + making(findings)


def making(findings: Sequence[Finding]) -> int:
    """Bytes that models take which are made of files here."""
    return sum(each.wish.source.making for each in findings if each.verb and isinstance(each.wish.source, MadeSource))


def offered(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes of these that agents of the host seem to have already."""
    blobs: dict[tuple[str, ...], list[content.Blob]] = {}
    for finding in findings:
        if isinstance(finding.wish.source, RegistrySource):
            blobs.setdefault(finding.wish.source.seeds, []).extend(_coming(finding))
    return sum(seeds.offered(layout, found, folders) for folders, found in blobs.items())


def _coming(finding: Finding) -> Sequence[content.Blob]:
    return finding.after.blobs if finding.verb in ("pull", "update", "repair") and finding.after else ()
