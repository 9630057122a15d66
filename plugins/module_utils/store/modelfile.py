# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modelfiles: which files and models one is made of, and the same text with other places for them. Pure but for ``locate``.

Ollama itself reads the Modelfile when it makes the model; here only what it reaches for has to be known, so that nothing
else is ever put within its reach. https://github.com/ollama/ollama/blob/v0.24.0/parser/parser.go is what it reads by.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Iterator, Mapping, Sequence

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import full_model

_COMMANDS = (
    "from", "license", "template", "system", "adapter", "draft", "renderer", "parser", "parameter", "message", "requires"
)
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"([A-Za-z]+)[ \t]")
_LINE = re.compile(r"[^\r\n]*")


@dataclass(frozen=True)
class Source:
    """What a FROM or an ADAPTER names.

    :param command: ``from`` or ``adapter``. :param text: a file or a model. :param line: where it stands, from 1.
    :param start: offset of its text, quotes included. :param end: the offset after it.
    """

    command: str
    text: str
    line: int
    start: int
    end: int


def sources(text: str) -> tuple[Source, ...]:
    """Every FROM and ADAPTER of a Modelfile.

    :raises TenancyError: ``bad_modelfile`` with the line.
    """
    found = tuple(command for command in _commands(text) if command.command in ("from", "adapter"))
    if not any(source.command == "from" for source in found):
        raise _bad("it has no FROM line", "Begin it with FROM and a GGUF file or a model of the store")
    return found


def rewritten(text: str, places: Mapping[Source, str]) -> str:
    """The Modelfile with ``places`` instead of what its sources name."""
    for source in sorted(places, key=lambda one: one.start, reverse=True):
        text = text[: source.start] + places[source] + text[source.end :]
    return text


def locate(source: Source, folder: str, allowed: Sequence[str] = ()) -> str | None:
    """Path of the file that a source names; None when it names a model.

    :param folder: where the Modelfile is. :param allowed: absolute paths that the operator gave as well.
    :raises TenancyError: ``unsafe_modelfile`` for what is neither beside the Modelfile nor allowed, ``no_model_file``.
    """
    named = source.text
    if os.path.isabs(named):
        if os.path.realpath(named) not in {os.path.realpath(path) for path in allowed}:
            raise _unsafe(source, "it is an absolute path")
        return _file(source, os.path.realpath(named))
    if named.startswith(("~", "\\")) or ".." in named.split("/"):
        raise _unsafe(source, "it leads out of the folder of the Modelfile")
    path = os.path.realpath(os.path.join(folder, named))
    if not os.path.exists(path) and source.command == "from" and not named.startswith("./"):
        return None
    if not path.startswith(os.path.join(os.path.realpath(folder), "")):
        raise _unsafe(source, "it is a link that leads out of the folder of the Modelfile")
    return _file(source, path)


def base_model(source: Source) -> str:
    """The model that a FROM names, in full.

    :raises TenancyError: ``bad_modelfile`` when it can't be one.
    """
    try:
        return full_model(source.text)
    except TenancyError as error:
        cause = f"line {source.line}: FROM {source.text} is neither a file beside it nor a model"
        raise _bad(cause, "Correct the line") from error


def _commands(text: str) -> Iterator[Source]:
    position = _BETWEEN.match(text, 1 if text.startswith("\ufeff") else 0)
    at = position.end() if position else 0
    while at < len(text):
        line = len(re.findall(r"\r\n|\r|\n", text[:at])) + 1
        name = _NAME.match(text, at)
        if not name or name[1].lower() not in _COMMANDS:
            raise _bad(f"line {line}: '{_excerpt(text, at)}' is no instruction", f"Use one of {', '.join(_COMMANDS).upper()}")
        start, end = _value(text, name.end(), line)
        yield Source(name[1].lower(), _unquoted(text[start:end]) or "", line, start, end)
        between = _BETWEEN.match(text, end)
        at = between.end() if between else end


def _value(text: str, at: int, line: int) -> tuple[int, int]:
    """Where a value begins and ends: at the end of its line, or of the line that closes its quotes."""
    end = at
    while True:
        found = _LINE.match(text, end)
        end = found.end() if found else end
        value = text[at:end].strip()
        if _unquoted(value) is not None:
            start = at + len(text[at:end]) - len(text[at:end].lstrip())
            return start, start + len(value)
        if end == len(text):
            raise _bad(f"line {line}: its quotes are never closed", 'Close them with " or """')
        end += 1


def _unquoted(value: str) -> str | None:
    """A value without its quotes; None while they are open."""
    for quotes in ('"""', '"'):
        if value.startswith(quotes):
            closed = len(value) >= 2 * len(quotes) and value.endswith(quotes)
            return value[len(quotes) : -len(quotes)] if closed else None
    return value


def _file(source: Source, path: str) -> str:
    if not os.path.isfile(path):
        raise TenancyError(
            f"The Modelfile names '{source.text}' in line {source.line}",
            cause="there is no such file" if not os.path.exists(path) else "it is not a plain file",
            remedy="Put the GGUF file beside the Modelfile, or correct the line",
            kind="no_model_file",
        )
    return path


def _unsafe(source: Source, cause: str) -> TenancyError:
    return TenancyError(
        f"The Modelfile may not use '{source.text}' of line {source.line}",
        cause=cause,
        remedy="Put the file beside the Modelfile, or name its absolute path in 'files' too",
        kind="unsafe_modelfile",
    )


def _bad(cause: str, remedy: str) -> TenancyError:
    return TenancyError("The Modelfile can't be used", cause=cause, remedy=remedy, kind="bad_modelfile")


def _excerpt(text: str, at: int) -> str:
    found = _LINE.match(text, at)
    return (found[0] if found else "")[:40]
