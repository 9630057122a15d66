# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipes: what a model is made of, read and checked before anything is made, and known again by a fingerprint."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Callable, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.files import ModelFile, read_model_file, verify
from ansible_collections.llmops.tenancy.plugins.module_utils.store import content, modelfile
from ansible_collections.llmops.tenancy.plugins.module_utils.store.layout import Layout, full_name

MODELFILE = "Modelfile"
_PLACE = "/source"
Reader = Callable[[str], ModelFile]
Finder = Callable[[modelfile.Source], "ModelFile | None"]


@dataclass(frozen=True)
class Ingredient:
    """A file of this machine. :param place: its path where the model is made."""

    path: str
    place: str
    digest: str
    size: int


@dataclass(frozen=True)
class Base:
    """A model of the store that another one is made of. :param digest: of its manifest. :param blobs: their digests."""

    model: str
    digest: str
    blobs: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What a model is made of.

    :param model: its full name. :param origin: what the operator gave, for messages.
    :param text: the Modelfile, with the places of the files.
    """

    model: str
    origin: str
    text: str
    files: tuple[Ingredient, ...] = ()
    bases: tuple[Base, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of its files: about what the model will need on disk."""
        return sum(file.size for file in self.files)

    @property
    def fingerprint(self) -> str:
        """The same for what makes the same model, wherever its files are; hexadecimal."""
        parts = [self.text, *(f"{file.place} {file.digest}" for file in self.files), *(base.digest for base in self.bases)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def of_file(model: str, file: ModelFile, checksum: str = "") -> Recipe:
    """The recipe of a GGUF file alone.

    :raises TenancyError: ``checksum_mismatch``.
    """
    verify(file, checksum or None)
    place = f"{_PLACE}/0.gguf"
    ingredient = Ingredient(os.path.realpath(file.path) if file.path else "", place, file.digest, file.size)
    return Recipe(full_name(model), f"the file '{file.path}'", f"FROM {place}\n", (ingredient,))


def of_modelfile(
    model: str, path: str, layout: Layout, files: Sequence[str] = (), read: Reader = read_model_file
) -> Recipe:
    """The recipe of a Modelfile of this machine.

    :param files: absolute paths that it may name. :param read: gives the digest of a file.
    :raises TenancyError: ``bad_modelfile``, ``unsafe_modelfile``, ``no_model_file``, ``bad_model_file``, ``unknown_base``.
    """
    known: dict[str, ModelFile] = {}

    def find(source: modelfile.Source) -> ModelFile | None:
        there = modelfile.locate(source, os.path.dirname(os.path.abspath(path)), files)
        if there and there not in known:
            known[there] = read(there)
        return known[there] if there else None

    return of_text(model, f"the Modelfile '{path}'", read_text(path), layout, find)


def of_text(model: str, origin: str, text: str, layout: Layout, find: Finder) -> Recipe:
    """The recipe of the text of a Modelfile.

    :param find: gives the file that a source names; None when it names a model.
    :raises TenancyError: ``bad_modelfile``, ``unknown_base``, and what ``find`` raises.
    """
    found: dict[str, Ingredient] = {}
    bases: dict[str, Base] = {}
    places: dict[modelfile.Source, str] = {}
    for source in modelfile.sources(text):
        file = find(source)
        if file is None:
            base = _base(model, modelfile.base_model(source), layout, source)
            bases[base.model] = base
        else:
            place = f"{_PLACE}/{len(found)}.gguf"
            ingredient = found.setdefault(file.digest, Ingredient(file.path, place, file.digest, file.size))
            places[source] = ingredient.place
    rewritten = modelfile.rewritten(text, places)
    return Recipe(full_name(model), origin, rewritten, tuple(found.values()), tuple(bases.values()))


def read_text(path: str) -> str:
    """The text of a Modelfile.

    :raises TenancyError: ``no_modelfile`` or ``bad_modelfile``.
    """
    try:
        with open(path, encoding="utf-8", newline="") as content:
            return content.read()
    except UnicodeDecodeError as error:
        raise TenancyError(
            f"Modelfile '{path}' can't be used",
            cause="it is not a text in UTF-8",
            remedy="Give a GGUF file as 'path', and a text with FROM as 'modelfile'",
            kind="bad_modelfile",
        ) from error
    except OSError as error:
        raise TenancyError(
            f"Modelfile '{path}' can't be read",
            cause=error.strerror or str(error),
            remedy="Check the path; with remote_src=true it is a path on the agent host",
            kind="no_modelfile",
        ) from error


def _base(recipe_of: str, model: str, layout: Layout, source: modelfile.Source) -> Base:
    if full_name(model) == full_name(recipe_of):
        raise TenancyError(
            f"The Modelfile of {recipe_of} is FROM itself in line {source.line}",
            cause="every run would make another model of it",
            remedy="Give one of the two another name",
            kind="bad_modelfile",
        )
    try:
        manifest = content.read(layout.root, model)
    except (OSError, TenancyError) as error:
        raise TenancyError(
            f"The Modelfile of {recipe_of} is FROM {source.text} in line {source.line}",
            cause="there is neither such a file beside it nor such a model in the store",
            remedy=f"Name {source.text} before it in 'models', or put the file beside the Modelfile",
            kind="unknown_base",
            base=full_name(model),
        ) from error
    return Base(full_name(model), manifest.digest, tuple(blob.digest for blob in manifest.blobs))
