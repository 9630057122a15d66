# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a model store keeps what, and which names are which paths. No file is read here but by ``prepare``.

Manifests lie as Ollama lays them, so a view made of hard links is a models directory for Ollama as it is.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass

from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError
from ansible_collections.llmops.tenancy.plugins.module_utils.names import full_model, listed_model
from ansible_collections.llmops.tenancy.plugins.module_utils.ollama.reference import parse_model

# The options of an overlay mount are split at these, and an escape of theirs would have to pass the engine, too.
_UNMOUNTABLE = re.compile(r"[:,\\\s]")
# Made in this order. ``locks`` comes first: a directory that has it is a store, or one that was about to be.
_PARTS = (
    ("locks", 0o700),
    ("blobs", 0o755),
    ("manifests", 0o755),
    ("views", 0o755),
    ("partial", 0o700),
    ("staging", 0o700),
    ("agents", 0o755),
)
_OF_THE_FILE_SYSTEM = {"lost+found"}


@dataclass(frozen=True)
class AgentPlaces:
    """What an agent has in the store.

    :param link: symbolic link to its view; the kernel follows it when the volume is mounted.
    :param upper: directory of what the agent writes itself. :param work: the overlay's own directory.
    :param mounted: symbolic link to the view that it runs with, while ``link`` names one that waits for its next start.
    """

    link: str
    upper: str
    work: str
    mounted: str


class Layout:
    """The paths of one store.

    :param root: its directory.
    :raises TenancyError: ``invalid_store`` for a path that no overlay mount can name.
    """

    def __init__(self, root: str) -> None:
        path = os.path.normpath(root)
        if not os.path.isabs(path) or path == "/" or _UNMOUNTABLE.search(path):
            raise TenancyError(
                f"'{root}' can't be a model store",
                cause="agents mount it by its path, so it must be absolute, without ':', ',', '\\' and white space",
                remedy="Choose another directory, for example /var/lib/llmops/models",
                kind="invalid_store",
            )
        self.root = path
        self.locks, self.blobs, self.manifests, self.views, self.partial, self.staging, self.agents = (
            os.path.join(path, name) for name, _mode in _PARTS
        )

    def blob(self, digest: str) -> str:
        """Path of a blob.

        :param digest: ``sha256:…`` or the 64 hexadecimal digits.
        """
        return os.path.join(self.blobs, blob_name(digest))

    def manifest(self, name: str) -> str:
        """Path of the manifest of a model.

        :raises TenancyError: ``invalid_model``.
        """
        return os.path.join(self.manifests, manifest_path(name))

    def view(self, view_id: str) -> str:
        """Directory of a view."""
        return os.path.join(self.views, view_id)

    def part(self, digest: str) -> str:
        """Directory of the download of a blob."""
        return os.path.join(self.partial, blob_name(digest).removeprefix("sha256-"))

    def agent(self, name: str) -> AgentPlaces:
        """What the agent of that name has."""
        place = os.path.join(self.agents, name)
        return AgentPlaces(*(os.path.join(place, name) for name in ("view", "upper", "work", "mounted")))

    def view_of(self, agent: str) -> str:
        """Id of the view that an agent's link names; empty without one."""
        return _named(self.agent(agent).link)

    def views_of(self, agent: str) -> set[str]:
        """Ids of the views that an agent needs: the one that its link names, and an older one that it may run with still."""
        return {self.view_of(agent), _named(self.agent(agent).mounted)} - {""}

    def agent_names(self) -> list[str]:
        """The agents that have a place, running or not."""
        return sorted(os.listdir(self.agents)) if os.path.isdir(self.agents) else []

    def exists(self) -> bool:
        """Whether the store is there. Anything else in its place is an error.

        :raises TenancyError: ``not_a_store`` for a directory with something else in it; ``unsafe_store`` for one that
            another user could change.
        """
        try:
            found = os.stat(self.root)
            names = set(os.listdir(self.root)) if stat.S_ISDIR(found.st_mode) else {""}
        except FileNotFoundError:
            return False
        if found.st_uid != os.geteuid():
            raise TenancyError(
                f"'{self.root}' can't be a model store",
                cause=f"it belongs to the user with id {found.st_uid}, who could change the models of all tenants",
                remedy=f"chown root: {self.root} once you know that its content is sound, or choose another directory",
                kind="unsafe_store",
            )
        if names - _OF_THE_FILE_SYSTEM and "locks" not in names:
            raise TenancyError(
                f"'{self.root}' is not a model store",
                cause="it is no directory, or has something else in it",
                remedy="Choose an empty directory, or one that is not there yet",
                kind="not_a_store",
            )
        return all(os.path.isdir(os.path.join(self.root, name)) for name, _mode in _PARTS)

    def prepare(self) -> None:
        """Make the directories that are not there.

        :raises TenancyError: as :meth:`exists`; ``store_unwritable`` when they can't be made.
        """
        if self.exists():
            return
        try:
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            # Nobody but root gets in, whatever the modes below: containers see it through their mounts only.
            os.chmod(self.root, 0o700)
            for name, mode in _PARTS:
                path = os.path.join(self.root, name)
                os.makedirs(path, exist_ok=True)
                os.chmod(path, mode)
        except OSError as error:
            raise TenancyError(
                f"Model store '{self.root}' can't be made",
                cause=error.strerror or str(error),
                remedy="Run the module as root, on a disk that can be written",
                kind="store_unwritable",
            ) from error


def _named(link: str) -> str:
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""


def blob_name(digest: str) -> str:
    """``sha256-…``, as Ollama calls the file."""
    return f"sha256-{digest.removeprefix('sha256:')}"


def full_name(model: str) -> str:
    """The one spelling of a model's name, as Ollama lists it: without the registry and the namespace that go without saying.

    :raises TenancyError: ``invalid_model``.
    """
    return full_model(model)


def manifest_path(model: str) -> str:
    """Where Ollama keeps a model's manifest, below ``manifests``.

    :raises TenancyError: ``invalid_model``.
    """
    reference = parse_model(model)
    if not re.search(r"[A-Za-z0-9]", reference.host):
        raise TenancyError(
            f"'{model}' is not a model reference",
            cause=f"'{reference.host}' is no registry",
            remedy="Write [host[:port]/][namespace/]name[:tag], for example phi4-mini or phi4-mini:3.8b",
            kind="invalid_model",
        )
    return os.path.join(reference.host, reference.namespace, reference.name, reference.tag)


def name_of(path: str) -> str:
    """The model whose manifest is at ``path`` below ``manifests``."""
    return listed_model(*path.split(os.sep))
