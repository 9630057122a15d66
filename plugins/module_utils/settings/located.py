# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the YAML of a tenant's file with the place of every value, without vault and without filling anything in."""

from __future__ import annotations

from typing import Any

try:
    import yaml
except ImportError:
    # Where Ansible runs it is there: only the controller reads files of tenants.
    yaml = None

from ansible_collections.llmops.tenancy.plugins.module_utils.settings.tenant_file import Finding, Opaque, Parsed, Path, Place

_VAULTED = ("!vault", "!vault-encrypted")
_MERGE = "tag:yaml.org,2002:merge"


def parse(path: str, tenant: str, text: str) -> Parsed:
    """The values of a file and where they stand; what YAML itself refuses is among its faults."""
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        return Parsed(path, tenant, faults=(Finding(path, 1, 1, f"This is no text: {error}.", "invalid_file"),))
    reader = _Reader(path, loader)
    try:
        node = loader.get_single_node()
        content = None if node is None else reader.value(node, (), ())
    except yaml.MarkedYAMLError as error:
        reader.fault(error.problem_mark or error.context_mark, f"This is not YAML: {error.problem or error.context}.")
        content = None
    except yaml.YAMLError as error:
        reader.faults.append(Finding(path, 1, 1, f"This is not YAML: {' '.join(str(error).split())}.", "invalid_file"))
        content = None
    finally:
        loader.dispose()
    return Parsed(path, tenant, content, reader.places, tuple(reader.faults))


class _Reader:
    """From nodes to values; it collects places and faults."""

    def __init__(self, path: str, loader: Any) -> None:
        self.path = path
        self.loader = loader
        self.places: dict[Path, Place] = {}
        self.faults: list[Finding] = []

    def fault(self, mark: Any, message: str) -> None:
        """Note what is wrong at a mark."""
        line, column = _place(mark) if mark else (1, 1)
        self.faults.append(Finding(self.path, line, column, message, "invalid_file"))

    def value(self, node: Any, path: Path, around: tuple[Any, ...]) -> Any:
        """The value of a node. :param around: nodes that it stands in."""
        self.places.setdefault(path, _place(node.start_mark))
        if node in around:
            self.fault(node.start_mark, "An alias stands inside of what it is an alias of.")
            return Opaque
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*around, node))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index), (*around, node)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: Any) -> Any:
        if node.tag in _VAULTED:
            return Opaque
        if node.tag == "!unsafe":
            return node.value
        if node.tag.startswith("!"):
            self.fault(node.start_mark, f"The tag {node.tag} is not known. Remove it.")
            return Opaque
        found = self.loader.construct_object(node)
        return Opaque if isinstance(found, str) and ("{{" in found or "{%" in found) else found

    def _mapping(self, node: Any, path: Path, around: tuple[Any, ...]) -> dict[Any, Any]:
        own: dict[Any, int] = {}
        for key, _item in node.value:
            if not isinstance(key.value, str) or key.tag == _MERGE:
                continue
            if key.value in own:
                self.fault(key.start_mark, f"The key '{key.value}' stands in line {own[key.value]}, too. Keep one of the two.")
            own[key.value] = key.start_mark.line + 1
        self.loader.flatten_mapping(node)
        found = {}
        for key, item in node.value:
            name = self._scalar(key) if isinstance(key, yaml.ScalarNode) else str(key.tag)
            self.places[(*path, name)] = _place(key.start_mark)
            found[name] = self.value(item, (*path, name), around)
        return found


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1
