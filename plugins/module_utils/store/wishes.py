# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which models a store shall have, what it has, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import some
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama import faults
from ansible_collections.llmops.tenancy.plugins.module_utils.options.store import MODEL, SHARED
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, promotion, seeds, source
from ansible_collections.llmops.tenancy.plugins.module_utils.store.content import Manifest, Stored
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, full_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store.made import MadeSource
from ansible_collections.llmops.tenancy.plugins.module_utils.store.makers import from_agent, from_files, from_registry
from ansible_collections.llmops.tenancy.plugins.module_utils.store.promotion import AgentSource
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import RegistrySource, Source, Unmade
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

    :param verb: one of :data:`BRINGING` or remove; empty when all is as it shall be. ``verify`` reads all bytes first.
    :param before: the model as the store has it. :param after: as it will have it, as far as that is known.
    :param making: bytes that it takes when it is made here.
    """

    wish: Wish
    verb: str = ""
    before: Stored | None = None
    after: Manifest | Stored | None = None
    making: int = 0
    error: TenancyError | None = None
    warnings: list[str] = field(default_factory=list)


# What has a source bring bytes.
BRINGING = ("pull", "promote", "update", "repair")
Entity = Mapping[str, Any]
# Makes a source of one entity of the options, or None when it is not its kind; the options say what holds for all of them.
Maker = Callable[[Entity, Entity, Layout], "Source | None"]
# The first that makes one counts.
MAKERS: tuple[Maker, ...] = (from_agent, from_files, from_registry)


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
    layout = Layout(params["store"])
    made = (make(item, params, layout) for make in MAKERS)
    found = next(each for each in made if each)
    # What a model is made of decides, not its name alone.
    decides = isinstance(found, (MadeSource, AgentSource)) and item["state"] == "present"
    return Wish(full_name(item["model"]), "latest" if decides else item["state"], found, bool(item["optional"]))


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


def look(usage: Usage, wish: Wish, *, check: bool, verify: bool) -> Finding:
    """Compare a wish with what the store has. Changes nothing; an error is part of the finding."""
    before = next((model for model in usage.models if model.name == wish.model), None)
    finding = Finding(wish, before=before, after=before)
    try:
        if wish.state == "absent":
            _absent(finding, usage)
        else:
            _wanted(finding, check)
            if isinstance(wish.source, AgentSource) and finding.verb:
                _promoted(finding, wish.source, usage, check)
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
            cause=f"{len(agents)} agents use it, running or not: {some(agents)}",
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
        found = wish.source.manifest()
        finding.after, finding.making = (None, found.size) if isinstance(found, Unmade) else (found, 0)
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
    coming = "promote" if isinstance(wish.source, AgentSource) else "pull"
    finding.verb = coming if not before else "update" if not _same(finding) else "repair"


def _promoted(finding: Finding, agent: AgentSource, usage: Usage, check: bool) -> None:
    """What an operator is to know before a model is taken out of a directory that a tenant writes."""
    if check:
        agent.prove()
    if finding.verb == "update" and finding.before:
        name = finding.wish.model
        finding.warnings.extend(promotion.replaced(name, finding.before.digest, usage.agents_of(name)))


def _same(finding: Finding) -> bool:
    """Whether the version stays, and only lost blobs come back."""
    before, after = finding.before, finding.after
    return bool(before and after and before.digest == after.digest and not before.complete)


def incoming(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes that are to come for all of them together, as far as they are known."""
    return source.missing_bytes(layout, _coming(findings)) + copied(layout, findings)


def asked_for(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes that registries are asked for, and agents for copies: what files and archives give does not come over the wire."""
    named = [blob for each in findings if isinstance(each.wish.source, RegistrySource) for blob in _blobs(each)]
    return source.missing_bytes(layout, named) + copied(layout, findings)


def room(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes of room that all of them take together, as far as they are known."""
    copies = promotion.room_bytes(layout, _copying(findings))
    return source.room_bytes(layout, _coming(findings)) + copies + making(findings)


def making(findings: Sequence[Finding]) -> int:
    """Bytes that models take which are made of files here."""
    return sum(each.making for each in findings if each.verb)


def offered(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes of these that agents of the host seem to have already."""
    blobs: dict[tuple[str, ...], list[content.Blob]] = {}
    for finding in findings:
        if isinstance(finding.wish.source, RegistrySource):
            blobs.setdefault(finding.wish.source.seeds, []).extend(_coming([finding]))
    return sum(seeds.offered(layout, found, folders) for folders, found in blobs.items()) + copied(layout, findings)


def copied(layout: Layout, findings: Sequence[Finding]) -> int:
    """Bytes of what is promoted: a download that was cut is no part of a copy."""
    return sum(blob.size for blob in promotion.lacking(layout, _copying(findings)))


def _coming(findings: Sequence[Finding]) -> list[content.Blob]:
    return [blob for each in findings if not isinstance(each.wish.source, AgentSource) for blob in _blobs(each)]


def _copying(findings: Sequence[Finding]) -> list[content.Blob]:
    return [blob for each in findings if isinstance(each.wish.source, AgentSource) for blob in _blobs(each)]


def _blobs(finding: Finding) -> Sequence[content.Blob]:
    return finding.after.blobs if finding.verb in BRINGING and finding.after else ()
