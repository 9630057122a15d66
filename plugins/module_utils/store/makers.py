# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source that an entity of the options names: an agent, a file, or else a registry."""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_engine import DockerEngine
from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_job import DockerJobs
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import DEFAULT_REGISTRY, check_slug, container_name
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile, parse_checksum, read_model_file
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import on_mirror, parse_model
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_size
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, origins, places, recipe, staging
from ansible_collections.llmops.tenancy.plugins.module_utils.store.builder import Workshop, sweep
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, full_name
from ansible_collections.llmops.tenancy.plugins.module_utils.store.made import ArchiveSource, MadeSource
from ansible_collections.llmops.tenancy.plugins.module_utils.store.modelfile import Source as Named
from ansible_collections.llmops.tenancy.plugins.module_utils.store.promotion import AgentSource, Owned
from ansible_collections.llmops.tenancy.plugins.module_utils.store.registry import Access
from ansible_collections.llmops.tenancy.plugins.module_utils.store.source import RegistrySource, Unmade

_ENGINE_TIMEOUT = 60
FILES = ("path", "modelfile", "archive")


def from_agent(item: Mapping[str, Any], params: Mapping[str, Any], layout: Layout) -> AgentSource | None:
    """The source of an entity that names an agent; None for one that names none.

    :raises TenancyError: ``invalid_options``, ``invalid_slug``, ``invalid_model``.
    """
    if _named(item, params) != "agent":
        if item["agent_model"] or item["replace"]:
            raise _invalid(f"Model {item['model']} has agent_model or replace, and no agent", "Name the agent whose own model it is")
        return None
    if item["state"] == "absent":
        raise _invalid(f"Model {item['model']} has an agent, and shall be absent", "Leave the agent out: nothing of its own is removed")
    agent = check_slug(item["agent"], "agent")
    model = full_name(item["agent_model"] or item["model"])
    return AgentSource(layout, full_name(item["model"]), agent, model, bool(item["replace"]), lambda: _owned(layout, agent, params))


def from_files(item: Mapping[str, Any], params: Mapping[str, Any], layout: Layout) -> MadeSource | ArchiveSource | None:
    """The source of an entity that names a file; None for one that names none.

    :raises TenancyError: ``invalid_options``, ``invalid_checksum``.
    """
    given = _named(item, params)
    if given not in FILES:
        return None
    checksum = parse_checksum(item["checksum"]) if item["checksum"] else ""
    if given == "archive":
        return _of_archive(item, layout, checksum)
    return _of_file(item, params, layout, checksum) if item["path"] else _of_modelfile(item, params, layout, checksum)


def from_registry(item: Mapping[str, Any], params: Mapping[str, Any], layout: Layout) -> RegistrySource:
    """The registry that an entity names, by its mirror or by the model's name.

    :raises TenancyError: ``invalid_model``, ``invalid_mirror``.
    """
    insecure = bool(item["insecure"])
    reference = on_mirror(item["model"], item["mirror"], insecure) if item["mirror"] else parse_model(item["model"])
    if insecure and not item["mirror"] and reference.host != DEFAULT_REGISTRY:
        reference = reference.without_tls()
    access = Access(
        item["username"] or "", item["password"] or "", item["ca_path"] or "", params["timeout"], params["stall_timeout"]
    )
    return RegistrySource(reference, access, max(params["connections"], 1), tuple(params["seeds"] or ()))


def needs(layout: Layout, wishes: Iterable[Any]) -> list[str]:
    """Files of the controller that have to come here, because the store does not have what is made of them.

    :param wishes: with ``model``, ``state`` and ``source``.
    """
    wanted: list[str] = []
    for wish in wishes:
        absent = getattr(wish.source, "absent", ()) if wish.state != "absent" else ()
        if absent and not _current(layout, wish):
            wanted.extend(absent)
    return list(dict.fromkeys(wanted))


def relate(wishes: Sequence[Any]) -> None:
    """Tell models that are made of others which of those the same call brings: what they give is known only then."""
    coming = {wish.model: wish for wish in wishes if wish.state != "absent"}
    for wish in wishes:
        if isinstance(wish.source, MadeSource):
            layout = wish.source.layout
            wish.source.changes = lambda name, layout=layout: name in coming and not _current(layout, coming[name])


def tidy(layout: Layout, params: Mapping[str, Any]) -> None:
    """Take away the containers and folders of runs that were killed while they made a model."""
    if any(os.path.exists(left.file(recipe.MODELFILE)) for left in staging.left(layout)):
        sweep(layout, _workshop(params).jobs)


def _current(layout: Layout, wish: Any) -> bool:
    """Whether the store has what a wish asks for."""
    stored = content.find(layout, wish.model)
    if not stored or not stored.complete:
        return False
    if wish.state == "present":
        return True
    found = wish.source.manifest()
    return not isinstance(found, Unmade) and found.digest == stored.digest


def _named(item: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """The option by which an entity says where its model comes from; empty when none does.

    :raises TenancyError: ``invalid_options`` for more than one.
    """
    # What the options give for all models yields to what one of them names itself.
    listed = params["models"] is not None
    given = [name for name in (*FILES, "mirror", "agent") if item[name] and not (listed and item[name] == params[name])]
    if len(given) > 1:
        raise _invalid(f"Model {item['model']} has {' and '.join(given)}", "Give the one that it shall come from")
    inherited = "archive" if item["archive"] and not item["mirror"] else ""
    return given[0] if given else inherited


def _invalid(what: str, remedy: str) -> TenancyError:
    return TenancyError(what, remedy=remedy, kind="invalid_options")


def _owned(layout: Layout, agent: str, params: Mapping[str, Any]) -> Owned:
    """Where an agent's models are: over this store, or else where its engine has them."""
    if os.path.isdir(layout.agent(agent).upper):
        return _over(layout, agent)
    volume = DockerEngine(engine_of(params)).observe([agent]).volumes.get(container_name(agent))
    other = places.layout_of(volume.mount) if volume and volume.mount else None
    if other:
        return _over(other, agent)
    if volume and volume.path:
        return Owned(volume.path)
    raise TenancyError(
        f"Agent {agent} has no models on this host",
        cause=f"model store '{layout.root}' has no place of that agent, and its engine no volume",
        remedy="Look with tenant_status where the agent is, and run this there",
        kind="agent_not_found",
    )


def _over(layout: Layout, agent: str) -> Owned:
    seen = layout.view_of(agent)
    return Owned(layout.agent(agent).upper, layout.view(seen) if seen else "")


def _of_archive(item: Mapping[str, Any], layout: Layout, checksum: str) -> ArchiveSource:
    known = item["file"] or {}
    path, absent = _place(item["archive"], known.get("path"), bool(known))
    return ArchiveSource(layout, item["model"], path, checksum, known.get("manifest", "") if absent else "", absent)


def _of_file(item: Mapping[str, Any], params: Mapping[str, Any], layout: Layout, checksum: str) -> MadeSource:
    known = item["file"] or {}
    path, absent = _place(item["path"], known.get("path"), bool(known))

    def read() -> recipe.Recipe:
        if known:
            file = ModelFile(path, known["digest"], int(known["size"]))
        else:
            file = _unread(item["model"], path, checksum, layout) or read_model_file(path)
        return recipe.of_file(item["model"], file, checksum)

    return MadeSource(layout, f"the file '{item['path']}'", read, lambda: _workshop(params), absent)


def _of_modelfile(item: Mapping[str, Any], params: Mapping[str, Any], layout: Layout, checksum: str) -> MadeSource:
    if checksum:
        raise _invalid(f"Model {item['model']} has a checksum and a Modelfile", "Leave it out: it is of one GGUF file or of an archive")
    known = item["file"] or {}
    files = {named: _given(named, value) for named, value in (known.get("files") or {}).items()}
    absent = tuple(path for named, (_file, path) in files.items() if path)

    def find(source: Named) -> ModelFile | None:
        return files[source.text][0] if source.text in files else None

    def read() -> recipe.Recipe:
        if known:
            return recipe.of_text(item["model"], f"the Modelfile '{item['modelfile']}'", known["text"], layout, find)
        return recipe.of_modelfile(item["model"], item["modelfile"], layout, item["files"] or ())

    return MadeSource(layout, f"the Modelfile '{item['modelfile']}'", read, lambda: _workshop(params), absent)


def _place(path: str, brought: str | None, known: bool) -> tuple[str, tuple[str, ...]]:
    """Where a file is on this machine, and which one has to come here first."""
    if not known:
        return path, ()
    return (brought, ()) if brought else (path, (path,))


def _given(named: str, value: Mapping[str, Any]) -> tuple[ModelFile, str]:
    """A file as the action plugin knows it, and its path on the controller while it has to come from there."""
    return ModelFile(value["path"] or named, value["digest"], int(value["size"])), "" if value["path"] else value["here"]


def _unread(model: str, path: str, checksum: str, layout: Layout) -> ModelFile | None:
    """The file as its checksum says, when the store has the model of just that: no need to read gigabytes to know it."""
    if not checksum:
        return None
    file = ModelFile(path, checksum, 0)
    made = recipe.of_file(model, file, checksum)
    return file if origins.known(layout, made.model, made.fingerprint) else None


def _workshop(params: Mapping[str, Any]) -> Workshop:
    return Workshop(DockerJobs(engine_of(params)), params["builder_image"], parse_size(params["builder_memory"], "builder_memory"))


def engine_of(params: Mapping[str, Any]) -> DockerSettings:
    """How to reach the engine of this host."""
    return DockerSettings(params["docker_host"], False, None, None, None, _ENGINE_TIMEOUT)
