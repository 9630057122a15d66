# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources that an entity of the options names by a file: a GGUF file, a Modelfile, or an archive."""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.engine.docker_job import DockerJobs
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile, parse_checksum, read_model_file
from ansible_collections.llmops.tenancy.plugins.module_utils.options.docker import DockerSettings
from ansible_collections.llmops.tenancy.plugins.module_utils.quantities import parse_size
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, origins, recipe, staging
from ansible_collections.llmops.tenancy.plugins.module_utils.store.builder import Workshop, sweep
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout
from ansible_collections.llmops.tenancy.plugins.module_utils.store.made import ArchiveSource, MadeSource
from ansible_collections.llmops.tenancy.plugins.module_utils.store.modelfile import Source as Named

_ENGINE_TIMEOUT = 60
FILES = ("path", "modelfile", "archive")


def from_files(item: Mapping[str, Any], params: Mapping[str, Any], layout: Layout) -> MadeSource | ArchiveSource | None:
    """The source of an entity that names a file; None for one that names none.

    :raises TenancyError: ``invalid_options``, ``invalid_checksum``.
    """
    # What the options give for all models yields to what one of them names itself.
    listed = params["models"] is not None
    given = [name for name in (*FILES, "mirror") if item[name] and not (listed and item[name] == params[name])]
    if not given and item["archive"] and not item["mirror"]:
        given = ["archive"]
    if not set(given) & set(FILES):
        return None
    if len(given) > 1:
        raise TenancyError(
            f"Model {item['model']} has {' and '.join(given)}",
            remedy="Give the one that it shall come from",
            kind="invalid_options",
        )
    checksum = parse_checksum(item["checksum"]) if item["checksum"] else ""
    if given == ["archive"]:
        return _of_archive(item, layout, checksum)
    return _of_file(item, params, layout, checksum) if item["path"] else _of_modelfile(item, params, layout, checksum)


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
    manifest = wish.source.manifest()
    return manifest is not None and manifest.digest == stored.digest


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
        raise TenancyError(
            f"Model {item['model']} has a checksum and a Modelfile",
            cause="a checksum is of one GGUF file or of an archive",
            remedy="Leave it out",
            kind="invalid_options",
        )
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
    settings = DockerSettings(params["docker_host"], False, None, None, None, _ENGINE_TIMEOUT)
    return Workshop(DockerJobs(settings), params["builder_image"], parse_size(params["builder_memory"], "builder_memory"))
